/** How the id of a task stands in the text of its message: what a search looks for before it reads anything. */
import type { Message } from '../protocol/message.js';

/** In the headers, as kombu, ctq and compact writers write it; of protocol 1 only the correlation id is in plain sight (WIRE 4). */
export function textsOf(prefix: string): readonly string[] {
  const plain = JSON.stringify(prefix).slice(1, -1);
  // Python writes what is not ASCII as \uXXXX.
  const ascii = plain.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [...new Set([plain, ascii])].flatMap((id) => [`"id": "${id}`, `"id":"${id}`, `"correlation_id": "${id}`]);
}

/** What all of {@link textsOf} have in common. */
export function commonOf(prefix: string): string {
  return /^[\x20-\x7e]*/.exec(JSON.stringify(prefix).slice(1, -1))?.[0] ?? '';
}

/** The task's id that a message carries; undefined when it has none in plain sight. */
export function idOf(message: Message | undefined): string | undefined {
  const id = message?.headers['id'];
  return typeof id === 'string' ? id : message?.properties.correlationId;
}
