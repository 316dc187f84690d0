/** An app in memory: no server, no file, nothing left behind; and a record of what was sent and what became of it. */
import type { MemoryBroker } from '../brokers/memory/broker.js';
import { readLayer } from '../config/resolve.js';
import type { SettingsInput } from '../config/settings.js';
import type { Ctq } from '../ctq.js';
import { ConfigError, TaskError, WaitTimeoutError } from '../errors.js';
import { standIn } from '../execution/parameters.js';
import { type Logger, silentLogger } from '../logger.js';
import { describeError } from '../protocol/exception.js';
import { newId } from '../protocol/oid.js';
import type { PublishSignal } from '../signals.js';
import type { TaskFunction } from '../task.js';
import type { Worker } from '../worker/worker.js';
import type { TaskRun } from './run-task.js';
import { type SentCall, sentCall } from './sent-call.js';
import type { AnyArgs, TestableTask } from './testable-task.js';

/** What {@link testKit} takes. */
export interface TestKitOptions {
  /** `eager` (default): tasks run in this process as they are sent. `queued`: they wait for {@link TestKit.drain}. */
  readonly mode?: 'eager' | 'queued';
  /** `skip` (default): countdowns, ETAs and the delays of retries are not waited for. `keep`: they are. */
  readonly delays?: 'skip' | 'keep';
  /** Settings for this test, over the app's own. */
  readonly settings?: SettingsInput;
  /** How many tasks run at once; default 10. */
  readonly concurrency?: number;
  /** Hears what the worker and the tasks log; default nobody. */
  readonly logger?: Logger;
}

/** A task, or its name. */
type Named = { readonly name: string } | string;

/** What is recorded of a run; a retry is a run of its own. */
export type RecordedRun = Pick<TaskRun, 'id' | 'task' | 'state' | 'result' | 'error' | 'retries'> & {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
};

/** What `testKit()` gives: the app in memory, with what it has sent and run. */
export interface TestKit extends AsyncDisposable {
  /** The tasks that were sent, in order: all, or those of one task. */
  sent(task?: Named): readonly SentCall[];
  /** The runs that have ended, in order. */
  runs(task?: Named): readonly RecordedRun[];
  /**
   * Runs what waits, and what that sends, until nothing is left; resolves with the runs.
   *
   * @param options - `timeout` in seconds, default 5.
   * @throws {@link WaitTimeoutError} when something still runs or waits then.
   */
  drain(options?: { readonly timeout?: number }): Promise<readonly RecordedRun[]>;
  /** Has `run` stand in for the task's function, without the context of a bound one, until the kit is closed, or the returned function called. */
  stub<Args extends AnyArgs, Result>(task: TestableTask<Args, Result>, run: (...args: NoInfer<Args>) => unknown): () => void;
  /** Forgets what was recorded, not what waits. */
  clear(): void;
  /** Stops the worker and gives the app back: it may be used with its own settings, or with another kit. */
  close(): Promise<void>;
}

const DEFAULT_CONCURRENCY = 10;
const DRAIN_LIMIT_S = 5;
/** Turns of the event loop in which nothing happens: an end is followed by what it sends within fewer. */
const QUIET_TURNS = 10;

/**
 * Puts an app into memory for a test.
 *
 * ```ts
 * await using kit = await testKit(app);
 * await signUp('a@example.org');
 * await kit.drain();
 * expect(kit.sent(sendMail)[0]?.args).toEqual(['a@example.org', 'welcome']);
 * ```
 *
 * @throws {@link ConfigError} when the app is in use already.
 */
export async function testKit(app: Ctq, options: TestKitOptions = {}): Promise<TestKit> {
  const kit = new Kit(app, options);
  await kit.open();
  return kit;
}

interface RunningWorker {
  readonly worker: Worker;
  readonly working: Promise<unknown>;
}

class Kit implements TestKit {
  readonly #app: Ctq;
  readonly #options: TestKitOptions;
  readonly #sent: SentCall[] = [];
  readonly #runs: RecordedRun[] = [];
  readonly #undo: (() => void)[] = [];
  /** One for each queue that was sent to beside those of the settings, and one for those; undefined while none works. */
  #workers: Promise<RunningWorker>[] | undefined;
  /** Queues that the settings do not name. */
  readonly #madeUp = new Set<string>();
  /** Published, and not with the broker yet. */
  #underWay = 0;
  /** By id, the names of those that have begun and not ended. */
  readonly #running = new Map<string, string>();
  #closed = false;

  constructor(app: Ctq, options: TestKitOptions) {
    this.#app = app;
    this.#options = options;
  }

  async open(): Promise<void> {
    if (openKits.has(this.#app)) {
      throw new ConfigError('the app is in use already: an earlier test kit was not closed', {
        hint: 'write "await using kit = await testKit(app)", or close it in afterEach',
      });
    }
    const url = `memory://test-${newId()}`;
    const inMemory = { brokerUrl: url, resultBackend: url, brokerReadUrl: null, brokerWriteUrl: null, workerEnableRemoteControl: false };
    const layers = [
      readLayer({ ...inMemory, taskAlwaysEager: false }, 'ctq/testing'),
      readLayer({ ...this.#options.settings }, 'the settings of testKit()'),
    ];
    this.#app.configure({ layers, baseFolder: process.cwd(), connectTimeoutMs: 5_000 });
    openKits.add(this.#app);
    this.#watch();
    if (this.#options.mode !== 'queued') await this.#startWorkers();
  }

  sent(task?: Named): readonly SentCall[] {
    return task === undefined ? [...this.#sent] : this.#sent.filter((call) => call.task === nameOf(task));
  }

  runs(task?: Named): readonly RecordedRun[] {
    return task === undefined ? [...this.#runs] : this.#runs.filter((run) => run.task === nameOf(task));
  }

  async drain({ timeout = DRAIN_LIMIT_S }: { readonly timeout?: number } = {}): Promise<readonly RecordedRun[]> {
    if (this.#closed) throw new ConfigError('the test kit is closed');
    const before = this.#runs.length;
    const startedMs = performance.now();
    const starting = this.#workers === undefined;
    if (starting) await this.#startWorkers();
    try {
      await this.#untilIdle(startedMs + timeout * 1000, timeout);
    } finally {
      if (starting) await this.#stopWorkers();
    }
    return this.#runs.slice(before);
  }

  stub<Args extends AnyArgs, Result>(task: TestableTask<Args, Result>, run: (...args: NoInfer<Args>) => unknown): () => void {
    const replaceable = task as unknown as { run: TaskFunction };
    const original = replaceable.run;
    const isBound = task.options.bind === true;
    const stub: TaskFunction = (...given) => run(...((isBound ? given.slice(1) : given) as unknown as Args));
    replaceable.run = standIn(stub, original);
    const restore = (): void => {
      replaceable.run = original;
    };
    this.#undo.push(restore);
    return restore;
  }

  clear(): void {
    this.#sent.length = 0;
    this.#runs.length = 0;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    openKits.delete(this.#app);
    await this.#stopWorkers();
    for (const undo of this.#undo.splice(0).reverse()) undo();
    await this.#app.close();
    this.#app.configure({ layers: [], baseFolder: process.cwd(), connectTimeoutMs: 5_000 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watch(): void {
    const { signals } = this.#app;
    this.#undo.push(
      signals.beforeTaskPublish.connect((signal) => {
        this.#underWay += 1;
        this.#serve(signal);
        const call = sentCall(signal);
        // It is recorded as it was sent; what travels is due at once.
        if (this.#options.delays !== 'keep') (signal.headers as Record<string, unknown>)['eta'] = null;
        return call instanceof Promise ? call.then((read) => void this.#sent.push(read)) : void this.#sent.push(call);
      }),
      signals.afterTaskPublish.connect(() => {
        this.#underWay -= 1;
      }),
      signals.taskPrerun.connect(({ sender, taskId }) => {
        this.#running.set(taskId, sender.name);
      }),
      signals.taskPostrun.connect(({ sender, taskId, request, args, kwargs, state, retval }) => {
        this.#running.delete(taskId);
        const failed = state === 'FAILURE' || state === 'REVOKED' || (state === 'RETRY' && retval instanceof Error);
        this.#runs.push({
          ...{ id: taskId, task: sender.name, args, kwargs, state, retries: request.retries },
          result: state === 'SUCCESS' ? retval : undefined,
          error: failed ? new TaskError(taskId, state, describeError(retval)) : null,
        });
      }),
    );
  }

  async #startWorkers(): Promise<void> {
    this.#workers = [this.#startWorker({}), ...[...this.#madeUp].map((queue) => this.#startWorker({ queues: [queue] }))];
    await Promise.all(this.#workers);
  }

  async #startWorker(which: { readonly queues?: readonly string[] }): Promise<RunningWorker> {
    const { concurrency = DEFAULT_CONCURRENCY, logger = silentLogger } = this.#options;
    const alone = { withoutGossip: true, withoutMingle: true, withoutHeartbeat: true };
    const worker = await this.#app.worker({ ...alone, ...which, pool: 'async', concurrency, logger, hostname: 'test@%h' });
    const working = worker.start();
    working.catch(() => {}); // #stopWorkers tells.
    return { worker, working };
  }

  async #stopWorkers(): Promise<void> {
    const workers = this.#workers ?? [];
    this.#workers = undefined;
    // What runs by now is more than the test waited for; it must not hold up the next one.
    const how = this.#running.size === 0 ? 'warm' : 'cold';
    for (const { worker, working } of await Promise.all(workers)) {
      await worker.stop(how);
      await working;
    }
    this.#running.clear();
  }

  /** What was sent to a queue that no settings name must be taken from there. */
  #serve({ exchange, routingKey }: PublishSignal): void {
    const { queues } = this.#app.router;
    const isQueue = exchange === '' || exchange === routingKey;
    if (!isQueue || this.#madeUp.has(routingKey) || queues.declared().some(({ name }) => name === routingKey)) return;
    this.#madeUp.add(routingKey);
    this.#workers?.push(this.#startWorker({ queues: [routingKey] }));
  }

  #whatRuns(): { readonly hint?: string } {
    const running = [...this.#running].map(([id, name]) => `${name}[${id}]`);
    return running.length === 0
      ? {}
      : { hint: `${running.slice(0, 3).join(', ')}${running.length > 3 ? ' …' : ''} has begun and not ended` };
  }

  async #untilIdle(limitMs: number, timeout: number): Promise<void> {
    const broker = (await this.#app.broker()) as MemoryBroker;
    const declared = this.#app.router.queues.declared().map(({ name }) => name);
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      const left = broker.outstanding([...declared, ...this.#madeUp]);
      quiet = left + this.#underWay + this.#running.size === 0 ? quiet + 1 : 0;
      if (performance.now() > limitMs) {
        throw new WaitTimeoutError(`${left} task(s) still wait or run after ${timeout} s`, this.#whatRuns());
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A kit that nobody closed is found by the test after it. */
const openKits = new WeakSet<Ctq>();

function nameOf(task: Named): string {
  return typeof task === 'string' ? task : task.name;
}
