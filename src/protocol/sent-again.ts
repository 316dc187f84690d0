/** A message of a task that has ended, made ready to be run once more. */
import { ProtocolError } from '../errors.js';
import { REDELIVERIES_HEADER } from './envelope.js';
import { parseIsoDate } from './iso-date.js';
import { readJson } from './json-reader.js';
import { RawNumber, writeJson } from './json-writer.js';
import { isRecord } from './record.js';

/** What was changed for the new run, beside its tag. */
export type Freshened = 'retries' | 'eta' | 'expires';

/**
 * The same envelope: links, stamps and everything the sender wrote stay as they are, the body byte for byte. Its tries
 * are counted anew, and an `eta` or `expires` that is over goes. It is marked as redelivered, which lets a
 * part of a chord take the place of its failure; the deaths that it was refused for are forgotten.
 *
 * Of protocol 1 these three stand in the body, and stay.
 *
 * @throws ProtocolError for a text that is no envelope.
 */
export function sentAgain(
  text: string,
  { deliveryTag, nowMs, queue }: { readonly deliveryTag: string; readonly nowMs: number; readonly queue?: string | undefined },
): { readonly text: string; readonly freshened: readonly Freshened[] } {
  const envelope = readJson(text, { typedValues: 'keep', number: (digits) => new RawNumber(digits) });
  if (!isRecord(envelope)) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message is not a JSON object');
  const headers = isRecord(envelope['headers']) ? envelope['headers'] : {};
  const properties = isRecord(envelope['properties']) ? envelope['properties'] : {};
  const info = isRecord(properties['delivery_info']) ? properties['delivery_info'] : {};
  const freshened: Freshened[] = [];
  if (typeof headers['task'] === 'string') {
    if (rawNumber(headers['retries']) > 0) freshened.push('retries');
    headers['retries'] = 0;
    for (const name of ['eta', 'expires'] as const) {
      if (!isOver(headers[name], nowMs)) continue;
      headers[name] = null;
      freshened.push(name);
      if (name === 'expires') delete properties['expiration'];
    }
  }
  headers['redelivered'] = true;
  headers[REDELIVERIES_HEADER] = 1;
  info['redelivered'] = true;
  if (queue !== undefined) {
    info['exchange'] = '';
    info['routing_key'] = queue;
  }
  properties['delivery_info'] = info;
  properties['delivery_tag'] = deliveryTag;
  envelope['headers'] = headers;
  envelope['properties'] = properties;
  return { text: writeJson(envelope, 'plain'), freshened };
}

function isOver(value: unknown, nowMs: number): boolean {
  return typeof value === 'string' && (parseIsoDate(value)?.getTime() ?? Number.POSITIVE_INFINITY) <= nowMs;
}

function rawNumber(value: unknown): number {
  const number = value instanceof RawNumber ? Number(value.text) : value;
  return typeof number === 'number' ? number : 0;
}
