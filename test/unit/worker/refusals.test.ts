import { afterEach, describe, expect, it } from 'vitest';
import { ProtocolError, ResultBackendError } from '../../../src/errors.js';
import { type BenchOptions, type FakeDelivery, type MessageParts, WorkerBench } from './worker-support.js';

let bench: WorkerBench;
const setUp = async (options: BenchOptions = {}): Promise<void> => {
  bench = await WorkerBench.ready(options);
  bench.task((x: number, y: number) => x + y);
};
afterEach(() => bench.end());

describe('a task that nobody registered here', () => {
  it('is FAILURE NotRegistered at once, put aside, and explained', async () => {
    await setUp();
    const delivery = await bench.deliver({ id: 'a', task: 'tasks.missing', args: [1], kwargs: { a: 2 } });
    expect(bench.happened).toEqual(['store FAILURE a', 'reject: unregistered task tasks.missing at worker1@host a']);
    expect(bench.lastStored).toMatchObject({
      result: { exc_type: 'NotRegistered', exc_message: ['tasks.missing'], exc_module: 'celery.exceptions' },
      traceback: null,
      children: [],
    });
    expect(delivery.answer).toMatch(/^reject/);
    const [line] = bench.complaints;
    expect(line).toMatch(/^ERROR Received unregistered task of type 'tasks\.missing'\.\n/);
    expect(line).toContain(`b'[[1],{"a":2},{"callbacks":null`);
    expect(line).toContain("'task': 'tasks.missing'");
    expect(line).toContain("{'exchange': '', 'routing_key': 'celery'}");
    expect(bench.lines.filter((text) => text.includes('received'))).toEqual([]);
  });

  it('is put aside though its result cannot be stored for a while', async () => {
    await setUp();
    bench.backend.troubles.push(
      new ResultBackendError('away', {}, 'CTQ_BACKEND_UNREACHABLE'),
      new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'odd'),
    );
    await bench.deliver({ id: 'a', task: 'tasks.missing' });
    await bench.clock.advance(1000);
    expect(bench.happened).toEqual(['reject: unregistered task tasks.missing at worker1@host a']);
  });

  it.each(['__proto__', 'constructor', '', 'toString'])('may have any name: %j', async (task) => {
    await setUp();
    const delivery = await bench.deliver({ id: 'a', task });
    expect(delivery.answer).toBe(`reject: unregistered task ${task} at worker1@host`);
  });
});

describe('a message that is no task', () => {
  const cases: readonly [string, MessageParts, RegExp][] = [
    [
      'names no task',
      { headers: { task: undefined }, body: '{"foo": 1}' },
      /^WARNING Received and deleted unknown message\. {2}Wrong destination\?!\?\n\nThe full contents of the message body was: b'\{"foo": 1\}' \(10b\)/,
    ],
    ['has no id', { headers: { id: undefined } }, /^ERROR Received invalid task message: the message has no task id\n/],
    [
      'has an eta that is no date',
      { headers: { eta: 'not a date' } },
      /^ERROR Received invalid task message: invalid ETA value 'not a date'/,
    ],
    ['has an empty eta', { headers: { eta: '' } }, /^ERROR Received invalid task message: invalid ETA value ''/],
    ['has an eta that is a number', { headers: { eta: 5 } }, /^ERROR Received invalid task message: invalid ETA value 5/],
    [
      'has an expiry that is no date',
      { headers: { expires: 'never' } },
      /^ERROR Received invalid task message: invalid expires value 'never'/,
    ],
    [
      'has a body that is no JSON',
      { body: '{{{' },
      /^CRITICAL Can't decode message body: .* \[type:'application\/json' encoding:'utf-8' headers:\{.*'id': .*\}\]\n\nbody: b'\{\{\{' \(3b\)$/,
    ],
    [
      'is a pickle',
      { contentType: 'application/x-python-serialize' },
      /^ERROR Received invalid task message: Refusing to deserialize untrusted content of type pickle \(application\/x-python-serialize\)\n/,
    ],
    [
      'has keyword arguments that are a list',
      { kwargs: [1] },
      /^ERROR Received invalid task message: Task keyword arguments must be a mapping\n/,
    ],
    [
      'has a body of two elements',
      { body: '[[1, 2], {}]' },
      /^ERROR Received invalid task message: the body is not \[args, kwargs, embed\]\n/,
    ],
  ];

  it.each(cases)('%s: said, put aside, and the next good one runs', async (_name, parts, line) => {
    await setUp();
    const bad = bench.delivery(parts);
    const good = bench.delivery({ id: 'good', args: [1, 2] });
    await bench.hand([bad, good]);
    expect(bench.complaints).toEqual([expect.stringMatching(line)]);
    expect(bad.answer).toMatch(/^reject: (unknown|invalid|undecodable): /);
    expect(bench.backend.stored.map(({ taskId, result }) => [taskId, result])).toEqual([['good', 3]]);
    expect(good.answer).toBe('ack');
  });

  it('shows the beginning of a large body only', async () => {
    await setUp();
    await bench.deliver({ body: `{{{${'x'.repeat(100_000)}` });
    expect(bench.complaints[0]?.length).toBeLessThan(3_000);
    expect(bench.complaints[0]).toMatch(/\.\.\. \(100003b\)$/);
  });

  it('that is not even an envelope was put aside by the broker and is only reported', async () => {
    await setUp();
    const error = new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'not JSON');
    bench.broker.handler?.malformed({ queue: 'celery', raw: Buffer.from([0xff, 0x0a]), error });
    expect(bench.complaints).toEqual(["CRITICAL Can't decode message from queue celery: not JSON\n\nbody: b'\\xff\\n' (2b)"]);
  });
});

describe('a task that is larger than max_message_size', () => {
  it('is put aside with a line that names the setting, before anything is parsed', async () => {
    await setUp({ settings: { maxMessageSize: 2000 } });
    await bench.deliver({ id: 'a', body: `[["${'x'.repeat(2000)}"], {}, null]` });
    expect(bench.happened.at(-1)).toMatch(/^reject: undecodable: body is larger than 2000 bytes a$/);
    await bench.deliver({ id: 'b', body: '[[1, 2], {}, null]' });
    expect(bench.happened.at(-1)).toBe('ack b');
  });
});

describe('a task that more follows than the settings allow', () => {
  const one = { task: 'tasks.it', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
  const many = (count: number): object[] => Array.from({ length: count }, () => one);
  const body = (following: object): string => JSON.stringify([[1, 2], {}, following]);

  it.each<[string, object, string]>([
    ['callbacks', { callbacks: many(101) }, 'the task has 101 callbacks, and max_callbacks allows 100'],
    ['errbacks', { errbacks: many(101) }, 'the task has 101 errbacks, and max_callbacks allows 100'],
    ['chain', { chain: many(10_001) }, 'the task has 10001 later steps of its chain, and max_chain_length allows 10000'],
  ])('%s: does not run, fails for its caller, and is put aside', async (_name, following, why) => {
    await setUp();
    await bench.deliver({ id: 'a', body: body(following) });
    expect(bench.happened).toEqual(['store FAILURE a', `reject: invalid: ${why} a`]);
    expect(bench.lastStored).toMatchObject({ result: { exc_type: 'ProtocolError', exc_message: [why] } });
    expect(bench.complaints[0]).toContain(`ERROR Received invalid task message: ${why}`);
  });

  it('runs where they allow it', async () => {
    await setUp({ settings: { maxCallbacks: 200, maxChainLength: 20_000 } });
    await bench.deliver({ id: 'a', body: body({ errbacks: many(150), chain: many(15_000) }) });
    expect(bench.happened[0]).not.toContain('reject');
    expect(bench.backend.stored[0]).toMatchObject({ taskId: 'a', result: 3 });
  });
});

describe('messages that Celery takes, too', () => {
  it.each<[string, MessageParts]>([
    [
      'protocol 1',
      { headers: { task: undefined, id: undefined }, body: '{"task": "tasks.it", "id": "p1", "args": [4, 5], "kwargs": {}, "retries": 0}' },
    ],
    ['the hybrid', { id: 'p1', body: '{"args": [4, 5], "kwargs": {}}' }],
    [
      'the smallest',
      { id: 'p1', headers: { lang: undefined, retries: undefined, root_id: undefined, timelimit: undefined }, body: '[[4, 5], {}, {}]' },
    ],
    ['embed null', { id: 'p1', body: '[[4, 5], {}, null]' }],
  ])('%s', async (_name, parts) => {
    await setUp();
    const delivery = await bench.deliver(parts);
    expect(bench.lastStored).toMatchObject({ taskId: 'p1', status: 'SUCCESS', result: 9 });
    expect(delivery.answer).toBe('ack');
  });
});

describe('a message that was delivered too often', () => {
  it('goes to the dead letters, and its caller hears of it', async () => {
    await setUp();
    const fifth = await bench.deliver({ id: 'a', args: [1, 2] }, { redeliveryCount: 4 });
    const sixth = await bench.deliver({ id: 'b', args: [1, 2] }, { redeliveryCount: 5 });
    expect(fifth.answer).toBe('ack');
    expect(sixth.answer).toBe('reject: delivered 6 times, and no worker has finished it');
    expect(bench.lastStored).toMatchObject({ taskId: 'b', status: 'FAILURE', result: { exc_type: 'WorkerLostError' } });
    expect(bench.complaints).toEqual([
      'ERROR Task tasks.it[b] was delivered 6 times, and no worker has finished it: it goes to the dead letters',
    ]);
  });
});

describe('signals about refused messages', () => {
  it('tell unknown tasks from what is no task', async () => {
    await setUp();
    const seen: unknown[] = [];
    bench.signals.taskUnknown.connect(({ name, id }) => seen.push(['unknown', name, id]));
    bench.signals.taskRejected.connect(({ exception }) => seen.push(['rejected', (exception as Error).message]));
    await bench.deliver({ id: 'a', task: 'tasks.missing' });
    await bench.deliver({ body: '[]' });
    expect(seen).toEqual([
      ['unknown', 'tasks.missing', 'a'],
      ['rejected', 'the body is not [args, kwargs, embed]'],
    ]);
  });
});

describe('an expired task', () => {
  const expired: MessageParts = { id: 'a', args: [1, 2], headers: { expires: '2020-01-01T00:00:00+00:00' } };

  it('is discarded on arrival, stored as revoked', async () => {
    await setUp();
    const revoked: unknown[] = [];
    bench.signals.taskRevoked.connect(({ taskId, expired: late, terminated }) => revoked.push([taskId, late, terminated]));
    const delivery: FakeDelivery = await bench.deliver(expired);
    expect(bench.happened).toEqual(['store REVOKED a', 'ack a']);
    expect(bench.lastStored?.result).toEqual({ exc_type: 'TaskRevokedError', exc_message: ['expired'], exc_module: 'celery.exceptions' });
    expect(delivery.answer).toBe('ack');
    expect(bench.lines.slice(-2)).toEqual(['INFO Task tasks.it[a] received', 'INFO Discarding revoked task: tasks.it[a]']);
    expect(revoked).toEqual([['a', true, false]]);
  });

  it('is discarded on arrival though no slot is free', async () => {
    await setUp({ concurrency: 1, prefetchMultiplier: 4 });
    bench.task(() => new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 5000)), { name: 'tasks.slow' });
    await bench.hand([bench.delivery({ id: 'slow', task: 'tasks.slow' }), bench.delivery(expired)]);
    expect(bench.happened).toEqual(['store REVOKED a', 'ack a']);
  });

  it('is discarded when it expires while it waits for a slot', async () => {
    await setUp({ concurrency: 1, prefetchMultiplier: 4 });
    bench.task(() => new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 5000)), { name: 'tasks.slow' });
    await bench.hand([
      bench.delivery({ id: 'slow', task: 'tasks.slow' }),
      bench.delivery({ id: 'late', args: [1, 2], headers: { expires: '2026-01-02T03:04:07+00:00' } }),
    ]);
    expect(bench.happened).toEqual([]);
    await bench.clock.advance(5000);
    expect(bench.happened).toEqual(['store SUCCESS slow', 'store REVOKED late', 'ack slow', 'ack late']);
  });
});
