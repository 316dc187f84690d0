/** The caller's end against real mailboxes of workers that only remote control can see, over the memory broker. */
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker.js';
import { MemoryBroker } from '../../../src/brokers/memory/broker.js';
import { MemoryStore } from '../../../src/brokers/memory/store.js';
import { systemClock } from '../../../src/clock.js';
import { LamportClock } from '../../../src/protocol/lamport-clock.js';
import { encodeReply, mailboxQueue } from '../../../src/protocol/pidbox.js';
import { Broadcaster } from '../../../src/remote-control/broadcast.js';
import { commandTable, remoteCommands } from '../../../src/remote-control/commands/index.js';
import { Mailbox } from '../../../src/remote-control/mailbox.js';
import { FakeWorker } from '../../support/fake-worker.js';
import { undisturbed } from '../../support/undisturbed.js';

const limits = { ttlS: 300, expiresS: 10 };
/** Longer than any test may take: whoever waits for the time is found out. */
const FOR_EVER = 60_000;

const store = new MemoryStore(systemClock);
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

function openBroker(): MemoryBroker {
  const broker = new MemoryBroker('memory://control', store);
  opened.push(broker);
  return broker;
}

async function startWorker(nodename: string): Promise<FakeWorker> {
  const worker = new FakeWorker(nodename);
  const commands = commandTable(remoteCommands);
  const mailbox = new Mailbox({
    ...{ broker: openBroker(), worker, commands, namespace: 'celery', limits, allowed: null },
    monotonicMs: () => performance.now(),
  });
  await mailbox.open();
  opened.push(mailbox);
  return worker;
}

function caller(broker: Broker = openBroker()): Broadcaster {
  return new Broadcaster({ broker, namespace: 'celery', limits, clock: systemClock, lamport: new LamportClock() });
}

/** A broker that cannot tell how many it reached, as AMQP. */
function withoutCount(broker: MemoryBroker): Broker {
  return new Proxy(broker, { get: (target, name) => (name === 'broadcast' ? undefined : bound(target, name)) });
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

describe('asking workers', () => {
  it('does not call silent who answered while we stood still', async () => {
    await startWorker('a@h');
    const standStill = (): void => {
      const endMs = performance.now() + 300;
      while (performance.now() < endMs);
    };
    const replies = await caller().ask(
      { method: 'ping' },
      // The time begins when the question is out.
      { timeoutMs: 100, onSent: () => void setImmediate(standStill) },
    );
    expect(replies.map(({ nodename }) => nodename)).toEqual(['a@h']);
  });

  it('ends with the last answer, not with the time', async () => {
    for (const name of ['a@h', 'b@h', 'c@h']) await startWorker(name);
    const replies = await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER });
    expect(replies.map(({ nodename }) => nodename).sort()).toEqual(['a@h', 'b@h', 'c@h']);
    expect(replies.map(({ value }) => value)).toEqual([{ ok: 'pong' }, { ok: 'pong' }, { ok: 'pong' }]);
  });

  it('ends at once when nobody listens', async () => {
    expect(await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER })).toEqual([]);
  });

  it('ends when the nodes that were named have answered', async () => {
    for (const name of ['a@h', 'b@h', 'c@h']) await startWorker(name);
    const replies = await caller().ask({ method: 'ping', destination: ['c@h', 'a@h', 'a@h'] }, { timeoutMs: FOR_EVER });
    expect(replies.map(({ nodename }) => nodename).sort()).toEqual(['a@h', 'c@h']);
  });

  it('ends when the nodes that match the pattern have answered', async () => {
    for (const name of ['mail1@h', 'mail2@h', 'video@h']) await startWorker(name);
    const replies = await caller().ask({ method: 'ping', pattern: 'mail*' }, { timeoutMs: FOR_EVER });
    expect(replies.map(({ nodename }) => nodename).sort()).toEqual(['mail1@h', 'mail2@h']);
    // The search for an expression has a tenth of a second of a real clock, and a machine may be away for as long.
    await undisturbed(90, async () =>
      expect(await caller().ask({ method: 'ping', pattern: 'x', matcher: 'pcre' }, { timeoutMs: FOR_EVER })).toEqual([]),
    );
  });

  it('ends with the time when somebody stays silent, and gives what there is', async () => {
    await startWorker('a@h');
    const silent = openBroker();
    await silent.subscribe(mailboxQueue('silent@h', 'celery', limits), () => {});
    await undisturbed(80, async () =>
      expect(await caller().ask({ method: 'ping' }, { timeoutMs: 50 })).toEqual([{ nodename: 'a@h', value: { ok: 'pong' } }]),
    );
  });

  it('waits for the time where the broker cannot count', async () => {
    for (const name of ['a@h', 'b@h']) await startWorker(name);
    await undisturbed(130, async () =>
      expect(await caller(withoutCount(openBroker())).ask({ method: 'ping' }, { timeoutMs: 100 })).toHaveLength(2),
    );
  });

  it('ends early with a limit', async () => {
    for (const name of ['a@h', 'b@h']) await startWorker(name);
    const replies = await caller(withoutCount(openBroker())).ask({ method: 'ping' }, { timeoutMs: FOR_EVER, limit: 2 });
    expect(replies).toHaveLength(2);
  });

  it('counts two workers of one name as two', async () => {
    await startWorker('a@h');
    await startWorker('b@h');
    // The memory broker has one queue a name, so the second answer is made here.
    const twice = openBroker();
    await twice.subscribe(mailboxQueue('twin', 'celery', limits), (message) => {
      const { ticket, reply_to: address } = JSON.parse(Buffer.from(message.body).toString()) as {
        ticket: string;
        reply_to: { exchange: string; routing_key: string };
      };
      const route = { exchange: { name: address.exchange, type: 'direct' as const }, routingKey: address.routing_key };
      void twice.publish(encodeReply('a@h', { ok: 'pong' }, ticket, 1), route);
    });
    const replies = await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER });
    expect(replies.map(({ nodename }) => nodename).sort()).toEqual(['a@h', 'a@h', 'b@h']);
  });

  it('is told of each answer as it comes', async () => {
    await startWorker('a@h');
    const heard: string[] = [];
    await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER, onReply: ({ nodename }) => heard.push(nodename) });
    expect(heard).toEqual(['a@h']);
  });

  it('can be broken off', async () => {
    await openBroker().subscribe(mailboxQueue('silent@h', 'celery', limits), () => {});
    const stop = new AbortController();
    const asking = caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER, signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
    await expect(caller().ask({ method: 'ping' }, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  it('ignores answers to others, late ones, and what is no answer', async () => {
    const liar = openBroker();
    await liar.subscribe(mailboxQueue('liar@h', 'celery', limits), (message) => {
      const { reply_to: address, ticket } = JSON.parse(Buffer.from(message.body).toString()) as {
        ticket: string;
        reply_to: { exchange: string; routing_key: string };
      };
      const route = { exchange: { name: address.exchange, type: 'direct' as const }, routingKey: address.routing_key };
      const late = encodeReply('late@h', 1, ticket, 1);
      void liar.publish(encodeReply('other@h', 1, 'another ticket', 1), route);
      void liar.publish({ ...late, headers: { ...late.headers, expires: 1 } }, route);
      void liar.publish({ ...late, body: Buffer.from('no JSON') }, route);
      void liar.publish(encodeReply('true@h', 1, ticket, 1), route);
    });
    expect(await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER })).toEqual([{ nodename: 'true@h', value: 1 }]);
  });

  it('leaves nothing on a signal that lives longer, also when the broker is away', async () => {
    const { signal } = new AbortController();
    const away = new Proxy(openBroker(), {
      get: (target, name) => (name === 'subscribe' ? () => Promise.reject(new Error('away')) : bound(target, name)),
    });
    await expect(caller(away).ask({ method: 'ping' }, { timeoutMs: FOR_EVER, signal })).rejects.toThrow('away');
    await caller().ask({ method: 'ping' }, { timeoutMs: FOR_EVER, signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('leaves no queue and no timer behind', async () => {
    await startWorker('a@h');
    const broker = openBroker();
    await caller(broker).ask({ method: 'ping' }, { timeoutMs: FOR_EVER });
    const route = { exchange: { name: 'reply.celery.pidbox', type: 'fanout' as const }, routingKey: '' };
    expect(await broker.broadcast(encodeReply('x', 1, 't', 1), route)).toBe(0);
  });
});

describe('telling workers', () => {
  it('reaches all of them and says how many', async () => {
    const workers = [await startWorker('a@h'), await startWorker('b@h')];
    expect(await caller().tell({ method: 'revoke', arguments: { task_id: 'x' } })).toBe(2);
    await expect.poll(() => workers.map(({ deeds }) => deeds.length), { timeout: 20_000 }).toEqual([1, 1]);
  });
});
