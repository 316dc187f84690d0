/**
 * Sends messages with publisher confirms: a call resolves when the server has the message, on disk where
 * the queue is durable. What was not confirmed when a connection broke is sent again on the next one, in
 * order; whether it had arrived nobody can tell, so a message may then be there twice (docs/wire/amqp.md).
 */
import type { Exchange, Route } from '../../broker.js';
import type { Clock, TimerHandle } from '../../clock.js';
import type { AmqpConfirmChannel, AmqpConnection, AmqpReturned } from '../../connections/amqp.js';
import { AmqpFailure, toAmqpFailure } from '../../connections/amqp/failure.js';
import { CLOSED_BY_US } from '../../connections/failure.js';
import type { AmqpLink } from '../../connections/amqp/link.js';
import { faultPoint } from '../../fault-points.js';
import type { Logger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import { Backlog } from './backlog.js';
import type { Topology } from './topology.js';
import { bodyBytes, DUE_HEADER, encodeProperties, type PublishOptions } from './wire.js';

export interface PublisherParts {
  readonly link: AmqpLink;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a message waits while the server confirms none at all; `Infinity` for ever. */
  readonly limitMs: number;
  /** What a caller hears of a failure. */
  readonly told: (failure: AmqpFailure) => Error;
}

interface Item {
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly headers: Message['headers'];
  readonly options: PublishOptions;
  /** When it began to wait where it is: for its turn, or for its confirmation. */
  sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** The server found no queue for it. */
  returned?: boolean;
  /** How often the server closed a channel while it was on its way there. */
  refusals: number;
}

/** A channel, and what is known to be declared at its server. */
interface Session {
  readonly connection: AmqpConnection;
  readonly channel: AmqpConfirmChannel;
  readonly exchanges: Set<string>;
  /** Why the server closed it. */
  failure?: AmqpFailure;
}

/** More on their way at once would only wait in buffers, and all of them would be sent twice after a break. */
const MOST_UNCONFIRMED = 4_096;
const SWEEP_MS = 250;
/** While others are confirmed: a message on its way is given up after so long, for its own queue may have nobody who can confirm. */
const STUCK_MS = 60_000;
/** A channel is closed for one message's fault, and does not say whose. */
const MOST_REFUSALS = 3;

export class Publisher {
  readonly #parts: PublisherParts;
  /** Not handed to a channel yet, in order. */
  readonly #waiting = new Backlog<Item>();
  readonly #unconfirmed = new Set<Item>();
  #session: Session | undefined;
  /** Opening a channel, or declaring an exchange: nothing is sent meanwhile, for the order's sake. */
  #preparing = false;
  #pumping = false;
  #sweepTimer: TimerHandle | undefined;
  /** When the server confirmed a message last. */
  #progressAtMs = Number.NEGATIVE_INFINITY;
  #idleListeners: (() => void)[] = [];
  #closed = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  publish(message: Message, { exchange, routingKey }: Route): Promise<void> {
    const { told, clock, limitMs } = this.#parts;
    if (this.#closed) return Promise.reject(told(new AmqpFailure('closed', CLOSED_BY_US)));
    const matters = typeof message.headers['task'] === 'string' && message.properties.deliveryMode !== 1;
    return new Promise((resolve, reject) => {
      const options = encodeProperties(message);
      const sinceMs = clock.monotonicMs();
      const body = bodyBytes(message);
      const given = matters ? { ...options, mandatory: true } : options;
      const { headers } = message;
      this.#waiting.push({ exchange, routingKey, body, headers, options: given, sinceMs, resolve, reject, refusals: 0 });
      this.#pump();
      if (this.#sweepTimer === undefined && Number.isFinite(limitMs)) this.#sweepLater();
    });
  }

  /** Resolves when everything given so far has been answered. */
  idle(): Promise<void> {
    if (this.#waiting.size + this.#unconfirmed.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  /** What is not confirmed by now is told so. */
  close(): void {
    this.#closed = true;
    this.#sweepTimer?.cancel();
    this.#session = undefined;
    this.#giveUp(() => true, new AmqpFailure('closed', CLOSED_BY_US));
  }

  #pump(): void {
    if (this.#preparing || this.#pumping || this.#closed || this.#waiting.size === 0) return;
    const session = this.#session;
    if (session === undefined) {
      this.#prepare(() => this.#open());
      return;
    }
    // A message that cannot be sent is answered in the middle of this, and that would begin it once more.
    this.#pumping = true;
    for (let item = this.#waiting.first; item !== undefined && this.#unconfirmed.size < MOST_UNCONFIRMED; item = this.#waiting.first) {
      const { exchange } = item;
      if (exchange.name !== '' && !session.exchanges.has(exchange.name)) {
        this.#prepare(() => this.#introduce(session, exchange));
        break;
      }
      this.#waiting.drop();
      this.#send(session, item);
    }
    this.#pumping = false;
  }

  #send(session: Session, item: Item): void {
    const { exchange, routingKey, body, options } = item;
    this.#unconfirmed.add(item);
    item.sinceMs = this.#parts.clock.monotonicMs();
    try {
      session.channel.publish(exchange.name, routingKey, body, options, (error: unknown) => this.#confirmed(item, error));
      faultPoint('amqp.publish.sent');
    } catch (error) {
      // A channel that has just closed is a matter of #lost; headers that no frame holds are not.
      if (error instanceof Error && error.name === 'IllegalOperationError') return;
      this.#reject(item, new AmqpFailure('failed', `the message cannot be sent: ${String(error)}`, { cause: error }));
    }
  }

  #confirmed(item: Item, error: unknown): void {
    if (!this.#unconfirmed.has(item)) return;
    if (error !== null && error !== undefined) {
      if (!(error instanceof Error && /nacked/.test(error.message))) return; // The channel is gone, see #lost.
      this.#reject(item, new AmqpFailure('failed', 'the queue takes no more messages', { hint: 'see its x-max-length and x-overflow' }));
    } else if (item.returned === true) {
      this.#nobodyTookIt(item);
    } else {
      faultPoint('amqp.publish.confirmed');
      this.#unconfirmed.delete(item);
      this.#progressAtMs = this.#parts.clock.monotonicMs();
      item.resolve();
    }
    this.#answered();
  }

  /** A queue that is asked for by name is made, as with every other broker; elsewhere AMQP's way is to drop the message. */
  #nobodyTookIt(item: Item): void {
    const { link, topology, logger } = this.#parts;
    const { exchange, routingKey: name } = item;
    if (item.headers[DUE_HEADER] !== undefined) {
      // On its way to wait: its first copy is still in the queue, and must stay there.
      this.#reject(item, new AmqpFailure('missing', 'the queues for delayed tasks are gone'));
      return;
    }
    if (exchange.name !== '') {
      logger.warning("No queue is bound to exchange '%s' for '%s': the message is dropped", exchange.name, name);
      this.#unconfirmed.delete(item);
      item.resolve();
      return;
    }
    link
      .ask((connection) => topology.declare(connection, { name, exchange, routingKey: name }))
      .then(
        () => {
          item.returned = false;
          if (this.#unconfirmed.delete(item)) this.#waiting.putBack([item]);
          this.#pump();
        },
        (error: unknown) => this.#reject(item, toAmqpFailure(error)),
      );
  }

  /** Comes before the confirmation of the same message, and in the order of sending. */
  #returned({ fields: { exchange, routingKey }, properties, content }: AmqpReturned): void {
    for (const item of this.#unconfirmed) {
      const known = item.returned !== true && item.routingKey === routingKey && item.exchange.name === exchange;
      if (!known || item.options['correlationId'] !== properties.correlationId || !item.body.equals(content)) continue;
      item.returned = true;
      return;
    }
  }

  #prepare(work: () => Promise<void>): void {
    this.#preparing = true;
    void work().finally(() => {
      this.#preparing = false;
      this.#pump();
    });
  }

  async #open(): Promise<void> {
    let connection: AmqpConnection | undefined;
    try {
      connection = await this.#parts.link.connection();
      const session: Session = { connection, channel: await connection.confirmChannel(), exchanges: new Set() };
      const { channel } = session;
      channel.on('return', (message) => this.#returned(message));
      channel.on('error', (error) => {
        session.failure = toAmqpFailure(error);
      });
      channel.on('close', () => this.#lost(session));
      this.#session = session;
    } catch (error) {
      const failure = toAmqpFailure(error);
      connection?.abandon(failure);
      // The link gives up when there is no time left, and at once when trying again is of no use.
      if (connection === undefined) this.#giveUp(() => true, failure);
    }
  }

  async #introduce(session: Session, exchange: Exchange): Promise<void> {
    try {
      await this.#parts.topology.declareExchange(session.connection, exchange);
      session.exchanges.add(exchange.name);
    } catch (error) {
      const failure = toAmqpFailure(error);
      if (failure.kind === 'unreachable') session.connection.abandon(failure);
      else this.#giveUp((item) => item.exchange.name === exchange.name, failure);
    }
  }

  #lost(session: Session): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    const { failure } = session;
    const byFault = failure !== undefined && failure.kind !== 'unreachable' && failure.kind !== 'closed';
    const again: Item[] = [];
    for (const item of this.#unconfirmed) {
      if (byFault) item.refusals += 1;
      if (byFault && item.refusals >= MOST_REFUSALS) this.#reject(item, failure);
      else again.push(item);
    }
    for (const item of again) {
      item.returned = false;
      this.#unconfirmed.delete(item);
    }
    this.#waiting.putBack(again);
    this.#pump();
  }

  #sweepLater(): void {
    const { clock } = this.#parts;
    const expectedMs = clock.monotonicMs() + SWEEP_MS;
    this.#sweepTimer = clock.setTimeout(() => {
      this.#sweepTimer = undefined;
      const nowMs = clock.monotonicMs();
      // A late look means that we were blocked, as by sending: confirmations may be waiting unread.
      if (nowMs > expectedMs + SWEEP_MS) this.#progressAtMs = nowMs;
      const blocked = this.#parts.link.now?.blocked;
      const failure =
        blocked === undefined
          ? new AmqpFailure('unreachable', 'the message was not confirmed in time')
          : new AmqpFailure('failed', `the server takes no messages now: ${blocked}`, {
              hint: 'see vm_memory_high_watermark and disk_free_limit',
            });
      this.#giveUp((item) => this.#isOverdue(item, nowMs), failure);
      if (this.#waiting.size + this.#unconfirmed.size > 0) this.#sweepLater();
    }, SWEEP_MS);
  }

  /** Of many that are sent at once the last waits for all the others: as long as they get through, it is not late. */
  #isOverdue(item: Item, nowMs: number): boolean {
    if (nowMs - Math.max(item.sinceMs, this.#progressAtMs) >= this.#parts.limitMs) return true;
    return this.#unconfirmed.has(item) && nowMs - item.sinceMs >= STUCK_MS;
  }

  #giveUp(which: (item: Item) => boolean, failure: AmqpFailure): void {
    for (const item of this.#waiting.takeOut(which)) this.#tell(item, failure);
    for (const item of [...this.#unconfirmed].filter(which)) this.#reject(item, failure);
  }

  #reject(item: Item, failure: AmqpFailure): void {
    if (!this.#unconfirmed.delete(item)) this.#waiting.takeOut((one) => one === item);
    this.#tell(item, failure);
  }

  #tell(item: Item, failure: AmqpFailure): void {
    item.reject(this.#parts.told(failure));
    this.#answered();
  }

  #answered(): void {
    if (this.#waiting.size > 0) this.#pump();
    if (this.#waiting.size + this.#unconfirmed.size > 0) return;
    for (const resolve of this.#idleListeners.splice(0)) resolve();
  }
}
