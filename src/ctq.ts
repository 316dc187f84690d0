/**
 * The app: settings, tasks, and the engines they need, opened by name on first use. The only place
 * where engines and adapters meet.
 */
import type { Beat } from './beat/beat.js';
import { periodicEntry, type PeriodicTask, type PeriodicTaskOptions } from './beat/periodic-task.js';
import type { ScheduleEntry, ScheduleEntryInput } from './beat/schedule-entry.js';
import type { ScheduleStore } from './beat/schedule-store.js';
import type { TimeZone } from './beat/time-zone.js';
import type { Broker } from './broker.js';
import type { ApplyAsyncOptions } from './client/apply-async-options.js';
import {
  makeSignature,
  nodeOf,
  Signature,
  type CanvasSender,
  type SignatureOptions,
  type UntypedSignature,
  setCurrentSender,
} from './canvas/signature.js';
import { AsyncResult, SentTask } from './client/async-result.js';
import { CanvasClient } from './client/canvas-client.js';
import { builtinTasks } from './client/builtin-tasks.js';
import { chordStoreOf, type GroupResult } from './client/group-result.js';
import { systemClock } from './clock.js';
import { type Conf, createConf } from './config/conf.js';
import { environmentLayer, type SettingsLayer } from './config/resolve.js';
import type { Settings, SettingsInput } from './config/settings.js';
import { checkSendOptions } from './config/send-options.js';
import { checkTaskOptions } from './config/task-options.js';
import { ConfigError } from './errors.js';
import type { Estate } from './estate/estate.js';
import { Connected } from './ctq/connected.js';
import { type SecurityOptions, setUpSecurity } from './ctq/set-up-security.js';
import { type AppBeatOptions, entriesOf, openBeat, openStore, openStores, type ScheduleSource, zoneOf } from './ctq/open-beat.js';
import { type AppWorkerOptions, openWorker } from './ctq/open-worker.js';
import { Events } from './events/event-stream.js';
import { TaskRegistry } from './execution/task-registry.js';
import { type Logger, silentLogger } from './logger.js';
import type { MessageSecurity } from './protocol/signing.js';
import { Control } from './remote-control/control.js';
import type { ResultBackend } from './result-backend.js';
import type { Router } from './routing/router.js';
import { openSecurity } from './security/message-security.js';
import { Signals } from './signals.js';
import { Task, type TaskContext, type TaskFunction, type TaskOptions, type TaskSender } from './task.js';
import type { Worker } from './worker/worker.js';

/** What stands above the app module's own settings: the command line, the environment, a config file. */
export interface Surroundings {
  /** Strongest first. */
  readonly layers: readonly SettingsLayer[];
  /** Where `.ctq/ctq.db` stands. */
  readonly baseFolder: string;
  /** How long a call may look for a connection; `Infinity` for ever. */
  readonly connectTimeoutMs: number;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a rest parameter that any list of arguments fits
type AnyArgs = any[];

const BRAND = Symbol.for('ctq.app');

/** True for an app, whichever copy of the library made it. */
export function isCtq(value: unknown): value is Ctq {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/**
 * An app: a name, settings, the tasks that were registered with it, and all that can be done with them. It connects when it first has to;
 * `close()` when the program is done.
 */
export class Ctq implements TaskSender {
  /** The app's name: the first part of the names of its tasks. */
  readonly main: string;
  readonly tasks: TaskRegistry;
  readonly signals: Signals = new Signals();
  /** Tells workers things, and asks them: `app.control.inspect().active()`. */
  readonly control: Control;
  /** What workers and clients say that happens. */
  readonly events: Events;
  readonly [BRAND] = true;

  private readonly periodic = new Map<string, ScheduleEntryInput>();
  private readonly ownConf: Conf;
  private readonly canvas: CanvasSender;
  private surroundings: Surroundings;
  /** Hears of lost connections, and of deliveries taken over from the dead. */
  private brokerLogger: Logger = silentLogger;
  private parts: Connected | undefined;
  private signedSerializer: string | undefined;

  /**
   * @param settings - In either spelling; flags, environment and config file have the last word over them.
   * @throws {@link ConfigError} for an unknown setting or a wrong value.
   */
  constructor(main = '__main__', settings: SettingsInput = {}) {
    if (typeof main !== 'string' || typeof settings !== 'object') {
      throw new ConfigError('an app has a name and settings', { hint: "new Ctq('tasks', { brokerUrl: 'redis://localhost' })" });
    }
    this.main = main;
    this.ownConf = createConf(settings, `new Ctq('${main}')`);
    this.surroundings = { layers: [environmentLayer(process.env)], baseFolder: process.cwd(), connectTimeoutMs: 5_000 };
    this.ownConf.overlay(this.surroundings.layers);
    this.canvas = new CanvasClient({
      producer: () => this.connected().producer,
      results: () => this.connected().results,
      chordErrbacks: () => (this.conf.taskAllowErrorCbOnChordHeader ? 'header too' : 'body only'),
    });
    setCurrentSender(this.canvas);
    this.tasks = new TaskRegistry(builtinTasks(this, (calls) => this.connected().producer.prepareAll(calls, undefined)()));
    const security = () => this.connected().security;
    const toWorkers = { broker: () => this.broker(), settings: () => this.conf, security, clock: systemClock };
    this.control = new Control(toWorkers);
    this.events = new Events({ ...toWorkers, wakeUp: () => this.control.heartbeat() });
  }

  /** The settings in force; assigning sets the app's own. */
  get conf(): Settings {
    return this.ownConf.settings;
  }

  /** Where a setting came from, for people. */
  sourceOf(key: keyof Settings): string {
    return this.ownConf.sourceOf(key);
  }

  /**
   * Lays stronger settings over the app's own. The front door calls it before anything is opened.
   *
   * @throws {@link ConfigError} when the app has already been used.
   */
  configure(surroundings: Surroundings): void {
    if (this.parts !== undefined) throw new ConfigError('the app is in use already', { hint: 'configure it before sending or working' });
    this.surroundings = surroundings;
    this.ownConf.overlay(surroundings.layers);
    this.tasks.annotate(this.conf.taskAnnotations);
  }

  /**
   * Signs what this app sends and takes only what somebody of `securityCertStore` has signed, as Celery's `app.setup_security()`.
   * Settings alone do the same; this reads keys and certificates at once, so that what is wrong with them shows at the start.
   *
   * @throws {@link ConfigError} for a key or certificate that cannot be used, and where unsigned messages would be taken, too.
   */
  setupSecurity(options: SecurityOptions = {}): void {
    if (this.parts !== undefined)
      throw new ConfigError('the app is in use already', { hint: 'set up its security before sending or working' });
    this.signedSerializer = setUpSecurity(this.conf, options);
    this.openSecurity();
  }

  /** Registers a function as the task `name`. */
  task<Args extends AnyArgs, Result>(name: string, run: (...args: Args) => Result): Task<Args, Result>;
  /** Registers a named function as `<app>.<function>`. */
  task<Args extends AnyArgs, Result>(run: (...args: Args) => Result): Task<Args, Result>;
  task<Args extends AnyArgs, Result>(
    options: TaskOptions & { readonly bind: true },
    run: (task: TaskContext, ...args: Args) => Result,
  ): Task<Args, Result>;
  task<Args extends AnyArgs, Result>(options: TaskOptions & { readonly bind?: false }, run: (...args: Args) => Result): Task<Args, Result>;
  task(first: string | TaskOptions | TaskFunction, second?: TaskFunction): Task {
    const run = typeof first === 'function' ? first : second;
    if (typeof run !== 'function') throw new ConfigError('app.task() needs a function', { hint: "app.task('tasks.add', (x, y) => x + y)" });
    const options: TaskOptions = typeof first === 'object' ? first : {};
    const name = typeof first === 'string' ? first : (options.name ?? this.nameOf(run));
    if (name === '') throw new ConfigError('a task without a name', { hint: "app.task('tasks.add', (x, y) => x + y)" });
    checkTaskOptions(options, name);
    if (this.tasks.has(name)) {
      throw new ConfigError(`the task ${name} is registered twice`, { hint: 'give one of the two another name' });
    }
    const task = new (options.base ?? Task)(name, options, run, this);
    this.tasks.set(name, task);
    this.tasks.annotate(this.conf.taskAnnotations, [task]);
    return task;
  }

  /** Sends a task by name; it need not be known here. */
  sendTask(name: string, args: readonly unknown[] = [], options: ApplyAsyncOptions = {}): SentTask {
    checkSendOptions(name, options);
    const { producer, results } = this.connected();
    const { taskId, published } = producer.send(name, args, options);
    return new SentTask(taskId, results, published);
  }

  /** Writes down a call of a task that need not be known here; `task.s()` does it for one that is. */
  signature(name: string, args: readonly unknown[] = [], options: SignatureOptions = {}): UntypedSignature {
    return makeSignature(name, args, options, this.canvas);
  }

  /** A signature, chain, group or chord that was written as JSON, by Celery or by us. */
  reviveSignature(json: unknown): UntypedSignature {
    return new Signature(nodeOf(json), this.canvas);
  }

  /**
   * Adds an entry to the schedule: `app.addPeriodicTask(crontab({ hour: 3, minute: 0 }), clean)`. Wins over one of
   * that name in `beatSchedule`.
   *
   * @returns The entry's name.
   */
  addPeriodicTask(schedule: ScheduleEntryInput['schedule'], task: PeriodicTask, options: PeriodicTaskOptions = {}): string {
    const { name, entry } = periodicEntry(schedule, task, options);
    this.periodic.set(name, entry);
    return name;
  }

  /** Tells a chord to wait for one part more; `task.addToChord()` does it. */
  async growChord(groupId: string): Promise<void> {
    await (await chordStoreOf(this.connected().results)).grow(groupId);
  }

  /** The result of a task that was sent by anybody. */
  AsyncResult<Result = unknown>(id: string): AsyncResult<Result> {
    return new AsyncResult<Result>(id, this.connected().results);
  }

  /** `app.GroupResult.restore(id)` finds a group that was saved. */
  get GroupResult(): { restore(id: string): Promise<GroupResult | undefined> } {
    return { restore: (id) => this.connected().results.restore(id) };
  }

  /** The queues of the settings, and the way of a task to one of them. */
  get router(): Router {
    return this.connected().router;
  }

  /** The broker that is published to. */
  broker(): Promise<Broker> {
    return this.connected().publishTo();
  }

  backend(): Promise<ResultBackend> {
    return this.connected().backend();
  }

  /**
   * For who only asks: a broker in a file that does not exist would be made by the question, and answer that nothing is there.
   *
   * @throws BrokerError `CTQ_BROKER_UNREACHABLE` when it is such a file.
   */
  assertThere(): Promise<void> {
    return this.connected().assertThere();
  }

  /** Opens what an operator looks at: the broker's estate first, the result backend's where that is another place. */
  estates(): Promise<readonly Estate[]> {
    return this.connected().estates();
  }

  /** Where results are kept, when none of the {@link estates} shows them. */
  unseenResults(): Promise<ResultBackend | undefined> {
    return this.connected().unseenResults();
  }

  /** Makes a worker of this app; `start()` runs it. Its connections wait for a broker for as long as it takes. */
  async worker(options: AppWorkerOptions = {}): Promise<Worker> {
    this.beWorker(options.logger ?? silentLogger);
    const { main, ownConf: conf, tasks, signals, surroundings } = this;
    return openWorker({ main, conf, tasks, signals, surroundings, commands: this.control.commands }, this.connected(), options);
  }

  /** Makes a beat of this app; `start()` runs it. Any number of them on one Redis or SQLite file send each firing once. */
  async beat(options: AppBeatOptions = {}): Promise<Beat> {
    // An app without tasks of its own is one that only sends.
    const names = [...this.tasks.keys()];
    const taskNames = new Set(names.some((name) => !name.startsWith('celery.')) ? names : []);
    const source = { ...this.scheduleSource(), taskNames, signals: this.signals };
    const connected = this.connected();
    await connected.assertWritable();
    return openBeat(source, connected.beatConnection(), options);
  }

  /** Where crontabs without a zone of their own are computed. */
  get timeZone(): TimeZone {
    return zoneOf(this.conf);
  }

  /** The entries that the code has. @throws {@link ConfigError} when one of them is wrong. */
  scheduleEntries(): readonly ScheduleEntry[] {
    return entriesOf(this.scheduleSource());
  }

  /** Where the beats of this app keep entries and runs; undefined on a broker that has no such place. The caller closes it. */
  scheduleStore(): Promise<ScheduleStore | undefined> {
    return openStore(this, this.connected().beatConnection(), { member: 'a command' });
  }

  /** The same of all apps at this broker, by their names: for who looks at a broker and has no app. */
  scheduleStores(): Promise<ReadonlyMap<string, ScheduleStore> | undefined> {
    return openStores(this.connected().beatConnection(), { member: 'a command' });
  }

  /** Closes what was opened; published messages are with the broker then. */
  async close(): Promise<void> {
    const parts = this.parts;
    this.parts = undefined;
    await parts?.close();
  }

  private nameOf(run: TaskFunction): string {
    if (run.name === '') throw new ConfigError('a task without a name', { hint: "app.task('tasks.add', (x, y) => x + y)" });
    return `${this.main}.${run.name}`;
  }

  private scheduleSource(): ScheduleSource {
    return { main: this.main, settings: this.conf, periodic: this.periodic, sourceOf: (key) => this.sourceOf(key) };
  }

  /** A worker waits for ever where a command gives up after seconds. */
  private beWorker(logger: Logger): void {
    this.brokerLogger = logger;
    if (this.parts === undefined) this.surroundings = { ...this.surroundings, connectTimeoutMs: Number.POSITIVE_INFINITY };
  }

  private openSecurity(): MessageSecurity | undefined {
    return openSecurity(this.conf, systemClock, this.signedSerializer);
  }

  private connected(): Connected {
    if (this.parts === undefined) {
      this.tasks.annotate(this.conf.taskAnnotations);
      this.parts = new Connected(this, { ...this.conf }, this.surroundings, this.brokerLogger, this.openSecurity());
    }
    return this.parts;
  }
}
