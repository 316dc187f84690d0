/**
 * Sends events: what happens in this worker or client, told to whoever listens. `task-*` events are
 * gathered and travel as a list once a turn of the event loop, or when there are many; all others go
 * by themselves and at once (WIRE 11.1). Nobody ever waits for an event, and none can hurt.
 */
import type { Broker } from '../broker.js';
import type { Clock } from '../clock.js';
import {
  type EventFields,
  type EventSource,
  eventExchange,
  eventGroup,
  eventRoute,
  eventRoutingKey,
  EventWriter,
} from '../protocol/events.js';
import type { LamportClock } from '../protocol/lamport-clock.js';
import type { Message } from '../protocol/message.js';
import type { ContentSigner } from '../protocol/signing.js';

/** Celery's `buffer_limit` is 24; a reader takes any length, and each message costs as much as ten events. */
const BATCH_SIZE = 100;
const BATCHED_GROUP = 'task';
/** Messages on their way to a broker that does not answer; what comes on top is dropped. */
const MOST_UNDER_WAY = 500;

export interface DispatcherOptions {
  readonly broker: Broker;
  readonly source: EventSource;
  /** `event_exchange`. */
  readonly exchange: string;
  /** `event_serializer`. */
  readonly serializer: string;
  /** For the serializer `auth`. */
  readonly signer?: ContentSigner | undefined;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  /** Which groups are sent from the start: `all`, or some by name. */
  readonly groups: 'all' | readonly string[];
  /** Told when events are dropped, and when they go out again. */
  readonly onLoss?: (dropped: number) => void;
}

export class EventDispatcher {
  readonly #options: DispatcherOptions;
  readonly #writer: EventWriter;
  readonly #routes = new Map<string, ReturnType<typeof eventRoute>>();
  readonly #groups: Set<string> | 'all';
  /** Of all groups, those that were switched off. */
  readonly #off = new Set<string>();
  #batch: string[] = [];
  #flushScheduled = false;
  #underWay = 0;
  #dropped = 0;
  #idleListeners: (() => void)[] = [];
  #closed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#writer = new EventWriter(options.source, options.serializer, options.signer);
    this.#groups = options.groups === 'all' ? 'all' : new Set(options.groups);
  }

  /** Whether events of this group are sent: ask before making one that costs something. */
  sends(group: string): boolean {
    return !this.#closed && this.#isOn(group);
  }

  /** False when the group was on already. */
  enable(group: string): boolean {
    if (this.#isOn(group)) return false;
    if (this.#groups === 'all') this.#off.delete(group);
    else this.#groups.add(group);
    return true;
  }

  /** False when the group was off already. Celery cannot do it for a worker with `-E`, and says then that it was off. */
  disable(group: string): boolean {
    if (!this.#isOn(group)) return false;
    if (this.#groups === 'all') this.#off.add(group);
    else this.#groups.delete(group);
    return true;
  }

  #isOn(group: string): boolean {
    return this.#groups === 'all' ? !this.#off.has(group) : this.#groups.has(group);
  }

  /** One step of the clock, and the event is on its way. */
  send(type: string, fields: EventFields = {}): void {
    const group = eventGroup(type);
    if (!this.sends(group)) return;
    if (group !== BATCHED_GROUP) {
      this.sendAlone(type, fields);
      return;
    }
    const text = this.#write(type, fields);
    if (text === undefined) return;
    this.#batch.push(text);
    if (this.#batch.length >= BATCH_SIZE) this.#flush();
    else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
  }

  /** As {@link send}, but never in a list: what clients say of themselves. */
  sendAlone(type: string, fields: EventFields): void {
    // What was gathered goes first: a reader's clock never runs backwards.
    this.#flush();
    const text = this.sends(eventGroup(type)) ? this.#write(type, fields) : undefined;
    if (text !== undefined) this.#publish(this.#writer.single(text), eventRoutingKey(type), 1);
  }

  /** Undefined for fields that no JSON can hold. */
  #write(type: string, fields: EventFields): string | undefined {
    const { lamport, clock, onLoss } = this.#options;
    try {
      return this.#writer.write(type, fields, lamport.forward(), clock.nowMs());
    } catch {
      onLoss?.(1);
      return undefined;
    }
  }

  /** Nothing more is sent; resolves when what was sent has arrived at the broker. */
  async close(): Promise<void> {
    this.#flush();
    this.#closed = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idleListeners.push(resolve));
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#publish(this.#writer.batch(batch), `${BATCHED_GROUP}.multi`, batch.length);
  }

  #publish(message: Message, routingKey: string, count: number): void {
    if (this.#underWay >= MOST_UNDER_WAY) {
      if (this.#dropped === 0) this.#options.onLoss?.(count);
      this.#dropped += count;
      return;
    }
    this.#underWay += 1;
    this.#options.broker.publish(message, this.#route(routingKey)).then(
      () => this.#arrived(),
      () => {
        this.#dropped += count;
        this.#arrived();
      },
    );
  }

  #arrived(): void {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    if (this.#dropped > 0) this.#options.onLoss?.(this.#dropped);
    this.#dropped = 0;
    for (const resolve of this.#idleListeners.splice(0)) resolve();
  }

  #route(routingKey: string): ReturnType<typeof eventRoute> {
    let route = this.#routes.get(routingKey);
    if (route === undefined) {
      const { broker, exchange } = this.#options;
      route = eventRoute(eventExchange(exchange, broker.capabilities.eventExchangeType), routingKey);
      this.#routes.set(routingKey, route);
    }
    return route;
  }
}
