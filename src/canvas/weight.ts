/**
 * How much would be written to call a canvas. What comes after a group stands in the message of every member: a
 * message of a megabyte can ask for terabytes, by mistake or by malice (RELIABILITY S21).
 */
import { ProtocolError } from '../errors.js';
import { isRecord } from '../protocol/record.js';
import type { PlannedCall } from './plan.js';

/** Some 600 MB of messages at once; ten thousand parts with a small body have 20,000. */
export const MAX_SIGNATURES = 3_000_000;

/** Of one call, some 2 GB in a worker that sends them together. */
export const MAX_MESSAGES = 250_000;

/** Asked while messages are planned, for a plan takes memory, too. @throws {@link ProtocolError} */
export function checkCount(messages: number): void {
  if (messages <= MAX_MESSAGES) return;
  throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `more than ${MAX_MESSAGES} messages in one call`, {
    hint: 'send them in portions, or as chunks',
  });
}

/** @throws {@link ProtocolError} when more than {@link MAX_SIGNATURES} would be written. */
export function checkWeight(calls: readonly PlannedCall[]): void {
  // A single message is no larger than what it was made of.
  if (calls.length < 2) return;
  const bodies = new Map<unknown, number>();
  let total = 0;
  for (const { options } of calls) {
    const { link, linkError, chain, chord } = options;
    total += 1 + signaturesIn([link, linkError, chain]);
    if (chord !== undefined) {
      const known = bodies.get(chord) ?? signaturesIn(chord);
      bodies.set(chord, known);
      total += known;
    }
    if (total <= MAX_SIGNATURES) continue;
    throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `${calls.length} messages with more than ${MAX_SIGNATURES} signatures in them`, {
      hint: 'each member of a group carries all that comes after the group: let a task send that',
    });
  }
}

/** Counts dicts of signatures, however deep; without recursion. */
function signaturesIn(json: unknown): number {
  let count = 0;
  const waiting: unknown[] = [json];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Array.isArray(value)) for (const item of value) waiting.push(item);
    else if (isRecord(value)) {
      const { task, kwargs, options } = value;
      if (typeof task === 'string') count += 1;
      if (isRecord(kwargs)) waiting.push(kwargs['tasks'], kwargs['header'], kwargs['body']);
      if (isRecord(options)) waiting.push(options['link'], options['link_error'], options['chord']);
    }
  }
  return count;
}
