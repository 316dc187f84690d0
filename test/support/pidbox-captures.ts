/** Requests and replies as real Celery sent them, out of the recordings. */
import { decodeEnvelope } from '../../src/protocol/envelope.js';
import type { Message } from '../../src/protocol/message.js';
import { decodeReply } from '../../src/protocol/pidbox.js';
import { type CaptureEntry, captureText } from './captures.js';

/** The recorded case of these words. */
export function pidboxEntry(entries: readonly CaptureEntry[], what: string): CaptureEntry {
  const found = entries.find((entry) => entry.what === what);
  if (found === undefined) throw new Error(`no recording of '${what}'`);
  return found;
}

export function requestsOf(entry: CaptureEntry): Message[] {
  return (entry.redis ?? []).filter(({ type }) => type === 'publish').map(({ value }) => decodeEnvelope(value as string));
}

export function replyMessagesOf(entry: CaptureEntry): Message[] {
  return (entry.redis ?? []).filter(({ type }) => type === 'list (LPUSH)').map(({ value }) => decodeEnvelope(value as string));
}

/** What the node answered, reply by reply. */
export function answersOf(entry: CaptureEntry, nodename = 'worker1@host'): unknown[] {
  return replyMessagesOf(entry).flatMap((message) => {
    const { values } = decodeReply(message);
    return values.has(nodename) ? [values.get(nodename)] : [];
  });
}

/** Python writes the infinite default of a setting as a bare word. */
function read(file: string): readonly CaptureEntry[] {
  return JSON.parse(captureText(file).replaceAll(': Infinity', ': null')) as CaptureEntry[];
}

export const pidboxCaptures = { '5.2': read('pidbox-5.2.json'), '5.6': read('pidbox-5.6.json') } as const;
