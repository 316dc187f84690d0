/** What the bytes of a stored message say, where they say anything. */
import { decodeEnvelope } from '../protocol/envelope.js';
import { BrokerError } from '../errors.js';
import type { RemovedMessage, StoredMessage } from '../estate/messages.js';
import type { Message } from '../protocol/message.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** undefined for what is no message. */
export function readMessage(raw: Uint8Array): Message | undefined {
  try {
    return decodeEnvelope(utf8.decode(raw));
  } catch {
    return undefined;
  }
}

/** When it was sent: AMQP's own property, in seconds. Python's Celery does not write it. */
export function publishedAt(message: Message | undefined): { readonly publishedAtMs?: number } {
  const seconds = message?.properties.timestamp;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? { publishedAtMs: seconds * 1000 } : {};
}

/** Numbers the messages of a removal's page. */
export function numbered(messages: readonly StoredMessage[], from: number): readonly RemovedMessage[] {
  return messages.map((message, index) => Object.assign({}, message, { number: from + index }));
}

/** Told to whoever brings a page of a migration that was given up meanwhile. */
export function arrivalsEnded(): BrokerError {
  return new BrokerError('CTQ_BROKER_FAILED', 'this migration was given up by somebody else, who puts back what it had set aside', {
    hint: 'the same command begins anew',
  });
}
