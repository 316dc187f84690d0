import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TaskError } from '../../../src/errors.js';
import { currentRun, currentTask } from '../../../src/execution/task-context.js';
import { Ignore, Reject, Retry, SoftTimeLimitExceeded, Task, type TaskContext, TaskRevoked } from '../../../src/task.js';
import { setUp } from './run-support.js';

class ValueError extends Error {
  override name = 'ValueError';
}

describe('a run that ends well', () => {
  it('answers at once when the function returns a plain value', () => {
    const bench = setUp();
    bench.register((x: number, y: number) => x + y);
    const { outcome, watch } = bench.start([1, 2]);
    expect(outcome).toEqual({ kind: 'success', value: 3 });
    expect(watch.startedBy).toEqual([process.pid]);
  });

  it('awaits promises, and anything else with a then', async () => {
    const bench = setUp();
    bench.register(async (x: number) => x * 2);
    expect(await bench.run([4])).toEqual({ kind: 'success', value: 8 });
    const thenable = setUp();
    // biome-ignore lint/suspicious/noThenProperty: this is the thing under test
    thenable.register(() => ({ then: (resolve: (value: string) => void) => resolve('thenable') }));
    expect(await thenable.run()).toEqual({ kind: 'success', value: 'thenable' });
  });

  it('puts keyword arguments where they belong', () => {
    const bench = setUp();
    bench.register((x: number, y: number) => [x, y]);
    expect(bench.start([], { kwargs: { y: 1, x: 2 } }).outcome).toEqual({ kind: 'success', value: [2, 1] });
  });

  it('gives a bound task its context', async () => {
    const bench = setUp();
    bench.register((task: TaskContext, x: number) => [task.name, task.request.id, task.request.retries, x], { bind: true });
    expect(await bench.run([5], { retries: 2 })).toEqual({ kind: 'success', value: ['tasks.it', 'the-id', 2, 5] });
  });

  it('tells code below the task which task it belongs to, however many awaits away', async () => {
    const bench = setUp();
    const below = async (): Promise<unknown> => {
      await delay(1);
      return currentTask()?.request.id;
    };
    bench.register(async () => {
      await Promise.resolve();
      return below();
    });
    const ids = await Promise.all(['a', 'b', 'c'].map((id) => bench.run([], { id })));
    expect(ids).toEqual(['a', 'b', 'c'].map((value) => ({ kind: 'success', value })));
    expect(currentTask()).toBeUndefined();
  });

  it('carries the tasks that were sent meanwhile as children', async () => {
    const bench = setUp();
    bench.register(async () => {
      currentRun()?.addChild([['child-1', null], null]);
      await delay(1);
      currentRun()?.addChild([['child-2', null], null]);
    });
    expect(await bench.run()).toMatchObject({
      children: [
        [['child-1', null], null],
        [['child-2', null], null],
      ],
    });
  });
});

describe('a run that fails', () => {
  it.each([
    ['an Error', new Error('boom'), 'Error', ['boom']],
    ['an error with a name', new ValueError('boom'), 'ValueError', ['boom']],
    ['an error of an unnamed class', new (class Custom extends Error {})('x'), 'Custom', ['x']],
    ['an error without a message', new TypeError(), 'TypeError', []],
    ['a string', 'just text', 'Error', ['just text']],
    ['nothing', undefined, 'Error', []],
    ['null', null, 'Error', [null]],
    ['an object', { code: 5 }, 'Error', [{ code: 5 }]],
    ['a symbol', Symbol('s'), 'Error', ['Symbol(s)']],
    [
      'the error of a sub-task',
      new TaskError('t', 'FAILURE', { type: 'KeyError', args: ['k'], module: 'builtins', traceback: null }),
      'KeyError',
      ['k'],
    ],
  ])('is a value, whatever it throws: %s', async (_, thrown, type, args) => {
    for (const asynchronous of [true, false]) {
      const bench = setUp();
      bench.register(() => {
        if (asynchronous) return Promise.reject(thrown);
        throw thrown;
      });
      expect(await bench.run()).toMatchObject({ kind: 'failure', error: { type, args }, expected: false });
    }
  });

  it('survives a thrown value that throws when it is looked at', async () => {
    const bench = setUp();
    const trap = new Proxy(new Error('x'), {
      get() {
        throw new Error('trap');
      },
    });
    bench.register(() => {
      throw trap;
    });
    expect(await bench.run()).toMatchObject({ kind: 'failure' });
  });

  it('keeps the stack, and those of its causes', async () => {
    const bench = setUp();
    bench.register(() => {
      throw new ValueError('outer', { cause: new TypeError('inner') });
    });
    const outcome = await bench.run();
    expect(outcome).toMatchObject({ error: { module: 'builtins' } });
    const traceback = outcome.kind === 'failure' ? outcome.error.traceback : '';
    expect(traceback).toMatch(/^Traceback \(most recent call last\):\n[\s\S]*File ".*execute\.test\.ts", line \d+/);
    expect(traceback).toMatch(/TypeError: inner\n[\s\S]*ValueError: outer\n$/);
  });

  it('is expected when the error is listed in throws', async () => {
    const bench = setUp();
    bench.register(
      () => {
        throw new ValueError('nope');
      },
      { throws: [ValueError] },
    );
    expect(await bench.run()).toMatchObject({ kind: 'failure', expected: true });
  });

  it('is a TypeError in Python’s words when the arguments do not fit', async () => {
    const bench = setUp();
    bench.register((x: number, y: number) => x + y, { autoretryFor: ['Error'] });
    expect(await bench.run([1])).toMatchObject({
      kind: 'failure',
      error: { type: 'TypeError', args: ["it() missing 1 required positional argument: 'y'"], module: 'builtins' },
    });
  });

  it('is NotRegistered when the task is not there', async () => {
    expect(await setUp().run()).toMatchObject({ kind: 'failure', error: { type: 'NotRegistered', args: ['tasks.it'] } });
  });
});

describe('what a task throws to speak', () => {
  const throwing = (thrown: unknown, options = {}) => {
    const bench = setUp();
    bench.register(() => {
      throw thrown;
    }, options);
    return bench;
  };

  it.each([
    ['Ignore', new Ignore('why'), { kind: 'ignored', reason: 'why' }],
    ['Ignore without words', new Ignore(), { kind: 'ignored', reason: null }],
    ['Reject', new Reject('no thanks'), { kind: 'rejected', reason: 'no thanks' }],
    ['Reject with requeue', new Reject('later', { requeue: true }), { kind: 'requeued', reason: 'later' }],
    ['Ignore of another copy of the library', Object.assign(new Error('x'), { name: 'Ignore' }), { kind: 'ignored', reason: 'x' }],
  ])('%s', async (_, thrown, outcome) => {
    expect(await throwing(thrown).run()).toEqual(outcome);
  });

  it('Retry, with everything it says', async () => {
    const bench = setUp();
    bench.register(
      (task: TaskContext) => {
        throw task.retry({ countdown: 7, exc: new ValueError('again'), args: [1], kwargs: { a: 2 }, options: { queue: 'slow' } });
      },
      { bind: true },
    );
    expect(await bench.run()).toMatchObject({
      kind: 'retry',
      countdownS: 7,
      eta: null,
      error: { type: 'ValueError', args: ['again'] },
      args: [1],
      kwargs: { a: 2 },
      options: { queue: 'slow' },
    });
  });

  it('Retry at a date', async () => {
    const eta = new Date('2030-01-02T03:04:05.678Z');
    expect(await throwing(new Retry({ eta })).run()).toMatchObject({
      kind: 'retry',
      countdownS: null,
      eta: '2030-01-02T03:04:05.678000+00:00',
    });
    expect(await throwing(new Retry({ eta: '2030-01-02T03:04:05' })).run()).toMatchObject({ eta: '2030-01-02T03:04:05' });
  });

  it('a Retry too many fails with its cause, or says which task cannot go on', async () => {
    expect(await throwing(new Retry({ exc: new ValueError('again') })).run([], { retries: 3 })).toMatchObject({
      kind: 'failure',
      error: { type: 'ValueError', args: ['again'] },
    });
    const bench = setUp();
    bench.register((..._args: unknown[]) => {
      throw new Retry({ maxRetries: 1 });
    });
    expect(await bench.run([1], { retries: 1 })).toMatchObject({
      kind: 'failure',
      error: {
        type: 'MaxRetriesExceededError',
        args: ["Can't retry tasks.it[the-id] args:(1,) kwargs:{}"],
        module: 'celery.exceptions',
      },
    });
  });

  it('errors listed in autoretryFor become retries until there are no more', async () => {
    const bench = throwing(new ValueError('auto'), { autoretryFor: [ValueError], maxRetries: 2, retryBackoff: true, retryJitter: false });
    const outcomes = await Promise.all([0, 1, 2].map((retries) => bench.run([], { retries })));
    expect(outcomes).toMatchObject([
      { kind: 'retry', countdownS: 1, error: { type: 'ValueError' } },
      { kind: 'retry', countdownS: 2 },
      { kind: 'failure', error: { type: 'ValueError', args: ['auto'] } },
    ]);
  });
});

describe('limits', () => {
  const never = (): Promise<never> => new Promise(() => {});

  it('a task that takes no signal ends at the soft limit', async () => {
    const bench = setUp();
    bench.register(never);
    const { outcome, watch } = bench.start([], { softTimeLimitMs: 1000, timeLimitMs: 2000 });
    await bench.clock.advance(1000);
    expect(await outcome).toMatchObject({
      kind: 'failure',
      error: { type: 'SoftTimeLimitExceeded', args: [], module: 'billiard.exceptions' },
    });
    expect(watch.softLimits).toEqual([1000]);
    expect(bench.clock.pendingTimers).toBeLessThanOrEqual(1);
  });

  it('a task that takes its signal is told at the soft limit, and may clean up', async () => {
    const bench = setUp();
    bench.register(
      (task: TaskContext) =>
        new Promise((resolve) => task.signal.addEventListener('abort', () => resolve(task.signal.reason instanceof SoftTimeLimitExceeded))),
      { bind: true },
    );
    const { outcome } = bench.start([], { softTimeLimitMs: 1000 });
    await bench.clock.advance(1000);
    expect(await outcome).toEqual({ kind: 'success', value: true });
  });

  it('an unbound task finds its signal, too', async () => {
    const bench = setUp();
    bench.register(async () => {
      const signal = currentTask()?.signal;
      await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    });
    const { outcome } = bench.start([], { softTimeLimitMs: 1000 });
    await bench.clock.advance(1000);
    expect(await outcome).toMatchObject({ kind: 'failure', error: { type: 'SoftTimeLimitExceeded' } });
  });

  it('the soft limit may be retried like any error', async () => {
    const bench = setUp();
    bench.register(never, { autoretryFor: [SoftTimeLimitExceeded] });
    const { outcome } = bench.start([], { softTimeLimitMs: 10 });
    await bench.clock.advance(10);
    expect(await outcome).toMatchObject({ kind: 'retry' });
  });

  it('the hard limit ends the run, whatever the task does', async () => {
    const bench = setUp();
    const reasons: unknown[] = [];
    bench.register(
      (task: TaskContext) => {
        task.signal.addEventListener('abort', () => reasons.push((task.signal.reason as Error).name));
        return never();
      },
      { bind: true },
    );
    const { outcome, watch } = bench.start([], { softTimeLimitMs: 1000, timeLimitMs: 2000 });
    await bench.clock.advance(2000);
    expect(await outcome).toEqual({ kind: 'timed-out', limitMs: 2000 });
    expect(reasons).toEqual(['SoftTimeLimitExceeded']);
    expect(watch.abort).toBeUndefined();
  });

  it('what the task does after its run has ended changes nothing', async () => {
    const bench = setUp();
    let wake = (): void => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let afterwards: Promise<void> | undefined;
    bench.register(
      async (task: TaskContext) => {
        await woken;
        afterwards = task.updateState('LATE');
        throw new Error('too late');
      },
      { bind: true },
    );
    const { outcome } = bench.start([], { timeLimitMs: 5 });
    await bench.clock.advance(5);
    expect(await outcome).toEqual({ kind: 'timed-out', limitMs: 5 });
    wake();
    await bench.clock.advance(1);
    await afterwards;
    expect(bench.stored).toEqual([]);
  });

  it('a run that ends in time leaves no deadline behind', async () => {
    const bench = setUp();
    bench.register(async () => 'done');
    expect(await bench.run([], { softTimeLimitMs: 1000, timeLimitMs: 2000 })).toEqual({ kind: 'success', value: 'done' });
    await bench.clock.advance(3000);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('ends at the abort of its watch, telling the task why', async () => {
    const bench = setUp();
    let reason: unknown;
    bench.register(
      (task: TaskContext) => {
        task.signal.addEventListener('abort', () => {
          reason = task.signal.reason;
        });
        return never();
      },
      { bind: true },
    );
    const { outcome, watch } = bench.start();
    watch.abort?.('terminated');
    expect(await outcome).toEqual({ kind: 'revoked', reason: 'terminated' });
    expect(reason).toBeInstanceOf(TaskRevoked);
    const other = bench.start();
    other.watch.abort?.('shutdown');
    expect(await other.outcome).toEqual({ kind: 'requeued', reason: 'shutdown' });
  });
});

describe('states of the task’s own', () => {
  it('are stored before the outcome is known, in their order', async () => {
    const bench = setUp();
    const order: string[] = [];
    Object.assign(bench.environment, {
      async storeState(_request: unknown, state: string) {
        await delay(state === 'ONE' ? 5 : 1);
        order.push(state);
      },
    });
    bench.register(
      (task: TaskContext) => {
        void task.updateState('ONE', { done: 1 });
        void task.updateState('TWO');
        return 'end';
      },
      { bind: true },
    );
    const outcome = await bench.run();
    expect(outcome).toEqual({ kind: 'success', value: 'end' });
    expect(order).toEqual(['ONE', 'TWO']);
  });

  it('and tasks it sent without awaiting are over before the outcome is known, even when they fail', async () => {
    const bench = setUp();
    const order: string[] = [];
    bench.register(() => {
      const run = currentRun();
      run?.waitFor(delay(5).then(() => order.push('sent')));
      run?.waitFor(Promise.reject(new Error('not sent')));
      run?.waitFor(delay(1));
      return 'end';
    });
    const outcome = await bench.run();
    order.push('outcome');
    expect(outcome).toEqual({ kind: 'success', value: 'end' });
    expect(order).toEqual(['sent', 'outcome']);
  });

  it('that cannot be stored are the task’s to handle', async () => {
    const bench = setUp();
    Object.assign(bench.environment, { storeState: () => Promise.reject(new ValueError('away')) });
    bench.register((task: TaskContext) => task.updateState('ONE'), { bind: true });
    expect(await bench.run()).toMatchObject({ kind: 'failure', error: { type: 'ValueError' } });
  });
});

describe('handlers of a base class', () => {
  function recording() {
    const bench = setUp();
    const calls: unknown[] = [];
    class Recording extends Task {
      #connections = 0;
      override beforeStart(id: string, args: readonly unknown[]): void {
        calls.push(['beforeStart', id, args]);
      }
      override onSuccess(value: unknown): void {
        calls.push(['onSuccess', value]);
      }
      override onFailure(error: unknown): void {
        calls.push(['onFailure', (error as Error).message]);
      }
      override onRetry(error: unknown): void {
        calls.push(['onRetry', (error as Error).message]);
      }
      override async afterReturn(state: string, value: unknown): Promise<void> {
        await delay(1);
        calls.push(['afterReturn', state, value instanceof Error ? value.message : value]);
      }
      override async call(run: () => unknown): Promise<unknown> {
        calls.push('open');
        try {
          return await run();
        } finally {
          calls.push('close');
        }
      }
      connect(): number {
        this.#connections += 1;
        return this.#connections;
      }
    }
    return { bench, calls, Recording };
  }

  it('are called around the run, in order, and awaited', async () => {
    const { bench, calls, Recording } = recording();
    bench.register((x: number) => x + 1, { base: Recording });
    expect(await bench.run([1])).toEqual({ kind: 'success', value: 2 });
    expect(calls).toEqual([['beforeStart', 'the-id', [1]], 'open', 'close', ['onSuccess', 2], ['afterReturn', 'SUCCESS', 2]]);
  });

  it('hear of failures and retries', async () => {
    const { bench, calls, Recording } = recording();
    bench.register(() => Promise.reject(new Error('boom')), { base: Recording });
    await bench.run();
    expect(calls.slice(3)).toEqual([
      ['onFailure', 'boom'],
      ['afterReturn', 'FAILURE', 'boom'],
    ]);
    calls.length = 0;
    bench.executor.abortAll('shutdown');
    const again = recording();
    again.bench.register(
      () => {
        throw new Retry({ exc: new Error('again') });
      },
      { base: again.Recording },
    );
    await again.bench.run();
    expect(again.calls.slice(3)).toEqual([['onRetry', 'again']]);
  });

  it('fail the task when beforeStart throws, and change nothing when a later one does', async () => {
    const early = setUp();
    early.register(() => 1, {
      base: class extends Task {
        override beforeStart(): void {
          throw new ValueError('not today');
        }
      },
    });
    expect(await early.run()).toMatchObject({ kind: 'failure', error: { type: 'ValueError' } });
    const late = setUp();
    late.register(() => 1, {
      base: class extends Task {
        override onSuccess(): void {
          throw new ValueError('too late');
        }
      },
    });
    expect(await late.run()).toEqual({ kind: 'success', value: 1 });
  });

  it('keep what a class remembers for all its runs, private fields included', async () => {
    const { bench, Recording } = recording();
    bench.register((task: TaskContext) => (task as unknown as InstanceType<typeof Recording>).connect(), { bind: true, base: Recording });
    expect(await bench.run()).toEqual({ kind: 'success', value: 1 });
    expect(await bench.run()).toEqual({ kind: 'success', value: 2 });
  });
});

describe('signals', () => {
  it('surround the run, prerun awaited before it begins', async () => {
    const bench = setUp();
    const seen: unknown[] = [];
    bench.signals.taskPrerun.connect(async ({ taskId }) => {
      await delay(1);
      seen.push(['prerun', taskId]);
    });
    bench.signals.taskSuccess.connect(({ result }) => seen.push(['success', result]));
    bench.signals.taskPostrun.connect(({ state, retval }) => seen.push(['postrun', state, retval]));
    bench.register((x: number) => {
      seen.push('run');
      return x;
    });
    await bench.run([1]);
    expect(seen).toEqual([['prerun', 'the-id'], 'run', ['success', 1], ['postrun', 'SUCCESS', 1]]);
  });

  it('tell failures, retries and refusals apart', async () => {
    const states: string[] = [];
    for (const thrown of [new Error('x'), new Retry(), new Ignore(), new Reject()]) {
      const bench = setUp();
      bench.signals.taskFailure.connect(({ exception }) => states.push(`failure ${(exception as Error).message}`));
      bench.signals.taskRetry.connect(() => states.push('retry'));
      bench.signals.taskPostrun.connect(({ state }) => states.push(state));
      bench.register(() => {
        throw thrown;
      });
      await bench.run();
    }
    expect(states).toEqual(['failure x', 'FAILURE', 'retry', 'RETRY', 'IGNORED', 'REJECTED']);
  });

  it('report what a handler throws and go on', async () => {
    const bench = setUp();
    const reported: unknown[] = [];
    bench.signals.onHandlerError((signal, error) => reported.push([signal, (error as Error).message]));
    bench.signals.taskPrerun.connect(() => {
      throw new Error('sync');
    });
    bench.signals.taskPrerun.connect(() => Promise.reject(new Error('async')));
    bench.register(() => 'fine');
    expect(await bench.run()).toEqual({ kind: 'success', value: 'fine' });
    expect(reported).toEqual([
      ['taskPrerun', 'sync'],
      ['taskPrerun', 'async'],
    ]);
  });
});
