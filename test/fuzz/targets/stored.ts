/** What stands in stores and files that others may write: bindings, entries, notes, copies, pickles, certificates, frames. */
import { decodeDefinition } from '../../../src/beat/entry-definition.js';
import { readAbout } from '../../../src/brokers/about.js';
import { kombuTopicMatches, parseBinding } from '../../../src/brokers/redis/bindings.js';
import { redisLayout, unwrapUnacked } from '../../../src/brokers/redis/keys.js';
import { readCopyLine, removedMessage } from '../../../src/cli/purge/copy-line.js';
import { type ByteSource, repairTables } from '../../../src/connections/amqp/tables.js';
import { decodeFailureNote } from '../../../src/estate/failed-task.js';
import { globMatches } from '../../../src/estates/glob.js';
import { readPlain } from '../../../src/estates/key-values.js';
import { stringifyJson } from '../../../src/protocol/kombu-json.js';
import { decodePlainPickle, encodePlainPickle, NotPlain } from '../../../src/protocol/plain-pickle.js';
import { describePickle } from '../../../src/protocol/pickle-description.js';
import { readOptions } from '../../../src/protocol/signature.js';
import { sentAgain } from '../../../src/protocol/sent-again.js';
import { matchesGlob } from '../../../src/remote-control/matcher.js';
import { mutateBytes, mutateText, mutateValue } from '../mutate.js';
import { inventedValues, messageTexts, parseLoosely, safeJson } from '../seeds.js';
import { type Target, tolerate } from '../target.js';

const layout = redisLayout({}, 0);
const SEPARATOR = '\u0006\u0016';

const TEXTS: readonly string[] = [
  `key${SEPARATOR}^key\\..*$${SEPARATOR}queue`,
  '[{"body": "W10=", "properties": {}}, "", "celery"]',
  '{"task": "t", "schedule": {"crontab": "* * * * *"}, "args": [1], "options": {"queue": "a"}, "source": "code"}',
  '{"task": "t", "queue": "q", "exc_type": "E", "at": 1, "retries": 2}',
  '{"purged": {"purge": "p", "broker": "b", "number": 1, "queue": "q", "place": "ready", "priority": 3, "text": "{}"}}',
  '{"nodename": "w@h", "pid": 1, "queues": ["a"]}',
  'a*b?[c-d]*e*f*g*',
  'stock.#.usd.*',
];

/** Frames of AMQP: a header frame with a table in it. */
const FRAME = Buffer.from(
  '0200010000002600 3c0000 0000000000000005 2000 00000014 0161 4c 0000000000000001 0162 53 00000002 6869 ce'.replaceAll(' ', ''),
  'hex',
);
const PICKLE = Buffer.from(
  '80049525000000000000008c08646174657469 6d65948c08646174657469 6d65949394430a07ea01010000000000009485945294 2e'.replaceAll(' ', ''),
  'hex',
);

const READERS: readonly ((text: string) => unknown)[] = [
  (text) => parseBinding(layout, text),
  (text) => unwrapUnacked(text),
  (text) => decodeDefinition('x', text),
  (text) => decodeFailureNote('id', text),
  (text) => readAbout(text),
  (text) => globMatches(text, 'a'.repeat(200)),
  (text) => matchesGlob('a'.repeat(200), text),
  (text) => kombuTopicMatches(text, 'stock.a.b.c.usd.x'),
  (text) => sentAgain(text, { deliveryTag: 't', nowMs: 1 }),
  (text) => readPlain(Buffer.from(text)),
  (text) => {
    const purged = readCopyLine(text);
    if (purged !== undefined) removedMessage(purged);
  },
];

export function storedTarget(): Target {
  return {
    name: 'stored',
    make: (random) => {
      const text = random.pick(random.oneIn(4) ? messageTexts : TEXTS);
      if (!text.startsWith('{') || random.oneIn(2)) return mutateText(text, random);
      return safeJson(mutateValue(parseLoosely(text), random, inventedValues()));
    },
    read(text) {
      for (const reader of READERS) tolerate(() => reader(text));
      if (text.startsWith('{') && text.endsWith('}')) tolerate(() => readOptions(parsed(text)));
    },
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const BYTES: readonly Buffer[] = [
  PICKLE,
  FRAME,
  Buffer.from(encodePlainPickle({ a: [1, 2.5, 'x', null, { b: [2n ** 70n, true] }], c: [[]] })),
];

/** What is more than data is refused by a name of its own, which its reader turns into an error of ours. */
function readPickle(bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = decodePlainPickle(bytes);
  } catch (error) {
    if (!(error instanceof NotPlain)) throw error;
  }
  tolerate(() => stringifyJson(value));
}

/** Pickles that are described, and frames that are repaired, byte for byte. */
export function bytesTarget(): Target {
  return {
    name: 'bytes',
    make: (random) => mutateBytes(random.pick(BYTES), random).toString('base64'),
    read(text) {
      const bytes = Buffer.from(text, 'base64');
      tolerate(() => describePickle(bytes));
      readPickle(bytes);
      tolerate(() => readPlain(bytes));
      // In three pieces, as a socket has them.
      const cut = Math.floor(bytes.length / 3);
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut, 2 * cut), bytes.subarray(2 * cut)].map((piece) => Buffer.from(piece));
      const source: ByteSource = { read: () => pieces.shift() ?? null };
      repairTables(source);
      for (let reads = 0; reads < 4; reads += 1) source.read();
    },
  };
}
