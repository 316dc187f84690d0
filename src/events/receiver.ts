/** Hears events, one by one and in order, with the reader's own clock kept after theirs (WIRE 11.7). */
import type { Broker, Subscription } from '../broker.js';
import type { Clock } from '../clock.js';
import { decodeEvents, eventExchange, type WireEvent } from '../protocol/events.js';
import { ownQueue, type OwnQueueLimits } from '../protocol/own-queue.js';
import type { LamportClock } from '../protocol/lamport-clock.js';
import type { Message } from '../protocol/message.js';
import { newId } from '../protocol/oid.js';
import type { AcceptedContent } from '../protocol/serializers.js';
import { eventContent, type MessageSecurity } from '../protocol/signing.js';

/** An event as it arrived here. */
export interface ReceivedEvent extends WireEvent {
  /** The sender's logical clock; ours where it sent none. */
  readonly clock: number;
  /** Seconds since 1970, by our own clock. */
  readonly local_received: number;
}

export interface ReceiverOptions {
  readonly broker: Broker;
  /** `event_exchange`. */
  readonly exchange: string;
  /** `event_queue_prefix`. */
  readonly queuePrefix: string;
  readonly limits: OwnQueueLimits;
  /** `event_serializer`; JSON is understood beside it, unless events are signed. */
  readonly serializer: string;
  readonly security?: MessageSecurity | undefined;
  /** `#` is everything, `worker.#` what workers say of themselves. */
  readonly routingKey: string;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  /** @param routingKey - What the message was sent under. */
  readonly onEvent: (event: ReceivedEvent, routingKey: string) => void;
  /** A message on the event exchange that is none. */
  readonly onProblem?: (error: unknown) => void;
}

export class EventReceiver {
  readonly #options: ReceiverOptions;
  readonly #accept: AcceptedContent;
  #subscription: Promise<Subscription> | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#accept = eventContent(options.serializer, options.security);
  }

  /** Resolves once events sent from now on will arrive. */
  async open(): Promise<void> {
    const { broker, exchange, queuePrefix, routingKey, limits } = this.#options;
    const from = eventExchange(exchange, broker.capabilities.eventExchangeType);
    const queue = ownQueue(`${queuePrefix}.${newId()}`, from, routingKey, limits);
    this.#subscription = broker.subscribe(queue, (message) => this.receive(message));
    await this.#subscription;
  }

  async close(): Promise<void> {
    const opening = this.#subscription;
    this.#subscription = undefined;
    await (await opening?.catch(() => undefined))?.close();
  }

  /** Never throws. */
  receive(message: Message): void {
    const { clock, onEvent, onProblem } = this.#options;
    try {
      const receivedS = clock.nowMs() / 1000;
      const routingKey = message.properties.deliveryInfo?.routingKey ?? '';
      for (const event of decodeEvents(message, this.#accept)) {
        onEvent({ ...event, clock: this.#clockOf(event), local_received: receivedS }, routingKey);
      }
    } catch (error) {
      onProblem?.(error);
    }
  }

  #clockOf(event: WireEvent): number {
    const { lamport } = this.#options;
    // Clients never hear of anybody's clock, so theirs says nothing (celery/events/receiver.py).
    if (event.type === 'task-sent') return Math.max(lamport.forward() - 1, 0);
    if (typeof event.clock !== 'number' || !Number.isSafeInteger(event.clock)) return lamport.forward();
    lamport.adjust(event.clock);
    return event.clock;
  }
}
