/** A consumer's owner for tests: writes down what it is told, and lets a test wait for it. */
import type { ConsumerHandler, Delivery, MalformedDelivery } from '../../src/broker.js';
import type { BrokerError } from '../../src/errors.js';
import type { Message } from '../../src/protocol/message.js';

export function messageId(message: Message): string {
  return String(message.headers['id']);
}

/** For a machine on which anything may stand still for seconds; a passing test never waits for it. */
export const PATIENCE_MS = 20_000;

/** Waits for a condition that only changes when somebody calls {@link Waiting.changed}. */
export class Waiting {
  readonly #checks = new Set<() => void>();

  changed(): void {
    for (const check of [...this.#checks]) check();
  }

  until(condition: () => boolean, describe: () => string, timeoutMs = PATIENCE_MS): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#checks.delete(check);
        reject(new Error(`still waiting after ${timeoutMs} ms: ${describe()}`));
      }, timeoutMs);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      this.#checks.add(check);
    });
  }
}

export interface DeliveryLogOptions {
  /** Settles (or not) what arrives, at once. */
  readonly onDeliver?: (delivery: Delivery) => void;
}

export class DeliveryLog implements ConsumerHandler {
  readonly deliveries: Delivery[] = [];
  readonly malformedOnes: MalformedDelivery[] = [];
  readonly fencedOnes: Delivery[] = [];
  readonly disconnections: BrokerError[] = [];
  /** In the order they came: `connected`, `deliver`, `disconnected`. */
  readonly calls: string[] = [];
  readonly #waiting = new Waiting();
  readonly #onDeliver: ((delivery: Delivery) => void) | undefined;

  constructor(options: DeliveryLogOptions = {}) {
    this.#onDeliver = options.onDeliver;
  }

  deliver(batch: readonly Delivery[]): void {
    this.calls.push('deliver');
    this.deliveries.push(...batch);
    if (this.#onDeliver !== undefined) for (const delivery of batch) this.#onDeliver(delivery);
    this.#waiting.changed();
  }

  malformed(delivery: MalformedDelivery): void {
    this.malformedOnes.push(delivery);
    this.#waiting.changed();
  }

  disconnected(error: BrokerError): void {
    this.calls.push('disconnected');
    this.disconnections.push(error);
    this.#waiting.changed();
  }

  connected(): void {
    this.calls.push('connected');
    this.#waiting.changed();
  }

  fenced(deliveries: readonly Delivery[]): void {
    this.fencedOnes.push(...deliveries);
    this.#waiting.changed();
  }

  /** Ids of all deliveries so far, in order of arrival. */
  ids(): string[] {
    return this.deliveries.map((delivery) => messageId(delivery.message));
  }

  /** The first `count` deliveries, as soon as they are there. */
  async first(count: number, timeoutMs = PATIENCE_MS): Promise<Delivery[]> {
    await this.until(() => this.deliveries.length >= count, `${count} deliveries`, timeoutMs);
    return this.deliveries.slice(0, count);
  }

  /** The delivery number `index`, counted from 0. */
  async nth(index: number, timeoutMs = PATIENCE_MS): Promise<Delivery> {
    const deliveries = await this.first(index + 1, timeoutMs);
    return deliveries[index] as Delivery;
  }

  until(condition: () => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
    return this.#waiting.until(condition, () => `${what}; delivered so far: ${JSON.stringify(this.ids().slice(0, 20))}`, timeoutMs);
  }
}
