import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/protocol/message.js';
import { decodeReply, encodeRequest } from '../../../src/protocol/pidbox.js';
import type { RemoteCommand } from '../../../src/remote-control/command.js';
import { commandTable, remoteCommands } from '../../../src/remote-control/commands/index.js';
import { Mailbox, type MailboxOptions } from '../../../src/remote-control/mailbox.js';
import { FakeWorker } from '../../support/fake-worker.js';
import { PublishingBroker } from '../../support/publishing-broker.js';

let worker: FakeWorker;
let broker: PublishingBroker;

beforeEach(() => {
  worker = new FakeWorker();
  broker = new PublishingBroker();
});

function mailbox(more: Partial<MailboxOptions> = {}, own: readonly RemoteCommand[] = []): Mailbox {
  return new Mailbox({
    broker,
    worker,
    commands: commandTable([...remoteCommands, ...own]),
    namespace: 'celery',
    limits: { ttlS: 300, expiresS: 10 },
    allowed: null,
    monotonicMs: () => performance.now(),
    ...more,
  });
}

function request(method: string, args: Record<string, unknown> = {}, ticket: string | null = 't-1'): Message {
  const replyTo = ticket === null ? null : { exchange: 'reply.celery.pidbox', routingKey: 'oid-1' };
  return encodeRequest({ method, arguments: args, destination: null, pattern: null, matcher: null, ticket, replyTo }, 40, 0);
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const answers = (): unknown[] => broker.published.map(({ message }) => decodeReply(message).values.get(worker.nodename));

describe('a mailbox', () => {
  it('hears what is sent to its node from when it opened until it closed', async () => {
    const box = mailbox();
    await box.open();
    broker.listeners.get('worker1@host.celery.pidbox')?.(request('ping'));
    expect(answers()).toEqual([{ ok: 'pong' }]);
    await box.close();
    expect(broker.listeners.size).toBe(0);
  });

  it('answers to the address and with the ticket of the request, one step later on the clock', () => {
    mailbox().receive(request('ping'));
    const [{ message, route }] = broker.published as [(typeof broker.published)[0]];
    expect(route).toEqual({ exchange: { name: 'reply.celery.pidbox', type: 'direct', durable: false }, routingKey: 'oid-1' });
    expect(decodeReply(message)).toMatchObject({ ticket: 't-1', clock: 42 });
  });

  it('obeys without an answer when none was asked for', () => {
    mailbox().receive(request('revoke', { task_id: 'x' }, null));
    expect(worker.deeds).toEqual([['revoke', ['x'], 'mark']]);
    expect(broker.published).toEqual([]);
  });

  it('waits for commands that take their time, and answers others meanwhile', async () => {
    let finish = (_value: unknown): void => {};
    const slow: RemoteCommand = {
      name: 'slow',
      kind: 'control',
      summary: 'waits',
      handle: () => new Promise((resolve) => (finish = resolve)),
    };
    const box = mailbox({}, [slow]);
    box.receive(request('slow'));
    box.receive(request('ping'));
    expect(answers()).toEqual([{ ok: 'pong' }]);
    finish('done');
    await settle();
    expect(answers()).toEqual([{ ok: 'pong' }, 'done']);
  });

  it('answers what a command of the user throws or returns, whatever it is', async () => {
    const own = (name: string, handle: RemoteCommand['handle']): RemoteCommand => ({ name, kind: 'control', summary: 'own', handle });
    const trap = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
        getPrototypeOf: () => {
          throw new Error('no');
        },
      },
    ); // prettier-ignore
    const box = mailbox({}, [
      own('throws', () => {
        throw new RangeError('too far');
      }),
      own('rejects', async () => {
        throw new Error("it's over");
      }),
      own('throws_text', () => {
        throw 'text';
      }),
      own('throws_trap', () => {
        throw trap;
      }),
      own('returns_nothing', () => undefined),
      own('returns_function', () => () => 1),
      own('returns_circle', () => {
        const circle: unknown[] = [];
        circle.push(circle);
        return circle;
      }),
    ]);
    for (const method of ['throws', 'rejects', 'throws_text', 'throws_trap', 'returns_nothing', 'returns_function', 'returns_circle']) {
      box.receive(request(method));
      await settle();
    }
    expect(answers()).toEqual([
      { error: "RangeError('too far')" },
      { error: 'Error("it\'s over")' },
      { error: "'text'" },
      { error: "Exception('an error that cannot be printed')" },
      null,
      { error: expect.any(String) },
      { error: expect.any(String) },
    ]);
  });

  it('obeys only what the settings allow, where they say so', () => {
    const box = mailbox({ allowed: new Set(['ping']) });
    box.receive(request('shutdown'));
    box.receive(request('revoke', { task_id: 'x' }));
    box.receive(request('dump_active'));
    box.receive(request('ping'));
    expect(worker.deeds).toEqual([]);
    expect(answers()).toEqual([
      { error: expect.stringMatching(/^PermissionError\('shutdown is not allowed/) },
      { error: expect.stringMatching(/^PermissionError\('revoke is not allowed/) },
      { error: expect.stringMatching(/^PermissionError\('active is not allowed/) },
      { ok: 'pong' },
    ]);
  });

  it('answers questions and obeys nothing with @inspect, but what stands beside it', async () => {
    const box = mailbox({ allowed: new Set(['@inspect', 'rate_limit']) });
    for (const method of ['shutdown', 'pool_restart', 'revoke', 'add_consumer', 'pool_grow'])
      box.receive(request(method, { task_id: 'x' }));
    expect(answers().every((answer) => /PermissionError/.test(JSON.stringify(answer)))).toBe(true);
    expect(worker.deeds).toEqual([]);
    box.receive(request('hello', { from_node: 'w2@h', revoked: { x: 1 } }));
    expect(worker.log.filter(({ level, text }) => level === 'error' && text.includes('hello'))).toEqual([]);
    const before = answers().length;
    for (const method of ['ping', 'dump_active', 'dump_reserved']) box.receive(request(method));
    box.receive(request('rate_limit', { task_name: 'tasks.add', rate_limit: '1/m' }));
    await settle();
    expect(JSON.stringify(answers().slice(before))).not.toContain('PermissionError');
    expect(answers().length).toBe(before + 4);
  });

  it('writes down who asked for a change, and with what, where questions leave no trace', () => {
    const box = mailbox();
    box.receive(request('rate_limit', { task_name: 'tasks.add', rate_limit: '1/m\nforged' }));
    box.receive(request('ping'));
    const lines = worker.log.filter(({ level }) => level === 'info').map(({ text }) => text);
    expect(lines.filter((text) => text.startsWith('pidbox received'))).toEqual([
      "pidbox received method rate_limit({'task_name': 'tasks.add', 'rate_limit': '1/m\\nforged'}) [reply_to:oid-1 ticket:t-1]",
    ]);
  });

  it('survives an answer that cannot be sent', async () => {
    const box = mailbox();
    broker.failure = new Error('the broker is away');
    box.receive(request('ping'));
    await settle();
    broker.failure = undefined;
    box.receive(request('ping'));
    expect(answers()).toEqual([{ ok: 'pong' }]);
  });

  it('drops what comes while too much is under way, and takes requests again afterwards', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const box = mailbox({}, [{ name: 'slow', kind: 'control', summary: 'waits', handle: () => gate }]);
    for (let count = 0; count < 1500; count++) box.receive(request('slow', {}, null));
    box.receive(request('ping'));
    expect(broker.published).toEqual([]);
    expect(worker.log.some(({ text }) => text.startsWith('Too many control requests'))).toBe(true);
    release();
    await settle();
    box.receive(request('ping'));
    expect(answers()).toEqual([{ ok: 'pong' }]);
  });

  it('refuses patterns for a while after one that took too long', () => {
    let nowMs = 0;
    const box = mailbox({ monotonicMs: () => nowMs });
    const withPattern = (pattern: string): Message =>
      encodeRequest(
        {
          method: 'ping',
          arguments: {},
          destination: null,
          pattern,
          matcher: 'pcre',
          ticket: 't',
          replyTo: { exchange: 'reply.celery.pidbox', routingKey: 'oid' },
        },
        1,
        0,
      ); // prettier-ignore
    worker = new FakeWorker(`${'a'.repeat(80)}!`);
    const slow = mailbox({ monotonicMs: () => nowMs, worker });
    slow.receive(withPattern('^(a+)+$'));
    slow.receive(withPattern('a'));
    expect(broker.published).toEqual([]);
    nowMs = 4_999;
    slow.receive(withPattern('a'));
    expect(broker.published).toEqual([]);
    // A search has a tenth of a second of a real clock: where the machine was away for so long, it is asked again after another while.
    for (let tries = 0; tries < 20 && broker.published.length === 0; tries += 1) {
      nowMs += 5_001;
      slow.receive(withPattern('a'));
    }
    expect(broker.published).toHaveLength(1);
    for (let tries = 0; tries < 20 && broker.published.length === 1; tries += 1) {
      nowMs += 5_001;
      box.receive(withPattern('worker1'));
    }
    expect(broker.published).toHaveLength(2);
  });
});

describe('thousands of random and hostile requests', () => {
  let random = 1;
  /** Reproducible. */
  const dice = (sides: number): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * sides);
  };
  const junk = (depth = 0): unknown => {
    const leaves = [null, true, false, 0, -1, 1.5, 1e308, '', 'x', '__proto__', 'é\u202e\n\u001b[31m', 'y'.repeat(5000), 2 ** 53];
    const kind = dice(depth > 3 ? leaves.length : leaves.length + 2);
    if (kind < leaves.length) return leaves[kind];
    if (kind === leaves.length) return Array.from({ length: dice(5) }, () => junk(depth + 1));
    const names = ['task_id', 'n', 'queue', '__proto__', 'constructor', 'toString', 'signal', 'terminate', 'headers', 'destination'];
    return Object.fromEntries(Array.from({ length: dice(5) }, () => [names[dice(names.length)], junk(depth + 1)]));
  };
  const methods = [
    ...commandTable(remoteCommands).keys(),
    'toString',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'x'.repeat(10_000),
    '',
  ];
  const argumentNames = new Set(['revoked', 'msg']);
  for (const { parameters = [], variadic = 'ids', required = [] } of remoteCommands) {
    for (const name of [...parameters.map(({ name }) => name), variadic, ...required]) argumentNames.add(name);
  }

  function hostile(): Message {
    const body: Record<string, unknown> = {
      method: dice(10) === 0 ? junk() : methods[dice(methods.length)],
      arguments: dice(4) === 0 ? junk() : Object.fromEntries([...argumentNames].filter(() => dice(3) > 0).map((name) => [name, junk()])),
      ...(dice(3) === 0 ? { destination: junk() } : {}),
      ...(dice(5) === 0 ? { pattern: junk(), matcher: ['glob', 'pcre', 'sql', 7][dice(4)] } : {}),
      ticket: dice(20) === 0 ? 'z'.repeat(100_000) : junk(),
      reply_to: dice(3) === 0 ? junk() : { exchange: ['reply.celery.pidbox', '', 'nowhere'][dice(3)], routing_key: 'nobody' },
    };
    const text = JSON.stringify(body);
    const bytes = Buffer.from(dice(10) === 0 ? text.slice(0, dice(text.length)) : text);
    return {
      headers: dice(5) === 0 ? { clock: junk(), expires: junk() } : {},
      properties: {},
      contentType: dice(20) === 0 ? 'application/x-python-serialize' : 'application/json',
      contentEncoding: 'utf-8',
      body: bytes,
    };
  }

  let unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled = [];
    process.on('unhandledRejection', onUnhandled);
  });
  afterEach(() => void process.off('unhandledRejection', onUnhandled));

  it('leave the worker as it was: it answers the next ping', async () => {
    const box = mailbox();
    const prototype = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
    for (let count = 0; count < 3_000; count++) {
      box.receive(hostile());
      if (count % 100 === 0) await settle();
    }
    await settle();
    expect(unhandled).toEqual([]);
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(prototype);
    // The dice reach the commands, not only the decoder.
    expect(new Set(worker.deeds.map(([deed]) => deed)).size).toBeGreaterThan(5);
    broker.published.length = 0;
    box.receive(request('ping'));
    expect(answers()).toEqual([{ ok: 'pong' }]);
    expect(worker.clock.value).toBeLessThan(2 ** 53);
  });
});
