/** Listens to broadcasts: remote control and events (WIRE 6.6). */
import type { Queue } from '../../broker.js';
import type { Clock } from '../../clock.js';
import type { RedisLink } from '../../connections/redis/link.js';
import { decodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { bindingMember } from './bindings.js';
import { bindingKey, fanoutChannel, type RedisLayout } from './keys.js';
import type { BroadcastListener, Switchboard } from './switchboard.js';

export interface ListenerParts {
  readonly layout: RedisLayout;
  readonly switchboard: Switchboard;
  readonly link: RedisLink;
  readonly queue: Queue;
  readonly onMessage: (message: Message) => void;
  readonly clock: Clock;
}

export class FanoutListener {
  readonly #parts: ListenerParts;
  readonly #pattern: string;
  readonly #binding: readonly [key: string, member: string];
  readonly #hear: BroadcastListener;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const { layout, queue, onMessage } = parts;
    // kombu subscribes with PSUBSCRIBE always, and `#` is its `*`.
    this.#pattern = fanoutChannel(layout, queue.exchange.name, queue.routingKey.replaceAll('#', '*'));
    this.#binding = [bindingKey(layout, queue.exchange.name), bindingMember(layout, queue)];
    this.#hear = (payload) => {
      const message = readMessage(payload);
      if (message !== undefined) onMessage(message);
    };
  }

  async start(): Promise<void> {
    const { switchboard, link } = this.#parts;
    await link.call('sadd', this.#binding);
    await switchboard.listen(this.#pattern, this.#hear);
  }

  async close(): Promise<void> {
    const { switchboard, link } = this.#parts;
    await switchboard.unlisten(this.#pattern, this.#hear);
    // The binding of a listener that is gone is harmless (WIRE 6.1), so a server that is away is not waited for.
    await link.now?.call('srem', this.#binding).catch(() => {});
  }
}

/** What is no message on a channel is nobody's: there is no one to report to, and nothing to put aside. */
export function readMessage(text: string): Message | undefined {
  try {
    return decodeEnvelope(text);
  } catch {
    return undefined;
  }
}
