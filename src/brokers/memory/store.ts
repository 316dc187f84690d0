/** What the clients of one `memory://` URL share: queues, bindings, parked messages, dead letters. */
import { randomUUID } from 'node:crypto';
import type { Queue, Revocations, Route, SharedLimits } from '../../broker.js';
import type { Clock, TimerHandle } from '../../clock.js';
import type { Message } from '../../protocol/message.js';
import { bindingMatches } from '../binding.js';
import { memoryLimits } from './limits.js';
import { MemoryQueue, type QueuedMessage } from './queue.js';

/** Enough to see what went wrong; a store that lives as long as its process may not grow without end. */
const DEAD_LETTERS_KEPT = 10_000;

export interface DeadLetter {
  readonly message: Message;
  readonly reason: string;
}

interface Parked {
  readonly dueAtMs: number;
  readonly queue: string;
  readonly item: QueuedMessage;
}

export class MemoryStore {
  readonly #clock: Clock;
  readonly #queues = new Map<string, MemoryQueue>();
  /** Exchange name → the queues bound to it, by name and key. */
  readonly #bindings = new Map<string, Map<string, Queue>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #deadLetters = new Map<string, DeadLetter[]>();
  /** Nothing outlives this process, so nothing is kept longer. */
  readonly #revoked = new Set<string>();
  readonly limits: SharedLimits;
  readonly revocations: Revocations = {
    add: async (ids) => {
      for (const id of ids) this.#revoked.add(id);
    },
    all: async () => [...this.#revoked],
  };
  /** Sorted, the next one due first. */
  #parked: Parked[] = [];
  #timer: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.limits = memoryLimits(clock);
  }

  declare(queue: Queue): void {
    this.#queue(queue.name);
    if (queue.exchange.name === '') return;
    const bound = this.#bindings.get(queue.exchange.name) ?? new Map<string, Queue>();
    this.#bindings.set(queue.exchange.name, bound);
    bound.set(JSON.stringify([queue.name, queue.routingKey]), queue);
  }

  /** Removes an auto-delete queue with its bindings. */
  remove(name: string): void {
    this.#queues.delete(name);
    for (const [exchange, bound] of this.#bindings) {
      for (const [key, queue] of bound) if (queue.name === name) bound.delete(key);
      if (bound.size === 0) this.#bindings.delete(exchange);
    }
  }

  /** Returns how many queues have it now. */
  publish(message: Message, route: Route): number {
    const deliveryInfo = { exchange: route.exchange.name, routingKey: route.routingKey };
    const item = {
      message: { ...message, properties: { ...message.properties, deliveryInfo, deliveryTag: randomUUID() } },
      redeliveryCount: 0,
    };
    let reached = 0;
    for (const name of this.#targets(route)) {
      this.#queue(name).pushBack(item);
      this.#notify(name);
      reached += 1;
    }
    return reached;
  }

  /** One message, step by step from priority 0 upwards, the queues of a step in the order given. */
  take(names: readonly string[], steps: number): { readonly queue: string; readonly item: QueuedMessage } | undefined {
    for (let step = 0; step < steps; step += 1) {
      for (const name of names) {
        const item = this.#queues.get(name)?.shift(step);
        if (item !== undefined) return { queue: name, item };
      }
    }
    return undefined;
  }

  giveBack(name: string, item: QueuedMessage, position: 'front' | 'back'): void {
    const queue = this.#queue(name);
    if (position === 'front') queue.pushFront(item);
    else queue.pushBack(item);
    this.#notify(name);
  }

  park(queue: string, item: QueuedMessage, dueAtMs: number): void {
    const after = this.#parked.findIndex((parked) => parked.dueAtMs > dueAtMs);
    this.#parked.splice(after === -1 ? this.#parked.length : after, 0, { dueAtMs, queue, item });
    this.#armTimer();
  }

  bury(queue: string, letter: DeadLetter): void {
    const letters = this.#deadLetters.get(queue) ?? [];
    letters.push(letter);
    if (letters.length > DEAD_LETTERS_KEPT) letters.shift();
    this.#deadLetters.set(queue, letters);
  }

  deadLetters(queue: string): readonly DeadLetter[] {
    return this.#deadLetters.get(queue) ?? [];
  }

  size(name: string): number {
    return this.#queues.get(name)?.size ?? 0;
  }

  purge(name: string): number {
    return this.#queues.get(name)?.clear() ?? 0;
  }

  /** Calls back whenever something came into the queue; returns how to stop that. */
  listen(name: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(name);
    };
  }

  #targets(route: Route): Iterable<string> {
    if (route.exchange.name === '') return [route.routingKey];
    const targets = new Set<string>();
    for (const queue of this.#bindings.get(route.exchange.name)?.values() ?? []) {
      if (bindingMatches(queue.exchange.type, queue.routingKey, route.routingKey)) targets.add(queue.name);
    }
    return targets;
  }

  #queue(name: string): MemoryQueue {
    const queue = this.#queues.get(name) ?? new MemoryQueue(name);
    this.#queues.set(name, queue);
    return queue;
  }

  #notify(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }

  #armTimer(): void {
    this.#timer?.cancel();
    const next = this.#parked[0];
    // Consumers keep the process alive, as a socket would; a parked message alone does not.
    this.#timer = next && this.#clock.setTimeout(() => this.#releaseDue(), next.dueAtMs - this.#clock.nowMs()).unref();
  }

  #releaseDue(): void {
    const now = this.#clock.nowMs();
    const stillParked = this.#parked.findIndex((parked) => parked.dueAtMs > now);
    const due = this.#parked.splice(0, stillParked === -1 ? this.#parked.length : stillParked);
    // To the front, last first: so that the one due earliest is the next to run.
    for (const { queue, item } of due.reverse()) this.giveBack(queue, item, 'front');
    this.#armTimer();
  }
}
