/** What both engines keep as text, read. */
import { ProtocolError } from '../errors.js';
import type { DeadLetter, StoredFailure } from '../estate/dead-letters.js';
import { decodeFailureNote } from '../estate/failed-task.js';
import { decodeEnvelope } from '../protocol/envelope.js';
import type { Message } from '../protocol/message.js';
import { decodeResultMeta } from '../protocol/result-meta.js';

/** undefined for what is no message. */
export function messageIn(text: string): Message | undefined {
  try {
    return decodeEnvelope(text);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** A foreign program may have put bytes there. */
export function envelopeText(envelope: unknown): string {
  return envelope instanceof Uint8Array ? Buffer.from(envelope).toString('utf8') : String(envelope);
}

/** @param about - As `encodeFailureNote` wrote it. */
export function failedLetter(taskId: string, about: string, text: string, atMs: number): DeadLetter {
  const note = decodeFailureNote(taskId, about);
  const message = messageIn(text);
  return {
    kind: 'failed',
    key: taskId,
    queue: note?.queue ?? message?.properties.deliveryInfo?.routingKey ?? '',
    reason: note?.exceptionType ?? '',
    note,
    atMs,
    text,
    message,
  };
}

/** undefined for a document that is none, or says something else than FAILURE. */
export function failureIn(taskId: string, text: string): StoredFailure | undefined {
  // Most results are no failures; a look is cheaper than a parse.
  if (!text.includes('FAILURE')) return undefined;
  try {
    const meta = decodeResultMeta(text, taskId);
    return meta.status === 'FAILURE' ? { meta, text } : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
