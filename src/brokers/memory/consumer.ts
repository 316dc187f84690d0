/** A consumption of the memory broker. */
import { randomUUID } from 'node:crypto';
import type { ConsumeOptions, Consumer, ConsumerHandler, Queue, ReturnCause, Settled } from '../../broker.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';
import { PRIORITY_STEPS } from '../priority.js';
import { redelivered } from '../redelivered.js';
import { Rotation } from '../rotation.js';
import type { QueuedMessage } from './queue.js';
import type { MemoryStore } from './store.js';

class MemoryDelivery extends HeldDelivery {
  readonly item: QueuedMessage;
  readonly #consumer: MemoryConsumer;

  constructor(queue: string, item: QueuedMessage, consumer: MemoryConsumer) {
    super(item.message, queue, item.message.properties.deliveryTag ?? randomUUID(), item.redeliveryCount);
    this.item = item;
    this.#consumer = consumer;
  }

  protected override async settle(answer: Answer): Promise<Settled> {
    this.#consumer.settle(this, answer);
    return 'settled';
  }
}

export class MemoryConsumer implements Consumer {
  readonly #store: MemoryStore;
  readonly #handler: ConsumerHandler;
  readonly #rotation = new Rotation([]);
  /** By queue. */
  readonly #stopListening = new Map<string, () => void>();
  /** In the order of delivery. */
  readonly #held = new Set<MemoryDelivery>();
  #prefetch: number;
  #state: 'taking' | 'paused' | 'closed' = 'taking';
  #takeScheduled = false;
  /** Keeps the process alive while it consumes, as another broker's socket does. */
  readonly #aliveTimer = setInterval(() => {}, 2 ** 30);

  constructor(store: MemoryStore, options: ConsumeOptions) {
    this.#store = store;
    this.#handler = options.handler;
    this.#prefetch = options.prefetch;
    for (const queue of options.queues) this.#listen(queue);
    setImmediate(() => {
      if (this.#state === 'closed') return;
      this.#handler.connected();
      this.#take();
    });
  }

  get queues(): readonly Queue[] {
    return this.#rotation.queues;
  }

  /** How many deliveries are not answered for. */
  get held(): number {
    return this.#held.size;
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.#scheduleTake();
  }

  async addQueue(queue: Queue): Promise<void> {
    if (this.#state === 'closed') return;
    this.#listen(queue);
    this.#scheduleTake();
  }

  async cancelQueue(name: string): Promise<void> {
    if (!this.#rotation.remove(name)) return;
    this.#stopListening.get(name)?.();
    this.#stopListening.delete(name);
  }

  async pause(): Promise<void> {
    if (this.#state === 'taking') this.#state = 'paused';
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#aliveTimer);
    for (const stopListening of this.#stopListening.values()) stopListening();
    // Last first, so that the front of the queue is what it was before they were taken.
    for (const delivery of [...this.#held].reverse()) {
      delivery.fence();
      this.#store.giveBack(delivery.queue, givenBack(delivery.item, 'return'), 'front');
    }
    this.#held.clear();
  }

  /** Called by the delivery, once. */
  settle(delivery: MemoryDelivery, answer: Answer): void {
    this.#held.delete(delivery);
    const { queue, item } = delivery;
    switch (answer.kind) {
      case 'ack':
        break;
      case 'requeue':
        this.#requeued.push({ delivery, position: answer.position, after: answer.after });
        if (this.#requeued.length === 1) queueMicrotask(() => this.#giveBackRequeued());
        break;
      case 'reject':
        this.#store.bury(queue, { message: item.message, reason: answer.reason });
        break;
      case 'park':
        this.#store.park(queue, item, answer.dueAtMs);
        break;
      default:
        answer satisfies never;
    }
    this.#scheduleTake();
  }

  /** Requeued in this tick: given back together, so that several put to the front keep their order. */
  #requeued: { readonly delivery: MemoryDelivery; readonly position: 'front' | 'back'; readonly after: ReturnCause }[] = [];

  #giveBackRequeued(): void {
    const requeued = this.#requeued.splice(0);
    for (const { delivery, position, after } of requeued) {
      if (position === 'back') this.#store.giveBack(delivery.queue, givenBack(delivery.item, after), 'back');
    }
    for (const { delivery, position, after } of requeued.reverse()) {
      if (position === 'front') this.#store.giveBack(delivery.queue, givenBack(delivery.item, after), 'front');
    }
  }

  #listen(queue: Queue): void {
    if (!this.#rotation.add(queue)) return;
    this.#store.declare(queue);
    this.#stopListening.set(
      queue.name,
      this.#store.listen(queue.name, () => this.#scheduleTake()),
    );
  }

  /** Never from inside a caller's publish or ack: whoever settles in `deliver` would be called again in the middle. */
  #scheduleTake(): void {
    if (this.#takeScheduled || this.#state !== 'taking') return;
    this.#takeScheduled = true;
    setImmediate(() => {
      this.#takeScheduled = false;
      this.#take();
    });
  }

  #take(): void {
    if (this.#state !== 'taking') return;
    const batch: MemoryDelivery[] = [];
    while (this.#held.size < this.#prefetch) {
      const taken = this.#store.take(this.#rotation.turn, PRIORITY_STEPS.length);
      if (taken === undefined) break;
      this.#rotation.served([taken.queue]);
      const delivery = new MemoryDelivery(taken.queue, taken.item, this);
      this.#held.add(delivery);
      batch.push(delivery);
    }
    if (batch.length > 0) this.#handler.deliver(batch);
  }
}

function givenBack({ message, redeliveryCount }: QueuedMessage, after: ReturnCause): QueuedMessage {
  const marked = redelivered(message);
  return {
    message: { ...marked, properties: { ...marked.properties, deliveryTag: randomUUID() } },
    redeliveryCount: after === 'death' ? redeliveryCount + 1 : Math.max(redeliveryCount, 1),
  };
}
