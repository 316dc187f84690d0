/**
 * The contract between ctq and whatever moves messages. `brokers/` holds the ways to keep it and
 * `test/contract/broker.ts` is what each of them must pass.
 *
 * A broker delivers at least once. From the moment a {@link Delivery} is handed out until it is
 * settled, it is *owned*: the broker renews its lease for as long as this process lives, however
 * long the task runs and however often the connection breaks, and another process takes it over
 * within ten seconds of our death. A delivery that was taken from us all the same (we were frozen)
 * is *fenced*: settling it does nothing, and says so.
 *
 * Where the server itself knows whether we live (RabbitMQ) nothing needs to be renewed. Elsewhere
 * `brokers/leases.ts` runs a thread for it, because a task may keep the event loop busy: a new engine
 * brings a `LeaseStore` (`brokers/lease-store.ts`), and `brokers/lease-keeper.ts` does the
 * rest. `Rotation`, `PausedQueues`, `Tally` and `HeldDelivery` beside them are what consumers share.
 */
import type { BrokerError, ProtocolError } from './errors.js';
import type { FailureRecord } from './estate/failed-task.js';
import type { SlotGrant, SlotWish } from './execution/slot-line.js';
import type { Logger } from './logger.js';
import type { Message } from './protocol/message.js';

/** How an exchange finds the queues of a routing key: the very one, by a pattern, or all that are bound. */
export type ExchangeType = 'direct' | 'topic' | 'fanout';

export interface Exchange {
  /** `''` is AMQP's default exchange: routing key = queue name. */
  readonly name: string;
  readonly type: ExchangeType;
  /** Whether AMQP's server keeps it over a restart; default true. */
  readonly durable?: boolean;
}

export interface Queue {
  readonly name: string;
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  /** AMQP: for this connection alone, and gone with it. */
  readonly exclusive?: boolean;
  /** Not a queue but a name for one of each worker's own: all get a copy (kombu's Broadcast). Never declared under this name. */
  readonly broadcast?: boolean;
  /** `x-max-priority` on RabbitMQ. */
  readonly maxPriority?: number;
  /** Further AMQP queue arguments. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** Where a message is published to. Priority is read from the message's properties. */
export interface Route {
  readonly exchange: Exchange;
  readonly routingKey: string;
}

/** Facts about an engine that code above may ask for; never the engine's brand. */
export interface BrokerCapabilities {
  /** How the event exchange is declared: fanout on Redis and SQLite, topic on AMQP (WIRE 6.6). */
  readonly eventExchangeType: 'topic' | 'fanout';
  /** True when {@link Delivery.park} keeps the message in the broker until it is due. */
  readonly parks: boolean;
  /** Other processes can reach the same messages; false for `memory://`. */
  readonly shared: boolean;
}

/** Whether an answer still counted. `fenced`: the delivery had been taken from us; nothing was changed. */
export type Settled = 'settled' | 'fenced';

/** Whoever hears of an answer without a promise of it. One of the two is called, once, and never before the call that asked for it has returned. */
export interface SettledListener {
  settled(how: Settled): void;
  unsettled(error: unknown): void;
}

/** Why a message is back in its queue: its owner died while it had it, or gave it back in good order. */
export type ReturnCause = 'death' | 'return';

/** A message that we owe an answer for. Settling twice throws `MessageStateError`. */
export interface Delivery {
  readonly message: Message;
  /** The queue it was taken from. */
  readonly queue: string;
  readonly deliveryTag: string;
  readonly redelivered: boolean;
  /**
   * How often an owner died while it had the message; at least 1 once it has been delivered before for whatever reason.
   * Poison shows in it, and a message that is given back in good order a hundred times is none.
   */
  readonly redeliveryCount: number;
  /** True once the lease is gone: somebody else has the message now. */
  readonly fenced: boolean;
  /** Done with it. */
  ack(): Promise<Settled>;
  /**
   * Let another worker try. `front` runs next (a stop, a lost connection), `back` after all that waits (`Reject(requeue)`).
   * With `after` `'death'` it counts against the message: whoever ran it died of it, or with it.
   */
  requeue(position: 'front' | 'back', after?: ReturnCause): Promise<Settled>;
  /** Never again: dropped, or kept in the dead letters with the reason. */
  reject(reason: string): Promise<Settled>;
  /** Done with it, and kept among the failed tasks. Only where an engine can keep it; {@link ack} then does the first half. */
  fail?(record: FailureRecord): Promise<Settled>;
  /** Keeps a copy among the failed tasks of a message that was answered for before its task ran. */
  remember?(record: FailureRecord): Promise<void>;
  /** Give it back until `dueAt`; some consumer gets it again then, not marked as redelivered. Only where `capabilities.parks`. */
  park(dueAt: Date): Promise<Settled>;
}

/** Something in a queue that is no message: not JSON, no envelope. Already put aside by the broker; only to be reported. */
export interface MalformedDelivery {
  readonly queue: string;
  readonly raw: Uint8Array;
  readonly error: ProtocolError;
}

/** What a consumer tells its owner. Called synchronously; must not throw. */
export interface ConsumerHandler {
  /** Never more than the prefetch allows, unsettled and parked not counted. */
  deliver(batch: readonly Delivery[]): void;
  malformed(delivery: MalformedDelivery): void;
  /** The connection broke or could not be made; the consumer comes back by itself after `retryInMs`. */
  disconnected(error: BrokerError, attempt: number, retryInMs: number): void;
  /** The connection is there: the first time, and after each `disconnected`. */
  connected(): void;
  /** These deliveries were taken from us: stop working on them. */
  fenced(deliveries: readonly Delivery[]): void;
  /** Our leases were renewed just now. Never called where a broker keeps none. */
  renewed?(): void;
}

/** A running consumption. Outlives its connection. */
export interface Consumer {
  /** Its name among those of whom the broker knows whether they live; undefined where it does not know. */
  readonly ownerId?: string;
  /** How many deliveries may be unsettled at once; 0 stops taking. */
  setPrefetch(count: number): void;
  addQueue(queue: Queue): Promise<void>;
  cancelQueue(name: string): Promise<void>;
  /** The queues it takes from, in order. */
  readonly queues: readonly Queue[];
  /** Those that operators have paused: it stays away from them. */
  readonly paused?: { without(queues: readonly string[]): readonly string[] };
  /**
   * Stops taking; what is unsettled stays ours until settled or {@link close}. Resolves when no take is
   * under way any more: whatever it brought has been handed to `deliver`.
   */
  pause(): Promise<void>;
  /** Begins with a new connection, as after an outage, and keeps what it holds. Absent where there is nothing to connect. */
  reconnect?(): void;
  /** Gives every unsettled delivery back to the front of its queue and ends. */
  close(): Promise<void>;
}

/** A no-ack listener on an auto-delete queue: remote control, replies, events. */
export interface Subscription {
  close(): Promise<void>;
}

export interface ConsumeOptions {
  readonly queues: readonly Queue[];
  readonly prefetch: number;
  /** Names this consumer to people: the worker's nodename. */
  readonly name: string;
  /** `free`: no task computes on this event loop, so that even a short silence means that we are gone. Default `shared`. */
  readonly loop?: 'free' | 'shared';
  readonly handler: ConsumerHandler;
}

/** Ids of revoked tasks that outlive every process: for workers that were away when it was said. */
export interface Revocations {
  /** Kept for so long at least; when there are very many, the oldest go first. */
  add(ids: readonly string[], keepMs: number): Promise<void>;
  /** Those still kept. */
  all(): Promise<readonly string[]>;
}

export interface PermitTerms {
  /** How many permits there are; 0 only renews those that are held. */
  readonly limit: number;
  /** A permit that nobody renews is free again after this long. */
  readonly leaseMs: number;
}

/** Limits that all workers of a broker share. */
export interface SharedLimits {
  /** Places in line for what may begin so often. */
  reserve(name: string, wish: SlotWish): Promise<SlotGrant>;
  /**
   * For what may run so many times at once: those of the holders that have a permit now, before or anew. A holder that is
   * called `<owner id>:…` loses its permits with that owner, as it loses its deliveries.
   */
  acquire(name: string, holders: readonly string[], terms: PermitTerms): Promise<readonly string[]>;
  release(name: string, holders: readonly string[]): Promise<void>;
}

export interface Broker {
  readonly capabilities: BrokerCapabilities;
  /** The URL with its password masked. */
  readonly displayUrl: string;
  /** Makes the queue, its exchange and its binding known. Idempotent. */
  declare(queue: Queue): Promise<void>;
  /** Resolves once the broker has it. Calls made in one tick travel together. */
  publish(message: Message, route: Route): Promise<void>;
  /**
   * Publishes to a fanout exchange and says how many listeners have it, for a caller who waits for that
   * many answers. Engines that cannot know (AMQP) do without: then only time tells that all have answered.
   */
  broadcast?(message: Message, route: Route): Promise<number>;
  /** Starts at once and connects in the background for as long as it takes; `handler` hears how it goes. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Resolves once messages published from now on will arrive. */
  subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription>;
  /** Where the engine can keep anything beside messages; else a worker that was away runs what was revoked meanwhile. */
  readonly revocations?: Revocations;
  /** The same; else a worker refuses tasks whose limits hold for all workers together. */
  readonly limits?: SharedLimits;
  /** Removes what waits in the queue, all priorities; returns how many. */
  purge(queue: string): Promise<number>;
  /** How many messages wait in the queue. */
  depth(queue: string): Promise<number>;
  close(): Promise<void>;
}

/** How to open a broker; see `brokers/index.ts`. */
export interface BrokerOptions {
  /** `broker_transport_options`, by Celery's names. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** A call that finds no connection fails after this long; `Infinity` waits for ever (worker, beat). */
  readonly connectTimeoutMs: number;
  /** `broker_use_ssl`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
  /**
   * What only AMQP has settings for: `broker_heartbeat`, `broker_login_method`, `broker_native_delayed_delivery_queue_type`.
   * `queues` are those that the settings declare: one quorum queue among them, and later tasks wait in the server.
   */
  readonly amqp?: {
    readonly heartbeatS?: number | null;
    readonly loginMethod?: string | null;
    readonly delayedQueueType?: 'quorum' | 'classic';
    readonly queues?: readonly Queue[];
    /** How long a message may wait for its confirmation; default `connectTimeoutMs`. */
    readonly confirmLimitMs?: number;
  };
  /** For what no call can be told: leases that cannot be renewed, work taken over from the dead. Default: silence. */
  readonly logger?: Logger;
}
