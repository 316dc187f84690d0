/**
 * What makes a worker one of a cluster: events and heartbeats that others hear, a mailbox for remote
 * control, and what workers tell each other. Joins once the broker is there, before any task is taken;
 * a worker that cannot join works all the same.
 */
import type { BrokerError } from '../errors.js';
import { EventDispatcher } from '../events/dispatcher.js';
import { EventReceiver } from '../events/receiver.js';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { Families } from '../metrics/families.js';
import { hostOf, TaskTally } from '../metrics/task-tally.js';
import { LamportClock } from '../protocol/lamport-clock.js';
import { controlQueueLimits, eventQueueLimits } from '../protocol/own-queue.js';
import { isRecord } from '../protocol/record.js';
import { readOptions } from '../protocol/signature.js';
import { controlContent } from '../protocol/signing.js';
import { Broadcaster } from '../remote-control/broadcast.js';
import type { WorkerView } from '../remote-control/command.js';
import { commandTable, remoteCommands } from '../remote-control/commands/index.js';
import { Mailbox } from '../remote-control/mailbox.js';
import { CountedTaskEvents } from './counted-task-events.js';
import { Gossip } from './gossip.js';
import { DEFAULT_INTERVAL_S, Heartbeat } from './heartbeat.js';
import { mingle } from './mingle.js';
import type { RevokedTasks } from './revoked.js';
import { TaskEvents } from './task-events.js';
import type { RemoteParts, WorkerOptions, WorkerParts } from './worker-parts.js';

/** Nothing here is worth waiting longer for, at start or at the end. */
const PATIENCE_MS = 3_000;

export interface MembershipParts
  extends Pick<WorkerParts, 'broker' | 'producer' | 'logger' | 'clock' | 'signals' | 'nodename' | 'security'> {
  readonly remote: RemoteParts;
  readonly options: WorkerOptions;
  readonly revoked: RevokedTasks;
  /** What runs now, and how much has begun. */
  readonly load: () => { readonly active: number; readonly processed: number };
}

export class Membership {
  readonly lamport = new LamportClock();
  readonly events: EventDispatcher;
  readonly taskEvents: TaskEvents;
  /** What became of tasks, where somebody wants metrics. */
  readonly tally: TaskTally | undefined;
  readonly remote: RemoteParts;
  readonly #parts: MembershipParts;
  readonly #heartbeat: Heartbeat;
  readonly #gossip: Gossip;
  readonly #left = new AbortController();
  #mailbox: Mailbox | undefined;
  #receiver: EventReceiver | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { broker, clock, nodename, remote, options, signals, load, logger } = parts;
    const source = { hostname: nodename, pid: process.pid };
    this.events = new EventDispatcher({
      ...{ broker, clock, source, lamport: this.lamport },
      exchange: remote.settings.eventExchange,
      serializer: remote.settings.eventSerializer,
      signer: parts.security?.signer,
      groups: remote.settings.workerSendTaskEvents ? 'all' : ['worker'],
      onLoss: (count) => logger.warning('%d event(s) could not be sent', count),
    });
    this.tally = options.metrics === undefined ? undefined : new TaskTally(new Families(), hostOf(nodename));
    this.taskEvents = this.tally === undefined ? new TaskEvents(this.events) : new CountedTaskEvents(this.events, this.tally);
    this.remote = remote;
    const intervalS = options.heartbeatIntervalS ?? DEFAULT_INTERVAL_S;
    this.#heartbeat = new Heartbeat({ events: this.events, clock, signals, nodename, intervalS, load });
    this.#gossip = new Gossip({
      ...{ events: this.events, nodename, clock, logger, pid: process.pid },
      callTask: (signature) => this.#callTask(signature),
    });
  }

  /** Takes part in choosing one worker for `action`. */
  elect(id: string, topic: string, action: unknown): void {
    if (this.#parts.options.withoutGossip !== true) this.#gossip.elect(id, topic, action);
  }

  /** Resolves when the worker may begin: it has heard what the others know, or waited long enough. */
  async join(view: WorkerView): Promise<void> {
    const { options, remote } = this.#parts;
    await this.#patiently(async () => {
      if (remote.settings.workerEnableRemoteControl) await this.#openMailbox(view);
      await Promise.all([this.#readRevoked(), this.#mingle()]);
    });
    // An event queue of its own is not worth a delay.
    if (options.withoutGossip !== true) void this.#quietly('gossip', () => this.#listen());
    if (options.withoutHeartbeat !== true) this.#heartbeat.start();
  }

  /** The connection was lost and is back: what others were told meanwhile is asked for. */
  async rejoin(): Promise<void> {
    await Promise.all([this.#readRevoked(), this.#mingle()]);
  }

  /** Says goodbye. */
  async leave(): Promise<void> {
    this.#left.abort(new Error('the worker stops'));
    this.#gossip.stop();
    this.#heartbeat.stop();
    await this.#patiently(() =>
      Promise.all([
        this.events.close(),
        this.#quietly('mailbox', async () => this.#mailbox?.close()),
        this.#quietly('gossip', async () => this.#receiver?.close()),
      ]),
    );
  }

  /** What was revoked while this worker was away. */
  async #readRevoked(): Promise<void> {
    const { broker, revoked } = this.#parts;
    await this.#quietly('revoked tasks', async () => revoked.add((await broker.revocations?.all()) ?? []));
  }

  async #openMailbox(view: WorkerView): Promise<void> {
    const { broker, clock, remote, security } = this.#parts;
    const { controlExchange, controlAllow } = remote.settings;
    this.#mailbox = new Mailbox({
      broker,
      worker: view,
      commands: commandTable([...remoteCommands, ...remote.commands]),
      namespace: controlExchange,
      limits: controlQueueLimits(remote.settings),
      allowed: controlAllow === null ? null : new Set(controlAllow),
      monotonicMs: () => clock.monotonicMs(),
      content: controlContent(remote.settings, security),
    });
    await this.#quietly('mailbox', async () => this.#mailbox?.open());
  }

  async #mingle(): Promise<void> {
    const { broker, clock, logger, nodename, options, remote, revoked, security } = this.#parts;
    if (options.withoutMingle === true) return;
    const { controlExchange } = remote.settings;
    const limits = controlQueueLimits(remote.settings);
    const content = controlContent(remote.settings, security);
    const broadcaster = new Broadcaster({ broker, namespace: controlExchange, limits, clock, lamport: this.lamport, content });
    await this.#quietly('mingle', () =>
      mingle({ broadcaster, nodename, logger, lamport: this.lamport, revoked, signal: this.#left.signal }),
    );
  }

  async #listen(): Promise<void> {
    const { broker, clock, remote, security } = this.#parts;
    const { eventExchange, eventQueuePrefix, eventSerializer } = remote.settings;
    this.#receiver = new EventReceiver({
      ...{ broker, clock, lamport: this.lamport },
      exchange: eventExchange,
      queuePrefix: eventQueuePrefix,
      // Celery's gossip: what is older than a beat says nothing.
      limits: eventQueueLimits(remote.settings, DEFAULT_INTERVAL_S),
      serializer: eventSerializer,
      security,
      routingKey: 'worker.#',
      onEvent: (event) => this.#gossip.hear(event),
    });
    await this.#receiver.open();
    this.#gossip.start();
  }

  /** @param signature - As canvas writes it; from the winner of an election on. */
  async #callTask(signature: unknown): Promise<void> {
    const { taskSerializer, eventSerializer } = this.#parts.remote.settings;
    // Who may write an event would have us sign a task for them.
    if (taskSerializer === 'auth' && eventSerializer !== 'auth') throw new Error('with signed tasks, event_serializer must be auth, too');
    if (!isRecord(signature) || typeof signature['task'] !== 'string') throw new Error('the action of the election is no signature');
    const { task, args, kwargs, options } = signature;
    const more: ApplyAsyncOptions = isRecord(options) ? readOptions(options) : {};
    const named = isRecord(kwargs) ? { kwargs } : {};
    await this.#parts.producer.publishTask(task, Array.isArray(args) ? args : [], { ...more, ...named });
  }

  async #quietly(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#left.signal.aborted) return;
      this.#parts.logger.warning('%s: %s', what, (error as BrokerError).message);
    }
  }

  #patiently(act: () => Promise<unknown>): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, PATIENCE_MS);
      const finish = async (): Promise<void> => {
        try {
          await act();
        } finally {
          timer.cancel();
          resolve();
        }
      };
      finish().catch(() => undefined);
    });
  }
}
