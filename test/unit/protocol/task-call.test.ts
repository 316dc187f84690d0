import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { decompress } from '../../../src/protocol/compression.js';
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.js';
import { readJson } from '../../../src/protocol/json-reader.js';
import { parseJson } from '../../../src/protocol/kombu-json.js';
import type { Message } from '../../../src/protocol/message.js';
import { acceptedContent, deserialize } from '../../../src/protocol/serializers.js';
import { encodeTaskMessage, encodeTaskMessageV1, type TaskCall } from '../../../src/protocol/task-call.js';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.js';
import {
  type CaptureEntry,
  CELERY_VERSIONS,
  capturedMessage,
  capturedMessages,
  type CeleryVersion,
  readCapture,
} from '../../support/captures.js';

type Options = Omit<TaskCall, 'id' | 'task' | 'args' | 'nowMs' | 'origin' | 'replyTo'>;
type Call = readonly [task: string, args: readonly unknown[], options?: Options];

const signature = (task: string, args: readonly unknown[], immutable = false): object => ({
  task,
  args,
  kwargs: {},
  options: {},
  subtask_type: null,
  immutable,
});
const add = (options: Options = {}): Call => ['tasks.add', [1, 2], options];

/** The call in JavaScript for every recorded call that is no canvas, by its title. */
const CALLS: Readonly<Record<string, Call>> = {
  'plain positional args': add(),
  'keyword args': ['tasks.echo', [], { kwargs: { a: 1, b: [1, 2, { c: null }], d: true } }],
  'args and kwargs': ['tasks.echo', [1, 'two', 3.5, null, true], { kwargs: { key: 'v' } }],
  'empty args': ['tasks.echo', []],
  'send_task by name, unregistered in client': ['other.task', [1], { kwargs: { k: 2 } }],
  'custom task id': add(),
  'countdown (UTC, default)': add({ countdown: 60 }),
  'countdown 0': add({ countdown: 0 }),
  'eta aware UTC': add({ eta: new DateTime('2030-01-02T03:04:05.678901+00:00') }),
  'eta aware +02:00': add({ eta: '2030-01-02T03:04:05+02:00' }),
  'eta naive': add({ eta: '2030-01-02T03:04:05' }),
  'countdown with timezone=Europe/Paris': add({ countdown: 60 }),
  'countdown with enable_utc=False': add({ countdown: 60 }),
  'expires seconds': add({ expires: 120 }),
  'expires float seconds': add({ expires: 1.5 }),
  'expires datetime': add({ expires: new Date(Date.UTC(2030, 0, 2, 3, 4, 5)) }),
  'expires in the past': add({ expires: '2020-01-02T03:04:05+00:00' }),
  'priority 0': add({ priority: 0 }),
  'priority 1': add({ priority: 1 }),
  'priority 2': add({ priority: 2 }),
  'priority 3': add({ priority: 3 }),
  'priority 5': add({ priority: 5 }),
  'priority 6': add({ priority: 6 }),
  'priority 8': add({ priority: 8 }),
  'priority 9': add({ priority: 9 }),
  'priority 10': add({ priority: 10 }),
  'priority 255': add({ priority: 255 }),
  'queue option (missing queue auto-created)': add(),
  'routing_key only (no exchange) on direct': add(),
  'kombu Queue bound to direct exchange': add(),
  'kombu Queue bound to topic exchange': add(),
  'task_routes dict': add({ priority: 6 }),
  'task_routes glob': add(),
  'task_default_queue renamed': add(),
  'shadow name': add({ shadow: 'pretty-name' }),
  'compression zlib': add({ compression: 'zlib' }),
  'compression gzip': add({ compression: 'gzip' }),
  'compression bzip2': add({ compression: 'bzip2' }),
  'compression lzma': add({ compression: 'lzma' }),
  'serializer yaml': ['tasks.echo', [1, 'x', [1, { a: null }]], { kwargs: { k: 1.5 }, serializer: 'yaml' }],
  'serializer msgpack': ['tasks.echo', [1, 'x', Buffer.from([0, 0xff]), [1, { a: null }]], { kwargs: { k: 1.5 }, serializer: 'msgpack' }],
  'custom headers': add({ headers: { 'x-trace': 'abc', n: 5 } }),
  'unknown extra publish options become properties': add({ properties: { message_id: 'mid-1', app_id: 'appx' } }),
  'link one callback': add({ link: signature('tasks.mul', [10]) }),
  'link two callbacks': add({ link: [signature('tasks.mul', [10]), signature('tasks.ident', ['immutable'], true)] }),
  link_error: add({ linkError: signature('tasks.errback', []) }),
  'link and link_error in signature options': add({ link: [signature('tasks.mul', [3])], linkError: [signature('tasks.errback', [])] }),
  'ignore_result option': add({ ignoreResult: true }),
  'ignore_result on the task': ['tasks.ignored', [], { ignoreResult: true }],
  'time_limit and soft_time_limit': add({ timeLimit: 30, softTimeLimit: 20 }),
  'only soft_time_limit': add({ softTimeLimit: 1.5 }),
  'task-level time limits (class attribute not in message)': ['tasks.hard', [], { timeLimit: 2 }],
  'unicode args': ['tasks.echo', ['héllo 你好 😀'], { kwargs: { k: 'ü' } }],
  'string with quotes and control characters': ['tasks.echo', ['a"b\'c\\d\n\t\x00\u2028']],
  'lone surrogate': ['tasks.echo', ['\ud800']],
  'integers beyond 2**53 and negative': ['tasks.echo', [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n, -(2n ** 70n), 10n ** 30n]],
  floats: ['tasks.echo', [1, 0.1, 1e100, 1e-7, -0, 1e22, 123456789012345680]],
  'NaN and Infinity': ['tasks.echo', [Number.NaN, Infinity, -Infinity]],
  'datetime args': [
    'tasks.echo',
    [
      new DateTime('2024-01-02T03:04:05'),
      new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 600)),
      new PlainDate('2024-01-02'),
      new PlainTime('03:04:05'),
    ],
  ],
  'uuid and Decimal args': ['tasks.echo', [new Uuid('12345678-1234-5678-1234-567812345678'), new Decimal('1.10')]],
  'bytes args': ['tasks.echo', [Buffer.from('abc'), Buffer.from([0xff, 0xfe])]],
  'tuple args become lists': [
    'tasks.echo',
    [
      [1, 2],
      [3, [4]],
    ],
  ],
  'non-string dict keys': [
    'tasks.echo',
    [
      new Map<unknown, unknown>([
        [1, 'b'],
        [null, 'c'],
        [1.5, 'd'],
      ]),
    ],
  ],
  'long argsrepr truncated at 1024': ['tasks.echo', ['x'.repeat(3000), Array.from({ length: 500 }, (_, index) => index)]],
  'argsrepr/kwargsrepr overrides': [
    'tasks.echo',
    [1],
    { kwargs: { password: 'secret' }, argsrepr: '(1,)', kwargsrepr: "{'password': '***'}" },
  ],
  'deeply nested args (repr limited to 3 levels)': ['tasks.echo', [[[[[[1]]]]], { a: { b: { c: { d: 1 } } } }]],
  'reply_to given': add(),
  'origin option': add(),
  'root_id and parent_id given': add({ rootId: 'root-1', parentId: 'parent-1' }),
  task_send_sent_event: add({ countdown: 3 }),
  'retry re-publish as seen in the queue (signature_from_request)': [
    'tasks.retry_me',
    [1],
    { countdown: 10, retries: 1, link: [signature('tasks.mul', [2])], headers: { 'x-user': 'v' } },
  ],
  'stamped: sig.stamp(stamp="value")': add({ stampedHeaders: ['stamp'], stamps: { stamp: 'value' } }),
  'stamped: two stamps, list value': add({ stampedHeaders: ['a', 'b'], stamps: { a: ['x', 'y'], b: 1 } }),
  'stamped_headers passed to apply_async': add({ stampedHeaders: ['foo'], stamps: { foo: 'bar' } }),
};

/** Where JavaScript cannot say the same: it has no tuples, and one kind of number. */
const OTHER_REPR: Readonly<Record<string, string>> = {
  'send_task by name, unregistered in client': '(1,)',
  floats: '(1, 0.1, 1e+100, 1e-07, -0.0, 1e+22, 123456789012345680)',
  'tuple args become lists': '([1, 2], [3, [4]])',
};

/** What Celery 5.2 does not write yet. */
const NEW_HEADERS = ['replaced_task_nesting', 'stamped_headers', 'stamps'];

/** Celery lets these options leak into the properties, too; nobody reads them there. */
const LEAKED = new Set(['argsrepr', 'kwargsrepr', 'origin', 'replaced_task_nesting']);

function entries(version: CeleryVersion): readonly (readonly [string, CaptureEntry, Call])[] {
  return readCapture(`messages-${version}`).flatMap((entry) => {
    const call = CALLS[entry.what];
    return call === undefined || capturedMessages(entry).length === 0 ? [] : [[entry.what, entry, call] as const];
  });
}

/** Our message for a recorded call, with the identities and the clock of the recording. */
async function ours(theirs: Message, [task, args, options = {}]: Call, encode = encodeTaskMessage): Promise<Message> {
  const { headers, properties } = theirs;
  const v1 = headers['task'] === undefined ? (body(theirs) as Record<string, unknown>) : headers;
  const nowMs =
    options.countdown !== undefined && options.countdown > 0
      ? Date.parse(v1['eta'] as string) - options.countdown * 1000
      : Date.parse((v1['expires'] as string | null) ?? '2026-11-21T00:00:00Z') - Number(properties.expiration ?? 0);
  const call = {
    id: v1['id'] as string,
    task,
    args,
    nowMs,
    origin: headers['origin'] as string,
    replyTo: properties.replyTo as string,
    ...options,
  };
  const message = await encode(call);
  return decodeEnvelope(
    encodeEnvelope(message, { deliveryTag: properties.deliveryTag as string, deliveryInfo: properties.deliveryInfo as never }),
  );
}

/** The body, typed values left as they are on the wire. */
function body(message: Message, bytes = message.body): unknown {
  const { contentType } = message;
  if (contentType === 'application/json') return readJson(Buffer.from(bytes).toString('utf8'), { typedValues: 'keep', number: readNumber });
  return deserialize({ ...message, body: bytes }, acceptedContent(['yaml', 'msgpack']));
}

/** Python keeps 123456789012345680.0 a float, JavaScript writes it as the integer it is: one double for both. */
function readNumber(digits: string): number | bigint {
  return digits.endsWith('e+17') || digits === '123456789012345680' ? Number(digits) : (parseJson(digits) as number | bigint);
}

async function comparable(message: Message): Promise<unknown> {
  const { headers, properties } = message;
  const compression = headers['compression'] as string | undefined;
  const bytes = compression === undefined ? message.body : await decompress(compression, message.body);
  const { extra = {}, ...known } = properties;
  const kept = Object.entries(extra).filter(([name]) => !LEAKED.has(name));
  return {
    ...message,
    headers: { ...headers, lang: '', eta: toMilliseconds(headers['eta']), expires: toMilliseconds(headers['expires']) },
    properties: { ...known, extra: Object.fromEntries(kept) },
    body: withMilliseconds(body(message, bytes)),
  };
}

/** Python's clock counts microseconds, ours milliseconds. */
function toMilliseconds(text: unknown): unknown {
  return typeof text === 'string' ? text.replace(/(\.\d{3})\d{3}/, '$1') : text;
}

/** Protocol 1 has the dates in the body. */
function withMilliseconds(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload;
  const { eta, expires } = payload as Record<string, unknown>;
  return { ...payload, eta: toMilliseconds(eta), expires: toMilliseconds(expires) };
}

describe('encodeTaskMessage', () => {
  it('has a call for every recorded message that is no canvas', () => {
    const canvas = /chain|group|chord|map|starmap|chunks|signature|link is stamped|protocol 1/;
    const others =
      /queue_order steps|not stored|priority \(set before|task_queue_max_priority|_compression|pickle|not serialisable|as argument|empty|type topic/;
    const missing = readCapture('messages-5.6').filter(({ what }) => !(what in CALLS) && !canvas.test(what) && !others.test(what));
    expect(missing.map(({ what }) => what)).toEqual([]);
    const compared = new Set(entries('5.6').map(([what]) => what));
    expect(Object.keys(CALLS).filter((what) => !compared.has(what))).toEqual([]);
  });

  it.each(entries('5.6'))('writes what Celery 5.6 writes: %s', async (what, entry, call) => {
    const theirs = decodeEnvelope(capturedMessage(entry));
    const expected = (await comparable(theirs)) as { headers: Record<string, unknown> };
    if (what in OTHER_REPR) expected.headers['argsrepr'] = OTHER_REPR[what];
    expect(await comparable(await ours(theirs, call))).toEqual(expected);
  });

  it.each(entries('5.2'))('writes what Celery 5.2 writes, and the newer headers: %s', async (what, entry, [task, args, options]) => {
    const theirs = decodeEnvelope(capturedMessage(entry));
    const expected = (await comparable(theirs)) as { headers: Record<string, unknown> };
    const actual = (await comparable(await ours(theirs, [task, args, { ...options, typedValues: 'plain' }]))) as typeof expected;
    for (const name of NEW_HEADERS) delete actual.headers[name];
    if (what in OTHER_REPR) expected.headers['argsrepr'] = OTHER_REPR[what];
    expect(actual).toEqual(expected);
  });

  it('keeps the order of keys that Python writes', async () => {
    const theirs = decodeEnvelope(capturedMessage(readCapture('messages-5.6')[0] as CaptureEntry));
    const { headers } = await ours(theirs, add());
    expect(Object.keys(headers)).toEqual(Object.keys(theirs.headers));
  });

  it('writes the same YAML as PyYAML, character for character', async () => {
    const entry = readCapture('messages-5.6').find(({ what }) => what === 'serializer yaml') as CaptureEntry;
    const theirs = decodeEnvelope(capturedMessage(entry));
    const message = await ours(theirs, CALLS['serializer yaml'] as Call);
    expect(Buffer.from(message.body).toString()).toBe(Buffer.from(theirs.body).toString());
  });

  const call = (options: Options): TaskCall => ({
    id: 'x',
    task: 't',
    args: [],
    nowMs: Date.UTC(2026, 10, 21),
    origin: 'gen1@h',
    replyTo: 'o',
    ...options,
  });

  it('is a promise only for a compression that has to be loaded', async () => {
    expect(encodeTaskMessage(call({}))).not.toBeInstanceOf(Promise);
    expect(encodeTaskMessage(call({ compression: 'zlib' }))).not.toBeInstanceOf(Promise);
    const loaded = encodeTaskMessage(call({ compression: 'bzip2' }));
    expect(loaded).toBeInstanceOf(Promise);
    expect((await loaded).headers['compression']).toBe('application/x-bz2');
  });

  it('writes delivery modes by number and by name', () => {
    const modes = (['transient', 1, 'persistent', 2, undefined] as const).map((deliveryMode) => {
      const message = encodeTaskMessage(call({ deliveryMode })) as Message;
      return message.properties.deliveryMode;
    });
    expect(modes).toEqual([1, 1, 2, 2, 2]);
  });

  it('lets custom headers override, as Celery does, but never the prototype', () => {
    const headers = JSON.parse('{"shadow": "s", "__proto__": {"polluted": 1}}') as Record<string, unknown>;
    const message = encodeTaskMessage(call({ headers })) as Message;
    expect(message.headers['shadow']).toBe('s');
    expect(message.headers['polluted']).toBeUndefined();
  });

  it.each<[string, Options]>([
    ['a countdown that is no number', { countdown: Number.NaN }],
    ['an endless countdown', { countdown: Infinity }],
    ['a countdown beyond the year 9999', { countdown: 1e12 }],
    ['an eta that is no date', { eta: 'tomorrow' }],
    ['an empty eta', { eta: '' }],
    ['an invalid Date', { eta: new Date(Number.NaN) }],
    ['expires that is no date', { expires: '2026-13-01' }],
    ['an unknown serializer', { serializer: 'xml' }],
    ['pickle', { serializer: 'pickle' }],
    ['an unknown compression', { compression: 'rar' }],
    ['arguments that cannot be written', { kwargs: { f: () => 1 } }],
    ['headers that cannot be written in a link', { link: new Set() }],
  ])('refuses %s before anything is sent', (_what, options) => {
    const error = (() => {
      try {
        return encodeTaskMessage(call(options));
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'CTQ_PROTOCOL_UNENCODABLE' });
  });
});

describe('encodeTaskMessageV1', () => {
  const calls: Readonly<Record<string, Call>> = {
    'task protocol 1': add(),
    'task protocol 1 with options': add({
      countdown: 60,
      expires: 90,
      link: signature('tasks.mul', [2]),
      linkError: signature('tasks.errback', []),
      timeLimit: 5,
      priority: 6,
      headers: { x: 1 },
    }),
  };

  it.each(CELERY_VERSIONS.flatMap((version) => Object.entries(calls).map(([what, call]) => [version, what, call] as const)))(
    'writes what Celery %s writes: %s',
    async (version, what, call) => {
      const theirs = decodeEnvelope(
        capturedMessage(readCapture(`messages-${version}`).find((entry) => entry.what === what) as CaptureEntry),
      );
      const message = await ours(theirs, call, encodeTaskMessageV1);
      expect(await comparable(message)).toEqual(await comparable(theirs));
    },
  );
});
