/**
 * `memory://`: queues inside this process, for tests and for trying things out. Nothing survives the
 * process, and nothing is shared with another one. Clients that open the same URL share messages.
 */
import type {
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Queue,
  Revocations,
  Route,
  SharedLimits,
  Subscription,
} from '../../broker.js';
import { systemClock } from '../../clock.js';
import { BrokerError } from '../../errors.js';
import type { Message } from '../../protocol/message.js';
import { PRIORITY_STEPS } from '../priority.js';
import { MemoryConsumer } from './consumer.js';
import { type DeadLetter, MemoryStore } from './store.js';

const stores = new Map<string, MemoryStore>();

/** Opens `memory://<any name>`. */
export async function openMemoryBroker(url: string, _options?: BrokerOptions): Promise<MemoryBroker> {
  const store = stores.get(url) ?? new MemoryStore(systemClock);
  stores.set(url, store);
  return new MemoryBroker(url, store);
}

export class MemoryBroker implements Broker {
  readonly capabilities: BrokerCapabilities = { eventExchangeType: 'fanout', parks: true, shared: false };
  readonly displayUrl: string;
  readonly revocations: Revocations;
  readonly limits: SharedLimits;
  readonly #store: MemoryStore;
  readonly #openOnes = new Set<{ close(): Promise<void> }>();
  #closed = false;

  constructor(url: string, store: MemoryStore) {
    this.displayUrl = url;
    this.#store = store;
    this.revocations = store.revocations;
    this.limits = store.limits;
  }

  async declare(queue: Queue): Promise<void> {
    this.#assertOpen();
    this.#store.declare(queue);
  }

  async publish(message: Message, route: Route): Promise<void> {
    this.#assertOpen();
    this.#store.publish(message, route);
  }

  async broadcast(message: Message, route: Route): Promise<number> {
    this.#assertOpen();
    return this.#store.publish(message, route);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#assertOpen();
    const consumer = new MemoryConsumer(this.#store, options);
    this.#openOnes.add(consumer);
    return consumer;
  }

  async subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    this.#assertOpen();
    const subscription = new MemorySubscription(this.#store, queue, onMessage);
    this.#openOnes.add(subscription);
    return subscription;
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen();
    return this.#store.purge(queue);
  }

  async depth(queue: string): Promise<number> {
    this.#assertOpen();
    return this.#store.size(queue);
  }

  /** What was rejected from this queue, oldest first. */
  deadLetters(queue: string): readonly DeadLetter[] {
    return this.#store.deadLetters(queue);
  }

  /** How many messages wait in these queues, or were taken from any and are not answered for. */
  outstanding(queues: readonly string[]): number {
    let sum = 0;
    for (const queue of queues) sum += this.#store.size(queue);
    for (const one of this.#openOnes) if (one instanceof MemoryConsumer) sum += one.held;
    return sum;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#openOnes].map((one) => one.close()));
    this.#openOnes.clear();
  }

  #assertOpen(): void {
    if (this.#closed) throw new BrokerError('CTQ_BROKER_CLOSED', `the broker ${this.displayUrl} was closed`);
  }
}

/** Takes each message as it comes and forgets it; takes the queue away with it when it closes. */
class MemorySubscription implements Subscription {
  readonly #store: MemoryStore;
  readonly #queue: string;
  readonly #onMessage: (message: Message) => void;
  readonly #stopListening: () => void;
  readonly #aliveTimer = setInterval(() => {}, 2 ** 30);
  #takeScheduled = false;
  #closed = false;

  constructor(store: MemoryStore, queue: Queue, onMessage: (message: Message) => void) {
    this.#store = store;
    this.#queue = queue.name;
    this.#onMessage = onMessage;
    store.declare(queue);
    this.#stopListening = store.listen(queue.name, () => this.#scheduleTake());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#aliveTimer);
    this.#stopListening();
    this.#store.remove(this.#queue);
  }

  #scheduleTake(): void {
    if (this.#takeScheduled) return;
    this.#takeScheduled = true;
    setImmediate(() => {
      this.#takeScheduled = false;
      this.#take();
    });
  }

  #take(): void {
    while (!this.#closed) {
      const taken = this.#store.take([this.#queue], PRIORITY_STEPS.length);
      if (taken === undefined) return;
      this.#onMessage(taken.item.message);
    }
  }
}
