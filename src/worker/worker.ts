/**
 * The worker: what it is made of, in the order in which it starts.
 *
 * ```
 * consumer ─ intake ─┬─ dispatcher ─ pool ─ settle ─ result store, broker
 *                    ├─ eta timer, or parked in the broker
 *                    └─ refusals
 * ```
 *
 * Its life: `starting → consuming ⇄ disconnected → draining → stopped`.
 */
import type { Consumer, Queue } from '../broker.js';
import type { BrokerError } from '../errors.js';
import { catchStrayErrors } from '../execution/stray-errors.js';
import type { Pool } from '../pool.js';
import type { Message } from '../protocol/message.js';
import { decodeTaskMessage } from '../protocol/task-message.js';
import type { WorkerView } from '../remote-control/command.js';
import { announce } from './announce.js';
import { Broadcasts } from './broadcasts.js';
import { ConsumerLink, patienceOf } from './consumer.js';
import { Doors } from './doors.js';
import * as log from './log-lines.js';
import { Membership } from './membership.js';
import { type PanelParts, workerView } from './panel.js';
import { Pipeline } from './pipeline.js';
import { poolChoice } from './pool-choice.js';
import { directQueue, purgeQueues, selectQueues } from './queue-selection.js';
import { Refusals } from './refusals.js';
import { deferred } from './deferred.js';
import type { Request, RequestListener } from './request.js';
import { RevokedTasks } from './revoked.js';
import { RevokeNotice } from './revoke-notice.js';
import { Settler } from './settle.js';
import { shutDown } from './shutdown.js';
import { StallWatch } from './stall-watch.js';
import { StateDb } from './state-db.js';
import { type ReportedPipeline, stateReport } from './state-report.js';
import { Strategy } from './strategy.js';
import { TaskPlans } from './task-plan.js';
import { checkLimits } from './throttle.js';
import type { ExitStatus, StopMode, WorkerOptions, WorkerParts, WorkerState } from './worker-parts.js';

export type {
  ExitStatus,
  StopMode,
  WorkerOptions,
  WorkerParts,
  WorkerState,
  WorkerVoice,
} from './worker-parts.js';

export class Worker implements RequestListener {
  private readonly parts: WorkerParts;
  private readonly options: WorkerOptions;
  private readonly settler: Settler;
  private readonly refusals: Refusals;
  private readonly strategy: Strategy;
  private readonly plans: TaskPlans;
  private readonly revoked: RevokedTasks;
  /** Undefined for a worker that is alone. */
  private readonly membership: Membership | undefined;
  private current: WorkerState = 'starting';
  private running: ReadonlySet<Request> = new Set();
  private run: Promise<ExitStatus> | undefined;
  private softly = false;
  private pipeline: ReportedPipeline | undefined;
  private doors: Doors | undefined;
  private saidReady = false;
  private givenUpFor: BrokerError | undefined;
  /** Resolved by the first `stop`, and by the first cold one. */
  private readonly stopAsked = deferred();
  private readonly coldAsked = deferred();

  /** @throws ConfigError for settings that no worker can keep. */
  constructor(parts: WorkerParts, options: WorkerOptions = {}) {
    this.parts = parts;
    this.options = options;
    checkLimits(parts.tasks.values(), parts.broker, parts.settings.taskDefaultRateLimit);
    this.plans = new TaskPlans(parts.tasks, parts.settings);
    this.revoked = new RevokedTasks(parts.clock);
    const load = () => ({ active: this.running.size, processed: this.plans.begunInAll });
    this.membership =
      parts.remote === undefined ? undefined : new Membership({ ...parts, remote: parts.remote, options, revoked: this.revoked, load });
    const read = (message: Message) => decodeTaskMessage(message, this.strategy.decoding);
    const told = { ...parts, events: this.membership?.taskEvents, read };
    this.settler = new Settler(told);
    this.refusals = new Refusals(told, this.settler);
    this.strategy = new Strategy(this.plans, parts, this);
  }

  get state(): WorkerState {
    return this.current;
  }

  /**
   * Takes and runs tasks until {@link stop}. A broker that is away is waited for, now and later.
   *
   * @returns How it stopped.
   * @throws ConfigError when there is no such queue or pool.
   */
  start(): Promise<ExitStatus> {
    this.run ??= this.liveAndDie();
    return this.run;
  }

  /** Resolves when the worker has stopped. Once is enough; a cold stop overtakes a warm one. */
  async stop(how: StopMode): Promise<void> {
    if (this.current === 'stopped') return;
    if (how === 'soft') this.stopSoftly();
    else this.stopAs(how);
    await this.run?.catch(() => {});
  }

  /** What it does at this moment, for people: a line each. */
  async report(): Promise<readonly string[]> {
    return this.pipeline === undefined ? [`${this.parts.nodename} is ${this.current}`] : stateReport({ ...this.parts, ...this.pipeline });
  }

  private stopAs(how: 'warm' | 'cold'): void {
    this.parts.voice?.notice(`worker: ${how === 'warm' ? 'Warm' : 'Cold'} shutdown (MainProcess)`);
    void this.parts.signals.workerShuttingDown.send({ sender: this.parts.nodename, sig: null, how, exitcode: 0 });
    if (how === 'cold') this.coldAsked.resolve();
    this.stopAsked.resolve();
  }

  /** Time for what runs, and then cold (WIRE 16.5). */
  private stopSoftly(): void {
    const { settings, voice, clock } = this.parts;
    const { workerSoftShutdownTimeout: seconds, workerEnableSoftShutdownOnIdle: onIdle } = settings;
    if (this.softly) return;
    this.softly = seconds > 0 && (onIdle || this.running.size > 0);
    if (!this.softly) {
      this.stopAs('cold');
      return;
    }
    voice?.notice(`Initiating Soft Shutdown, terminating in ${seconds} seconds`);
    this.stopAsked.resolve();
    const timer = clock.setTimeout(() => this.stopAs('cold'), seconds * 1000);
    void this.run?.catch(() => {}).then(() => timer.cancel());
  }

  /** A pool has begun to run it. */
  accepted(request: Request, pid: number): void {
    const { backend, logger } = this.parts;
    log.accepted(logger, request, pid);
    this.membership?.taskEvents.started(request);
    if (!request.plan.trackStarted || request.plan.ignoreResult || request.message?.ignoreResult === true) return;
    const meta = this.settler.documents.value(request, 'STARTED', { pid, hostname: this.parts.nodename });
    request.storing = backend.store(meta).catch((error: unknown) => {
      logger.error('Task %s[%s]: STARTED could not be stored:\n%s', request.name, request.id, log.tracebackText(error));
    });
  }

  softLimitExceeded(request: Request, limitMs: number): void {
    log.softLimit(this.parts.logger, request, limitMs / 1000);
  }

  private async liveAndDie(): Promise<ExitStatus> {
    try {
      return await this.live();
    } finally {
      this.current = 'stopped';
      await this.doors?.close();
    }
  }

  private async live(): Promise<ExitStatus> {
    const { parts, options } = this;
    const { signals, nodename, logger, settings } = parts;
    signals.onHandlerError((signal, error) => logger.error('A handler of the signal %s raised:\n%s', signal, log.tracebackText(error)));
    void signals.celerydInit.send({ sender: nodename, conf: settings });
    void signals.workerInit.send({ sender: nodename });
    const selected = selectQueues(parts.queues, options.queues, options.excludeQueues);
    const queues = settings.workerDirect ? [...selected, directQueue(nodename)] : selected;
    this.doors = await Doors.open(parts, options, this.membership?.tally);
    const stateDb = this.openStateDb();
    const pool = await this.openPool();
    const release = catchStrayErrors(logger);
    try {
      announce(parts, pool, queues, options.autoscale);
      if (options.purge === true) await purgeQueues(queues, parts);
      return await this.consume(pool, queues);
    } catch (error) {
      // A worker that could not start leaves no child behind.
      await pool.close('terminate');
      throw error;
    } finally {
      release();
      stateDb?.close();
      void signals.workerShutdown.send({ sender: nodename });
    }
  }

  private async consume(pool: Pool, queues: readonly Queue[]): Promise<ExitStatus> {
    const { broker, clock, logger, settings, nodename } = this.parts;
    const { settler, refusals, strategy, options, membership, revoked } = this;
    const pipeline = new Pipeline({
      ...{ worker: this.parts, options, pool, settler, refusals, strategy, revoked },
      events: membership?.taskEvents,
    });
    const { dispatcher, intake, etaTimer, throttle } = pipeline;
    this.running = dispatcher.running;
    this.pipeline = pipeline;
    const link = new ConsumerLink({
      logger,
      clock,
      displayUrl: broker.displayUrl,
      patience: patienceOf(settings),
      deliver: (batch) => intake.take(broadcasts.passOn(batch)),
      malformed: (delivery) => refusals.malformed(delivery),
      fenced: (deliveries) => pipeline.fence(deliveries),
      stateChanged: (state) => this.connectionChanged(state, membership === undefined && broadcasts.none ? undefined : begin),
      givenUp: (error) => this.giveUp(error),
    });
    const broadcasts = new Broadcasts({ broker, clock, logger, queues, deliver: (delivery) => intake.take([delivery]) });
    const consuming = deferred<Consumer>();
    // Nothing is taken before it is known what was revoked.
    const begin = async (): Promise<void> => {
      await broadcasts.open();
      if (membership === undefined) return;
      const consumer = await consuming.promise;
      await membership.join(this.view(pipeline, { consumer, broadcasts: broadcasts.queues }, membership));
      pipeline.prefetchControl.update(0);
    };
    const atFirst = membership === undefined ? pipeline.firstPrefetch : 0;
    const consumer = await broker.consume({
      queues: [...queues.filter((queue) => queue.broadcast !== true), ...broadcasts.byName],
      prefetch: atFirst,
      name: nodename,
      loop: pool.kind === 'prefork' || pool.kind === 'threads' ? 'free' : 'shared',
      handler: link,
    });
    pipeline.feedFrom(consumer);
    const watched = () => ({
      ...{ state: this.current, ready: this.saidReady, slots: pool.size, running: dispatcher.running.size },
      ...{ waiting: pipeline.waitingCount, ...link.counts },
      ...(consumer.ownerId === undefined ? { renewals: undefined } : {}),
    });
    this.doors?.watch(consumer, watched);
    const stallWatch = StallWatch.start({ broker, clock, logger }, consumer, watched);
    consuming.resolve(consumer);
    await this.stopAsked.promise;
    this.current = 'draining';
    void broadcasts.close();
    stallWatch.stop();
    pipeline.stopAdapting();
    // A soft stop has a clock of its own.
    const graceMs = ((this.softly ? null : settings.workerWarmShutdownTimeout) ?? Number.POSITIVE_INFINITY) * 1000;
    const status = await shutDown(
      { clock, logger, consumer, pool, intake, dispatcher, etaTimer, throttle, settler, graceMs },
      this.coldAsked.promise,
    );
    await membership?.leave();
    if (this.givenUpFor !== undefined) throw this.givenUpFor;
    return status;
  }

  /** Nothing can be acknowledged or given back any more: the broker takes back what this worker has when its lease ends. */
  private giveUp(error: BrokerError): void {
    if (this.givenUpFor !== undefined || this.stopping) return;
    this.givenUpFor = error;
    this.stopAs('cold');
  }

  private connectionChanged(state: 'first' | 'connected' | 'disconnected', begin: (() => Promise<void>) | undefined): void {
    if (this.stopping) return;
    this.current = state === 'disconnected' ? 'disconnected' : 'consuming';
    if (state === 'connected') void this.membership?.rejoin();
    if (state !== 'first') return;
    if (begin === undefined) this.ready();
    else void begin().then(() => this.ready());
  }

  private ready(): void {
    if (this.stopping) return;
    this.saidReady = true;
    this.parts.logger.info('%s ready.', this.parts.nodename);
    void this.parts.signals.workerReady.send({ sender: this.parts.nodename });
  }

  private get stopping(): boolean {
    return this.current === 'draining' || this.current === 'stopped';
  }

  /** What remote control sees of this worker. */
  private view(pipeline: Pipeline, taking: Pick<PanelParts, 'consumer' | 'broadcasts'>, membership: Membership): WorkerView {
    const { parts, plans, revoked, strategy, settler } = this;
    const { backend, logger } = parts;
    const isRunning = (id: string): boolean => [...this.running].some((request) => request.id === id);
    const notice = new RevokeNotice({ backend, broker: parts.broker, logger, documents: settler.documents, isRunning });
    const { pool, dispatcher, etaTimer, throttle, postponed, prefetchControl, autoscaler } = pipeline;
    return workerView({
      ...{ pool, dispatcher, etaTimer, throttle, postponed, prefetchControl, autoscaler, ...taking },
      ...{ nodename: parts.nodename, pid: process.pid, logger, clock: parts.clock, broker: parts.broker, tasks: parts.tasks },
      ...{ plans, revoked, decoding: strategy.decoding, queueTable: parts.queues, remote: membership.remote },
      ...{ lamport: membership.lamport, events: membership.events },
      announceRevoked: (ids, results) => notice.announce(ids, results),
      elect: (id, topic, action) => membership.elect(id, topic, action),
      // Not from within the command: what stops the worker must not wait for itself.
      shutdown: () => setImmediate(() => void this.stop('warm')),
    });
  }

  private openStateDb(): StateDb | undefined {
    const path = this.options.stateDb ?? this.parts.settings.workerStateDb;
    const { clock, logger } = this.parts;
    return path === null ? undefined : StateDb.open({ path, revoked: this.revoked, clock, logger });
  }

  private openPool(): Promise<Pool> {
    const { settings, tasks, logger, clock, signals, backend } = this.parts;
    const { kind, size } = poolChoice(this.options, settings);
    return this.parts.openPool(kind, {
      size,
      environment: {
        tasks,
        logger,
        clock,
        signals,
        storeState: (request, state, meta) => backend.store(this.settler.documents.ownState(request, state, meta)),
      },
    });
  }
}
