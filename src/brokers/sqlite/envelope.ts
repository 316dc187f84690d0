/** From what stands in a row to a message, or to a report of why it is none. */
import { ProtocolError } from '../../errors.js';
import { decodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws ProtocolError when it is no envelope. */
export function readEnvelope(envelope: unknown): Message {
  return decodeEnvelope(typeof envelope === 'string' ? envelope : textOf(envelope));
}

function textOf(envelope: unknown): string {
  try {
    return utf8.decode(rawBytes(envelope));
  } catch (error) {
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message is not UTF-8 text', { cause: error });
  }
}

export function rawBytes(envelope: unknown): Uint8Array {
  return envelope instanceof Uint8Array ? envelope : Buffer.from(String(envelope));
}
