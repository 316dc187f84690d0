/** A broker that keeps what is published, and hands messages to whoever subscribed. */
import type { Broker, Queue, Route, Subscription } from '../../src/broker.js';
import type { Message } from '../../src/protocol/message.js';

export interface Published {
  readonly message: Message;
  readonly route: Route;
}

export class PublishingBroker implements Broker {
  readonly capabilities = { eventExchangeType: 'fanout', parks: true, shared: false } as const;
  readonly displayUrl = 'memory://';
  readonly published: Published[] = [];
  readonly listeners = new Map<string, (message: Message) => void>();
  /** Set to make the next publishes fail. */
  failure: Error | undefined;

  async publish(message: Message, route: Route): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.published.push({ message, route });
  }

  async subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    this.listeners.set(queue.name, onMessage);
    return { close: async () => void this.listeners.delete(queue.name) };
  }

  async declare(): Promise<void> {}
  async purge(): Promise<number> {
    return 0;
  }
  async depth(): Promise<number> {
    return 0;
  }
  async close(): Promise<void> {}
  consume(): never {
    throw new Error('nothing to consume here');
  }
}
