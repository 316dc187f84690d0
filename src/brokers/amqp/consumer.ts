/**
 * A consumption of RabbitMQ's queues. The server itself knows whether we live: it gives what we hold to
 * somebody else as soon as the channel is gone, so there are no leases. What we hold at that moment is in
 * doubt: when the server gives it to us again the work simply goes on, and when it has not done so for a
 * while somebody else has it, and it is fenced (docs/wire/amqp.md).
 */
import type { ConsumeOptions, Consumer, ConsumerHandler, Queue } from '../../broker.js';
import type { Clock, TimerHandle } from '../../clock.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { type AmqpFailure, toAmqpFailure } from '../../connections/amqp/failure.js';
import { AmqpLink } from '../../connections/amqp/link.js';
import type { AmqpAddress } from '../../connections/amqp/url.js';
import type { BrokerError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { inTime } from '../in-time.js';
import type { PausedQueues } from '../paused-queues.js';
import { Answers } from './answers.js';
import { Arrivals } from './arrivals.js';
import { AmqpDelivery, type AmqpDeliverySource, type Seat } from './delivery.js';
import type { Disposal } from './disposal.js';
import { Held } from './held.js';
import { Intake, type IntakeLimits, limitsOf } from './intake.js';
import { Pauses } from './pauses.js';
import { Postponed } from './postponed.js';
import type { NativeDelay } from './native-delay.js';
import type { Deaths } from './deaths.js';
import type { Topology } from './topology.js';
import { decodeDelivered } from './wire.js';

export interface AmqpConsumerOptions extends ConsumeOptions {
  readonly addresses: readonly AmqpAddress[];
  readonly topology: Topology;
  readonly disposal: Disposal;
  readonly deaths: Deaths;
  readonly nativeDelay: NativeDelay;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly toBrokerError: (failure: AmqpFailure) => BrokerError;
  readonly closed: () => void;
}

/** After the connection is back, what was held is somebody else's when it has not come again. */
const DOUBT_LIMIT_MS = 10_000;
const NOT_IMPLEMENTED = 540;

export class AmqpConsumer implements Consumer {
  readonly #options: AmqpConsumerOptions;
  readonly #handler: ConsumerHandler;
  readonly #clock: Clock;
  readonly #link: AmqpLink;
  readonly #queues = new Map<string, Queue>();
  #prefetch: number;
  #state: 'taking' | 'paused' | 'closing' | 'closed' = 'taking';
  #channel: AmqpChannel | undefined;
  #intake: Intake | undefined;
  /** Only once the server has told us that it knows no other. */
  #limits: IntakeLimits | undefined;
  #channels = 0;
  readonly #held = new Held();
  readonly #arrivals: Arrivals;
  /** With a connection that broke: whoever has them now, we did not die of them. */
  readonly #takenAway = new Set<AmqpDelivery>();
  readonly #postponed: Postponed;
  readonly #pauses: Pauses;
  readonly #answers: Answers;
  #doubtTimer: TimerHandle | undefined;

  constructor(options: AmqpConsumerOptions) {
    this.#options = options;
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#prefetch = options.prefetch;
    this.#answers = new Answers({
      held: this.#held,
      disposal: options.disposal,
      deaths: options.deaths,
      freed: () => this.#arrivals.handOutSoon(),
      keepHere: (delivery, dueAtMs) => this.#keepHere(delivery, dueAtMs),
    });
    this.#arrivals = new Arrivals({
      ...{ clock: options.clock, held: this.#held, deaths: options.deaths },
      limit: () => (this.#state === 'taking' ? this.#prefetch : undefined),
      deliver: (batch) => this.#handler.deliver(batch),
      early: (delivery) => void this.#postpone(delivery),
    });
    this.#postponed = new Postponed(options.clock, (delivery) => this.#isDue(delivery));
    for (const queue of options.queues) this.#queues.set(queue.name, queue);
    const [queues, connection, changed] = [() => this.queues, () => this.#link.now, () => void this.#adjust()];
    this.#pauses = new Pauses({ ...options, queues, connection, changed });
    this.#link = new AmqpLink({
      addresses: options.addresses,
      name: options.name,
      clock: options.clock,
      connectTimeoutMs: Number.POSITIVE_INFINITY,
      observer: {
        prepare: (connection) => this.#prepare(connection),
        up: () => this.#up(),
        down: (failure, attempt, retryInMs) => this.#down(failure, attempt, retryInMs),
      },
    });
    this.#link.open();
  }

  get #ending(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  get paused(): PausedQueues {
    return this.#pauses.paused;
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  setPrefetch(count: number): void {
    if (count === this.#prefetch) return;
    this.#prefetch = count;
    void this.#adjust();
    this.#arrivals.handOutSoon();
  }

  async addQueue(queue: Queue): Promise<void> {
    if (this.#queues.has(queue.name)) return;
    this.#queues.set(queue.name, queue);
    const connection = this.#link.now;
    if (connection === undefined) return; // The next connection declares it.
    await this.#declare(connection, [queue]);
    await this.#adjust();
  }

  async cancelQueue(name: string): Promise<void> {
    if (!this.#queues.delete(name)) return;
    await this.#adjust();
  }

  async pause(): Promise<void> {
    if (this.#state === 'taking') this.#state = 'paused';
    await this.#adjust();
  }

  async close(): Promise<void> {
    if (this.#ending) return;
    this.#state = 'closing';
    this.#doubtTimer?.cancel();
    this.#pauses.stop();
    await this.#adjust();
    this.#returnWaiting(this.queues.map(({ name }) => name));
    this.#held.giveUp('in doubt');
    await inTime(this.#answers.idle(), this.#clock);
    this.#state = 'closed';
    await inTime(this.#unmark(this.#held.giveUp('all')), this.#clock);
    // What nobody has seen yet comes again by itself.
    this.#arrivals.takeAll();
    this.#postponed.clear();
    // The end of the channel gives all that is unsettled back, in order, to where it was.
    if (this.#channel !== undefined) await inTime(this.#channel.close(), this.#clock);
    await this.#link.close();
    this.#options.closed();
  }

  // The connection.

  async #prepare(connection: AmqpConnection): Promise<void> {
    await this.#declare(connection, this.queues);
    await this.#pauses.look(connection, [...this.#queues.keys()]);
    const channel = await connection.channel();
    this.#channels += 1;
    this.#channel = channel;
    const intake = new Intake({
      channel,
      limits: this.#limits ?? limitsOf(connection, this.queues),
      queues: () => this.#pauses.open,
      wanted: () => (this.#state === 'taking' && this.#prefetch > 0 ? this.#prefetch + this.#postponed.size : 0),
      received: (queue, raw) => this.#receive(queue, { channel, raw }),
      cancelled: (queue) => this.#cancelled(queue),
      stopped: (queues) => this.#returnWaiting(queues),
    });
    this.#intake = intake;
    let failure: AmqpFailure | undefined;
    channel.on('error', (error) => {
      failure = toAmqpFailure(error);
    });
    channel.on('close', () => {
      if (this.#channel !== channel) return;
      this.#channelLost();
      // The channel's end is a broken connection to us, so that there is one way back.
      if (this.#state !== 'closed') connection.abandonSoon(toAmqpFailure(failure ?? new Error('the channel was closed')));
    });
  }

  async #declare(connection: AmqpConnection, queues: readonly Queue[]): Promise<void> {
    for (const queue of queues) {
      const standing = await this.#options.topology.declare(connection, queue);
      // Of another kind than ours: known before the first message comes, because a consumer that the server refuses ends the connection.
      if (standing !== queue && this.#queues.has(queue.name)) this.#queues.set(queue.name, standing);
    }
    const standing = queues.map((queue) => this.#queues.get(queue.name) ?? queue);
    await this.#options.nativeDelay.serve(connection, standing);
  }

  #up(): void {
    if (this.#ending) return;
    this.#handler.connected();
    void this.#unmark([...this.#takenAway]);
    this.#takenAway.clear();
    void this.#adjust();
    this.#doubtTimer?.cancel();
    if (this.#held.size > 0) this.#doubtTimer = this.#clock.setTimeout(() => this.#endDoubt(), DOUBT_LIMIT_MS);
  }

  #down(failure: AmqpFailure, attempt: number, retryInMs: number): void {
    this.#channelLost();
    if (failure.code === NOT_IMPLEMENTED) this.#limits = 'for each';
    if (this.#ending) return;
    this.#handler.disconnected(this.#options.toBrokerError(failure), attempt, retryInMs);
  }

  #channelLost(): void {
    this.#channel = undefined;
    this.#intake = undefined;
    this.#doubtTimer?.cancel();
    for (const delivery of this.#held.unseat()) this.#takenAway.add(delivery);
    for (const delivery of this.#arrivals.takeAll()) this.#takenAway.add(delivery);
    this.#postponed.clear();
  }

  #endDoubt(): void {
    const lost = this.#held.giveUp('in doubt');
    if (lost.length > 0) this.#handler.fenced(lost);
    this.#arrivals.handOutSoon();
  }

  #adjust(): Promise<void> {
    const { now: connection } = this.#link;
    // A channel that fails here tells so by its own event.
    return (
      this.#intake?.adjust().catch((error: unknown) => {
        if (!this.#ending) connection?.abandon(toAmqpFailure(error));
      }) ?? Promise.resolve()
    );
  }

  /** Its queue was deleted, or lives on another node now: declared anew with the rest. */
  #cancelled(queue: string): void {
    this.#intake?.forget(queue);
    if (this.#ending) return;
    this.#options.logger.warning("The server has ended the consumer of queue '%s'; it is declared again", queue);
    const connection = this.#link.now;
    const declared = this.#queues.get(queue);
    if (connection === undefined || declared === undefined) return;
    this.#declare(connection, [declared])
      .then(() => this.#adjust())
      .catch((error: unknown) => connection.abandon(toAmqpFailure(error)));
  }

  // What comes.

  #receive(queue: string, seat: Seat): void {
    const { raw } = seat;
    const { message, redeliveryCount, counted, onlyFlagged, dueAtMs } = decodeDelivered(raw);
    const resumed = raw.fields.redelivered ? this.#held.resume(seat, queue, message) : undefined;
    if (resumed !== undefined) {
      if (resumed.countedIn !== undefined) void this.#options.deaths.count(resumed.countedIn);
      return;
    }
    const tag = `${this.#channels}.${raw.fields.deliveryTag}`;
    const source = { message, queue, tag, redeliveryCount, counted, dueAtMs, seat };
    const countedIn = onlyFlagged ? this.#options.deaths.placeFor(queue, message) : undefined;
    this.#arrived(countedIn === undefined ? source : { ...source, countedIn });
  }

  #arrived(source: AmqpDeliverySource): void {
    this.#arrivals.add(new AmqpDelivery(source, this.#answers.settle));
  }

  /** They go back, and nobody died of them. */
  async #unmark(deliveries: readonly AmqpDelivery[]): Promise<void> {
    await Promise.all(deliveries.map(({ countedIn }) => (countedIn === undefined ? undefined : this.#options.deaths.takeBack(countedIn))));
  }

  /** Back from the server before its time: with less than a second to go, or because its delay was longer than any. */
  async #postpone(delivery: AmqpDelivery): Promise<void> {
    const { dueAtMs } = delivery;
    const where = await this.#options.disposal.delay(delivery, dueAtMs).catch(() => 'here' as const);
    if (where === 'there') this.#answers.acknowledge(delivery);
    else this.#keepHere(delivery, dueAtMs);
  }

  #keepHere(delivery: AmqpDelivery, dueAtMs: number): void {
    if (delivery.seat === undefined || this.#state === 'closed') return;
    if (this.#state !== 'taking') return this.#answers.passOn(delivery, dueAtMs);
    this.#postponed.add(delivery, dueAtMs);
    // It is counted anew when it is handed out.
    if (delivery.countedIn !== undefined) void this.#options.deaths.takeBack(delivery.countedIn);
    // The server may send one more for each of these.
    void this.#adjust();
  }

  /** The same message in the same place, to be answered anew. */
  #isDue({ message, queue, deliveryTag, redeliveryCount, counted, countedIn, seat }: AmqpDelivery): void {
    void this.#adjust();
    if (seat === undefined) return;
    const source = { message, queue, tag: `${deliveryTag}+`, redeliveryCount, counted, dueAtMs: 0, seat };
    this.#arrived(countedIn === undefined ? source : { ...source, countedIn });
  }

  #returnWaiting(queues: readonly string[]): void {
    for (const { delivery, dueAtMs } of this.#postponed.take(queues)) this.#answers.passOn(delivery, dueAtMs);
    for (const delivery of this.#arrivals.take(queues)) this.#answers.giveBack(delivery);
  }
}
