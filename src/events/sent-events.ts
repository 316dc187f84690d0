/** `task-sent`: a client says what it sent (`task_send_sent_event`). Opened with the first one, for most clients never do. */
import type { Broker, Queue, Route } from '../broker.js';
import type { Clock } from '../clock.js';
import type { EventSource } from '../protocol/events.js';
import { LamportClock } from '../protocol/lamport-clock.js';
import type { Message } from '../protocol/message.js';
import type { ContentSigner } from '../protocol/signing.js';
import { EventDispatcher } from './dispatcher.js';

export interface SentEventsParts {
  readonly broker: () => Promise<Broker>;
  /** `gen<pid>@<host>`. */
  readonly source: EventSource;
  readonly exchange: string;
  readonly serializer: string;
  readonly signer?: ContentSigner | undefined;
  readonly clock: Clock;
}

export class SentEvents {
  private readonly parts: SentEventsParts;
  private dispatcher: Promise<EventDispatcher> | undefined;

  constructor(parts: SentEventsParts) {
    this.parts = parts;
  }

  /** The broker has this task. Nobody waits for the event, and none can make the sending fail. */
  sent(message: Message, queue: Queue, route: Route): void {
    const { id, root_id, parent_id, task, argsrepr, kwargsrepr, retries, eta, expires } = message.headers;
    this.dispatcher ??= this.open();
    this.dispatcher.then(
      // Celery sends it alone, not in a list (WIRE 11.1).
      (dispatcher) =>
        dispatcher.sendAlone('task-sent', {
          ...{ uuid: id, root_id, parent_id, name: task, args: argsrepr, kwargs: kwargsrepr, retries, eta, expires },
          ...{ queue: queue.name, exchange: route.exchange.name, routing_key: route.routingKey },
        }),
      () => {},
    );
  }

  /** Resolves when the last one has arrived. */
  async close(): Promise<void> {
    await (await this.dispatcher?.catch(() => undefined))?.close();
  }

  private async open(): Promise<EventDispatcher> {
    const { broker, ...parts } = this.parts;
    return new EventDispatcher({ ...parts, broker: await broker(), lamport: new LamportClock(), groups: 'all' });
  }
}
