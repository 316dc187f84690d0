import { afterEach, describe, expect, it, vi } from 'vitest';
import { BrokerError, MessageStateError, ResultBackendError } from '../../../src/errors.js';
import { Ignore, Reject, Retry, type TaskContext } from '../../../src/task.js';
import { eventually } from '../../support/eventually.js';
import { type BenchOptions, type FakeDelivery, WorkerBench } from './worker-support.js';

class ValueError extends Error {
  override name = 'ValueError';
}

let bench: WorkerBench;
const setUp = async (options: BenchOptions = {}): Promise<WorkerBench> => {
  bench = await WorkerBench.ready(options);
  return bench;
};
afterEach(() => bench.end());

const away = (): Error => new ResultBackendError('nobody answers', {}, 'CTQ_BACKEND_UNREACHABLE');

/** Pauses between tries are longer by chance. */
function withoutJitter(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
}

describe('a task that succeeds', () => {
  it('is stored, acknowledged and logged, in this order', async () => {
    await setUp();
    bench.task((x: number, y: number) => x + y);
    const delivery = await bench.deliver({ id: 'a', args: [1, 2] });
    expect(bench.happened).toEqual(['store SUCCESS a', 'ack a']);
    expect(bench.lastStored).toEqual({
      taskId: 'a',
      status: 'SUCCESS',
      result: 3,
      traceback: null,
      children: [],
      dateDone: '2026-01-02T03:04:05+00:00',
    });
    expect(delivery.answer).toBe('ack');
    expect(bench.lines.slice(-3)).toEqual([
      'INFO Task tasks.it[a] received',
      `DEBUG Task accepted: tasks.it[a] pid:${process.pid}`,
      'INFO Task tasks.it[a] succeeded in 0s: 3',
    ]);
  });

  it('is logged with the time it took and Python’s view of the result', async () => {
    await setUp();
    bench.task(async () => {
      await new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 1250));
      return { a: [1, null, true, 'ü'] };
    });
    await bench.deliver({ id: 'a' });
    await bench.clock.advance(1250);
    expect(bench.lines.at(-1)).toBe("INFO Task tasks.it[a] succeeded in 1.25s: {'a': [1, None, True, 'ü']}");
  });

  it('is known by its shadow where it has one', async () => {
    await setUp();
    bench.task(() => 1);
    await bench.deliver({ id: 'a', headers: { shadow: 'pretty' } });
    expect(bench.lines).toContain('INFO Task pretty[a] received');
    expect(bench.lines.at(-1)).toBe('INFO Task pretty[a] succeeded in 0s: 1');
  });

  it('stores nothing when its result is ignored, by the task, the message or the settings', async () => {
    for (const [options, message, settings] of [
      [{ ignoreResult: true }, {}, {}],
      [{}, { ignore_result: true }, {}],
      [{}, {}, { taskIgnoreResult: true }],
    ] as const) {
      await setUp({ settings });
      bench.task(() => 1, options);
      await bench.deliver({ id: 'a', headers: message });
      expect(bench.happened).toEqual(['ack a']);
      await bench.end();
    }
  });

  it('names its group, its parent and its children', async () => {
    await setUp();
    bench.task(() => 1);
    await bench.deliver({ id: 'a', headers: { group: 'g', parent_id: 'p' } });
    expect(bench.lastStored).toMatchObject({ groupId: 'g', parentId: 'p', children: [] });
  });

  it('is stored in full with result_extended', async () => {
    await setUp({ settings: { resultExtended: true } });
    bench.task((..._args: unknown[]) => 1);
    await bench.deliver({ id: 'a', args: [1, 'x'], headers: { retries: 2, stamped_headers: ['who'], stamps: { who: 'me' } } });
    expect(bench.lastStored).toMatchObject({
      extended: { name: 'tasks.it', args: [1, 'x'], kwargs: {}, worker: 'worker1@host', retries: 2, queue: 'celery' },
      stamps: { who: 'me' },
    });
  });

  it('becomes an EncodeError when its result cannot be written', async () => {
    await setUp();
    bench.task(() => ({ deep: Symbol('x') }));
    const delivery = await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.lastStored?.result).toEqual({
      exc_type: 'EncodeError',
      exc_message: ["TypeError('Object of type symbol is not JSON serializable')"],
      exc_module: 'kombu.exceptions',
    });
    expect(delivery.answer).toBe('ack');
    expect(bench.complaints[0]).toMatch(/^ERROR Task tasks\.it\[a\] raised unexpected: EncodeError\(/);
  });
});

describe('a value that throws when it is looked at', () => {
  it('costs its log line, not the worker', async () => {
    await setUp();
    bench.task(
      () => ({
        toJSON() {
          throw new Error('trap');
        },
      }),
      { ignoreResult: true },
    );
    const delivery = await bench.deliver({ id: 'a' });
    expect(delivery.answer).toBe('ack');
    expect(bench.complaints).toEqual([expect.stringMatching(/^CRITICAL Task tasks\.it\[a\] INTERNAL ERROR: its end could not be told/)]);
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(1);
    await stop;
  });

  it('is an EncodeError though the settlement throws instead of rejecting', async () => {
    await setUp();
    bench.throwsOnUnwritable = true;
    bench.task(() => Symbol('x'));
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
  });
});

describe('a task that fails', () => {
  const failing = async (options: BenchOptions = {}, taskOptions = {}): Promise<FakeDelivery> => {
    await setUp(options);
    bench.task(() => {
      throw new ValueError('boom');
    }, taskOptions);
    return bench.deliver({ id: 'a' });
  };

  it('is stored as Celery stores it, acknowledged, and logged with its traceback', async () => {
    await failing();
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.lastStored).toMatchObject({
      status: 'FAILURE',
      result: { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' },
      traceback: expect.stringMatching(/^Traceback \(most recent call last\):\n[\s\S]*settle\.test\.ts[\s\S]*\nValueError: boom\n$/),
      children: [],
      dateDone: expect.any(String),
    });
    expect(bench.complaints).toEqual([
      expect.stringMatching(
        /^ERROR Task tasks\.it\[a\] raised unexpected: ValueError\('boom'\)\nTraceback \(most recent call last\):\n[\s\S]*\nValueError: boom$/,
      ),
    ]);
  });

  it('is logged in one line when it was expected', async () => {
    await failing({}, { throws: ['ValueError'] });
    expect(bench.complaints).toEqual([]);
    expect(bench.lines.at(-1)).toBe("INFO Task tasks.it[a] raised expected: ValueError('boom')");
    expect(bench.lastStored?.status).toBe('FAILURE');
  });

  it('is not stored when results are ignored, unless errors are wanted all the same', async () => {
    await failing({}, { ignoreResult: true });
    expect(bench.happened).toEqual(['ack a']);
    await bench.end();
    await failing({}, { ignoreResult: true, storeErrorsEvenIfIgnored: true });
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
  });

  it('is rejected instead of acknowledged where the task says so', async () => {
    await failing({}, { acksOnFailureOrTimeout: false });
    expect(bench.happened).toEqual(['store FAILURE a', 'reject: ValueError: boom a']);
  });
});

describe('early acknowledgement', () => {
  it('comes before the run, and the result after it', async () => {
    await setUp();
    bench.task(
      () => {
        bench.happened.push('run');
        return 1;
      },
      { acksLate: false },
    );
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['ack a', 'run', 'store SUCCESS a']);
  });

  it('runs nothing whose message has been given to somebody else', async () => {
    await setUp({ settings: { taskAcksLate: false } });
    bench.task(() => bench.happened.push('run'));
    const delivery = bench.delivery({ id: 'a' });
    delivery.fenced = true;
    await bench.hand([delivery]);
    expect(bench.happened).toEqual([]);
  });

  it('makes Reject and a timeout a matter of the log alone', async () => {
    await setUp();
    bench.task(
      () => {
        throw new Reject('no', { requeue: true });
      },
      { acksLate: false },
    );
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['ack a']);
    expect(bench.complaints).toEqual(['WARNING Task tasks.it[a] reject requeue=True: no']);
  });
});

describe('a retry', () => {
  it('sends the same task again, then stores RETRY, then acknowledges', async () => {
    await setUp();
    bench.task(
      (task: TaskContext) => {
        throw task.retry({ countdown: 30, exc: new ValueError('again') });
      },
      { bind: true },
    );
    await bench.deliver({
      id: 'a',
      args: [],
      kwargs: {},
      embed: { callbacks: [{ task: 'cb' }], errbacks: [{ task: 'eb' }], chain: [{ task: 'next' }] },
      headers: {
        retries: 1,
        root_id: 'root',
        group: 'g',
        group_index: 4,
        timelimit: [60, 30],
        expires: '2030-01-01T00:00:00+00:00',
        shadow: 'pretty',
        origin: 'gen1@host',
        'x-mine': 'kept',
        redelivered: true,
        'x-ctq-redeliveries': 3,
      },
      properties: { priority: 6, replyTo: 'oid-7', deliveryInfo: { exchange: '', routingKey: 'celery' } },
    });
    expect(bench.happened).toEqual(['send tasks.it', 'store RETRY a', 'ack a']);
    expect(bench.sent).toEqual([
      {
        name: 'tasks.it',
        args: [],
        options: {
          taskId: 'a',
          retries: 2,
          countdown: 30,
          expires: '2030-01-01T00:00:00+00:00',
          link: [{ task: 'cb' }],
          linkError: [{ task: 'eb' }],
          chain: [{ task: 'next' }],
          groupId: 'g',
          groupIndex: 4,
          rootId: 'root',
          parentId: 'a',
          timeLimit: 60,
          softTimeLimit: 30,
          replyTo: 'oid-7',
          priority: 6,
          shadow: 'pretty',
          origin: 'gen1@host',
          headers: { 'x-mine': 'kept' },
          queue: 'celery',
          exchangeType: 'direct',
          kwargs: {},
        },
      },
    ]);
    expect(bench.lastStored).toMatchObject({
      status: 'RETRY',
      result: { exc_type: 'ValueError', exc_message: ['again'] },
      children: [[['a', null], null]],
      dateDone: null,
    });
    expect(bench.lines.at(-1)).toBe("INFO Task pretty[a] retry: Retry in 30s: ValueError('again')");
  });

  it('takes the arguments, the queue and the date it was given', async () => {
    await setUp();
    bench.task((..._args: unknown[]) => {
      throw new Retry({ eta: '2030-01-01T00:00:00+00:00', args: [9], kwargs: { k: 1 }, options: { queue: 'slow', priority: 1 } });
    });
    await bench.deliver({ id: 'a', args: [1] });
    expect(bench.sent[0]).toMatchObject({
      args: [9],
      options: { kwargs: { k: 1 }, queue: 'slow', priority: 1, eta: '2030-01-01T00:00:00+00:00' },
    });
    expect(bench.sent[0]?.options).not.toHaveProperty('countdown');
    expect(bench.sent[0]?.options).not.toHaveProperty('exchangeType');
    expect(bench.lastStored).toMatchObject({ status: 'RETRY', result: null });
    expect(bench.lines.at(-1)).toBe('INFO Task tasks.it[a] retry: Retry at 2030-01-01 00:00:00+00:00');
  });

  it('waits for a broker that is away, with its message unacknowledged', async () => {
    await setUp();
    withoutJitter();
    bench.publishTroubles.push(new BrokerError('CTQ_BROKER_UNREACHABLE', 'gone'), new BrokerError('CTQ_BROKER_UNREACHABLE', 'gone'));
    bench.task(() => {
      throw new Retry({ countdown: 1 });
    });
    const delivery = await bench.deliver({ id: 'a' });
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(1000);
    expect(bench.happened).toEqual(['send tasks.it', 'store RETRY a', 'ack a']);
    expect(bench.complaints[0]).toMatch(/^ERROR Cannot send tasks\.it after task tasks\.it\[a\]: gone\. Trying again in 100 ms\.$/);
  });

  it('that cannot be sent is a failure, not a lost task', async () => {
    await setUp();
    bench.task((..._args: unknown[]) => {
      throw new Retry({ args: [Symbol('x')] });
    });
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.lastStored?.result).toMatchObject({ exc_type: 'EncodeError' });
  });
});

describe('what a task throws to speak', () => {
  it('Ignore stores nothing and is acknowledged', async () => {
    await setUp();
    bench.task(() => {
      throw new Ignore();
    });
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['ack a']);
    expect(bench.lines.at(-1)).toBe('INFO Task tasks.it[a] ignored');
  });

  it('Reject goes to the dead letters, or to the back of the queue', async () => {
    await setUp();
    bench.task((requeue: boolean) => {
      throw new Reject('no thanks', { requeue });
    });
    await bench.deliver({ id: 'a', args: [false] });
    await bench.deliver({ id: 'b', args: [true] });
    expect(bench.happened).toEqual(['reject: no thanks a', 'requeue back b']);
    expect(bench.complaints).toEqual([
      'WARNING Task tasks.it[a] reject requeue=False: no thanks',
      'WARNING Task tasks.it[b] reject requeue=True: no thanks',
    ]);
  });
});

describe('limits', () => {
  const endless = (): Promise<never> => new Promise(() => {});

  it('soft: warned, and a failure when nobody catches it', async () => {
    await setUp();
    bench.task(endless, { softTimeLimit: 1 });
    await bench.deliver({ id: 'a' });
    await bench.clock.advance(1000);
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.lastStored?.result).toEqual({ exc_type: 'SoftTimeLimitExceeded', exc_message: [], exc_module: 'billiard.exceptions' });
    expect(bench.complaints.slice(-2)).toEqual([
      'WARNING Soft time limit (1s) exceeded for tasks.it[a]',
      expect.stringMatching(/^ERROR Task tasks\.it\[a\] raised unexpected: SoftTimeLimitExceeded\(\)/),
    ]);
  });

  it('hard: stored as TimeLimitExceeded and acknowledged', async () => {
    await setUp();
    bench.task(endless, { timeLimit: 2 });
    await bench.deliver({ id: 'a' });
    await bench.clock.advance(2000);
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.lastStored?.result).toEqual({ exc_type: 'TimeLimitExceeded', exc_message: [2], exc_module: 'billiard.exceptions' });
    expect(bench.complaints.at(-1)).toBe('ERROR Hard time limit (2s) exceeded for tasks.it[a]');
  });

  it('hard: back to the queue where a timeout is not to be acknowledged', async () => {
    await setUp();
    bench.task(endless, { timeLimit: 2, acksOnFailureOrTimeout: false });
    await bench.deliver({ id: 'a' });
    await bench.clock.advance(2000);
    expect(bench.happened).toEqual(['store FAILURE a', 'requeue back a']);
  });

  it('of the message win over those of the task, those of the task over the settings', async () => {
    await setUp({ settings: { taskTimeLimit: 50 } });
    bench.task(endless, { timeLimit: 20 });
    bench.task(endless, { name: 'tasks.plain' });
    await bench.deliver({ id: 'a', headers: { timelimit: [5, null] } });
    await bench.deliver({ id: 'b' });
    await bench.deliver({ id: 'c', task: 'tasks.plain' });
    for (const [seconds, stored] of [
      [5, ['a']],
      [20, ['a', 'b']],
      [50, ['a', 'b', 'c']],
    ] as const) {
      await bench.clock.advance(seconds * 1000 - bench.clock.monotonicMs());
      expect(bench.backend.stored.map(({ taskId }) => taskId)).toEqual(stored);
    }
  });
});

describe('states on the way', () => {
  it('STARTED is stored when asked for, before the final state even if it is slower', async () => {
    await setUp();
    bench.task(() => 'quick', { trackStarted: true });
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['store STARTED a', 'store SUCCESS a', 'ack a']);
    expect(bench.backend.stored[0]).toMatchObject({ result: { pid: process.pid, hostname: 'worker1@host' }, dateDone: null });
  });

  it('of the task’s own are stored with what it says', async () => {
    await setUp();
    bench.task(
      async (task: TaskContext) => {
        await task.updateState('PROGRESS', { done: 1 });
        return 2;
      },
      { bind: true },
    );
    await bench.deliver({ id: 'a', headers: { group: 'g', parent_id: 'p' } });
    expect(bench.backend.stored[0]).toEqual({
      taskId: 'a',
      status: 'PROGRESS',
      result: { done: 1 },
      traceback: null,
      children: [],
      dateDone: null,
      groupId: 'g',
      parentId: 'p',
    });
    expect(bench.happened).toEqual(['store PROGRESS a', 'store SUCCESS a', 'ack a']);
  });

  it('of the task’s own are stored in full with result_extended, too', async () => {
    await setUp({ settings: { resultExtended: true } });
    bench.task((task: TaskContext) => task.updateState('PROGRESS', { current: 1, total: 2 }), { bind: true });
    await bench.deliver({ id: 'a', args: [], headers: { retries: 1, stamped_headers: ['who'], stamps: { who: 'me' } } });
    expect(bench.backend.stored[0]).toMatchObject({
      status: 'PROGRESS',
      extended: { name: 'tasks.it', args: [], kwargs: {}, worker: 'worker1@host', retries: 1, queue: 'celery' },
      stamps: { who: 'me' },
    });
  });

  it('a store that is away costs STARTED, not the task', async () => {
    await setUp();
    bench.backend.troubles.push(away());
    bench.task(() => 1, { trackStarted: true });
    await bench.deliver({ id: 'a' });
    expect(bench.happened).toEqual(['store SUCCESS a', 'ack a']);
  });
});

describe('what follows', () => {
  const sig = (task: string, options = {}) => ({ task, args: [], kwargs: {}, options, subtask_type: null, immutable: false });

  it('callbacks and the next step are sent before SUCCESS is stored, and are its children', async () => {
    await setUp();
    bench.task(() => 3);
    await bench.deliver({ id: 'a', embed: { callbacks: [sig('cb', { task_id: 'c1' })], chain: [sig('next', { task_id: 'n1' })] } });
    expect(bench.happened).toEqual(['send cb', 'send next', 'store SUCCESS a', 'ack a']);
    expect(bench.sent).toMatchObject([
      { name: 'cb', args: [3], options: { taskId: 'c1', parentId: 'a', rootId: 'a' } },
      { name: 'next', args: [3], options: { taskId: 'n1', chain: [] } },
    ]);
    expect(bench.lastStored?.children).toEqual([
      [['c1', null], null],
      [['n1', null], null],
    ]);
  });

  it('are sent though the result is ignored', async () => {
    await setUp();
    bench.task(() => 3, { ignoreResult: true });
    await bench.deliver({ id: 'a', embed: { callbacks: [sig('cb')] } });
    expect(bench.happened).toEqual(['send cb', 'ack a']);
  });

  it('a callback that is none, or cannot take the result, makes the task fail', async () => {
    await setUp();
    bench.task(() => 3);
    await bench.deliver({ id: 'a', embed: { callbacks: [5] } });
    expect(bench.happened).toEqual(['store FAILURE a', 'ack a']);
    expect(bench.complaints[0]).toMatch(/^ERROR Task tasks\.it\[a\] raised unexpected: .*not a signature/);
    bench.task(() => Symbol('x'), { name: 'tasks.odd' });
    await bench.deliver({ id: 'b', task: 'tasks.odd', embed: { callbacks: [sig('cb')] } });
    expect(bench.lastStored).toMatchObject({ taskId: 'b', status: 'FAILURE', result: { exc_type: 'EncodeError' } });
  });

  it('after a failure: it is stored for the later steps too, then errbacks are sent, then it is acknowledged', async () => {
    await setUp();
    bench.task(() => {
      throw new ValueError('boom');
    });
    await bench.deliver({
      id: 'a',
      embed: { errbacks: [sig('eb')], chain: [sig('third', { task_id: '3' }), sig('second', { task_id: '2' })], callbacks: [sig('cb')] },
    });
    expect(bench.happened).toEqual(['store FAILURE a', 'store FAILURE 3', 'store FAILURE 2', 'send eb', 'ack a']);
    expect(bench.sent).toMatchObject([{ name: 'eb', args: ['a'], options: { parentId: 'a' } }]);
    expect(bench.backend.stored.map(({ result }) => result)).toEqual(
      Array.from({ length: 3 }, () => ({ exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' })),
    );
  });

  it('priority is handed down where the settings say so', async () => {
    await setUp({ settings: { taskInheritParentPriority: true } });
    bench.task(() => 3);
    await bench.deliver({ id: 'a', embed: { callbacks: [sig('cb')] }, properties: { priority: 7 } });
    expect(bench.sent[0]?.options.priority).toBe(7);
  });
});

describe('trouble', () => {
  it('a result store that is away is waited for; the message is acknowledged only then', async () => {
    await setUp();
    withoutJitter();
    bench.backend.troubles.push(away(), away(), away());
    bench.task(() => 1);
    const delivery = await bench.deliver({ id: 'a' });
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(290);
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(5000);
    expect(bench.happened).toEqual(['store SUCCESS a', 'ack a']);
    expect(bench.complaints).toEqual([
      'ERROR Cannot settle task tasks.it[a]: nobody answers. Trying again in 100 ms.',
      'ERROR Cannot settle task tasks.it[a]: nobody answers. Trying again in 200 ms.',
    ]);
    expect(bench.lines.at(-1)).toBe('INFO Task tasks.it[a] succeeded in 0s: 1');
  });

  it('a run whose delivery was taken away ends in silence: no result, no callbacks, no answer', async () => {
    await setUp();
    let finish = (_value: number): void => {};
    let signal: AbortSignal | undefined;
    bench.task(
      (task: TaskContext) => {
        signal = task.signal;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
      { bind: true },
    );
    const delivery = await bench.deliver({ id: 'a', embed: { callbacks: [{ task: 'cb' }] } });
    delivery.fenced = true;
    bench.broker.handler?.fenced([delivery]);
    expect(signal?.aborted).toBe(true);
    finish(1);
    await bench.quiet();
    expect([bench.happened, bench.sent, delivery.answer]).toEqual([[], [], undefined]);
    expect(bench.lines.filter((line) => line.includes('succeeded'))).toEqual([]);
  });

  it('a settlement that turns out to be fenced is not logged as success', async () => {
    await setUp();
    bench.task(() => {
      delivery.fenced = true;
      return 1;
    });
    const delivery = bench.delivery({ id: 'a' });
    await bench.hand([delivery]);
    expect(bench.lines.filter((line) => line.includes('succeeded'))).toEqual([]);
    expect(bench.happened).toEqual([]);
    expect(bench.complaints).toEqual(['WARNING Task tasks.it[a] was given to another worker meanwhile: what came of it here is discarded']);
  });

  it('a bug in the settling is said, and the worker goes on', async () => {
    await setUp();
    bench.task(() => 1);
    bench.backend.troubles.push(new MessageStateError('settled twice'), new RangeError('odd'));
    await bench.deliver({ id: 'a' });
    const odd = await bench.deliver({ id: 'b' });
    await bench.deliver({ id: 'c' });
    expect(odd.answer).toBe('requeue back');
    expect(bench.lastStored).toMatchObject({ taskId: 'c', status: 'SUCCESS' });
    expect(bench.complaints).toHaveLength(2);
    expect(bench.complaints[1]).toMatch(
      /^CRITICAL Task tasks\.it\[b\] INTERNAL ERROR: it could not be settled:\nTraceback[\s\S]*RangeError: odd$/,
    );
  });

  it('a redelivered task that has been done already is not run again, where the settings say so', async () => {
    await setUp({ settings: { workerDeduplicateSuccessfulTasks: true } });
    bench.task(() => 1);
    await bench.deliver({ id: 'a' });
    bench.happened.length = 0;
    await bench.deliver({ id: 'a' }, { redeliveryCount: 1 });
    expect(bench.happened).toEqual(['ack a']);
    expect(bench.lines).toContain('INFO Task tasks.it[a] Task already completed successfully.');
    await bench.deliver({ id: 'b' }, { redeliveryCount: 1 });
    expect(bench.lastStored).toMatchObject({ taskId: 'b', status: 'SUCCESS' });
  });
});

describe('a task whose process died', () => {
  const killed = { kind: 'worker-lost', exitCode: null, signal: 'SIGKILL' } as const;

  it('goes back to the front of its queue, and nothing is stored', async () => {
    await setUp({ outcome: killed });
    bench.task(() => 1);
    const delivery = await bench.deliver({ id: 'a' });
    expect(delivery.answer).toBe('requeue front after death');
    expect(bench.backend.stored).toEqual([]);
    expect(bench.complaints).toEqual([
      "ERROR Task handler raised error: WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL).') (tasks.it[a])",
      'WARNING Task tasks.it[a] goes back to its queue',
    ]);
  });

  it('is given up when it has taken three others with it', async () => {
    await setUp({ outcome: killed });
    bench.task(() => 1);
    expect((await bench.deliver({ id: 'a' }, { redeliveryCount: 2 })).answer).toBe('requeue front after death');
    const last = await bench.deliver({ id: 'b' }, { redeliveryCount: 3 });
    expect(last.answer).toBe('reject: WorkerLostError: Worker exited prematurely: signal 9 (SIGKILL).');
    expect(bench.lastStored).toMatchObject({
      status: 'FAILURE',
      result: {
        exc_type: 'WorkerLostError',
        exc_message: ['Worker exited prematurely: signal 9 (SIGKILL).'],
        exc_module: 'billiard.exceptions',
      },
    });
    expect(bench.complaints.at(-1)).toBe('ERROR Task tasks.it[b] has lost its worker 4 times: it goes to the dead letters');
  });

  it.each([
    ['rejectOnWorkerLost: false', { rejectOnWorkerLost: false }],
    ['acksLate: false', { acksLate: false }],
  ])('fails at once with %s', async (_name, options) => {
    await setUp({ outcome: { ...killed, signal: null, exitCode: 1 } });
    bench.task(() => 1, options);
    const delivery = await bench.deliver({ id: 'a' });
    await eventually(() => bench.backend.stored.length > 0);
    expect(delivery.answer).toBe('ack');
    expect(bench.lastStored).toMatchObject({ status: 'FAILURE', result: { exc_message: ['Worker exited prematurely: exitcode 1.'] } });
  });

  it('says what is known beyond a code', async () => {
    await setUp({ outcome: { ...killed, signal: null, exitCode: 1, detail: 'out of memory' } });
    bench.task(() => 1, { rejectOnWorkerLost: false });
    await bench.deliver({ id: 'a' });
    expect(bench.lastStored).toMatchObject({ result: { exc_message: ['Worker exited prematurely: out of memory.'] } });
  });
});
