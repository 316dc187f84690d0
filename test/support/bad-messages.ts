/** Messages that are wrong, each in one way, as they lie in a Redis list (WIRE 5 shows which of these end a Python worker). */
import { randomUUID } from 'node:crypto';
import { deflateSync } from 'node:zlib';

type Json = Record<string, unknown>;

interface Parts {
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly envelope?: Json;
  readonly properties?: unknown;
}

/** A good `tasks.add` message with some parts replaced; `undefined` removes one. */
function message(parts: Parts = {}): string {
  const id = randomUUID();
  const headers = {
    lang: 'py',
    task: 'tasks.add',
    id,
    root_id: id,
    parent_id: null,
    retries: 0,
    eta: null,
    expires: null,
    timelimit: [null, null],
    argsrepr: '(1, 2)',
    kwargsrepr: '{}',
    origin: 'gen1@test',
  };
  const properties = {
    correlation_id: id,
    reply_to: randomUUID(),
    delivery_mode: 2,
    delivery_info: { exchange: '', routing_key: 'celery' },
    priority: 0,
    body_encoding: 'base64',
    delivery_tag: randomUUID(),
  };
  const body = 'body' in parts ? parts.body : [[1, 2], {}, { callbacks: null, errbacks: null, chain: null, chord: null }];
  return JSON.stringify({
    body: Buffer.from(JSON.stringify(body) ?? '').toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: 'headers' in parts ? merge(headers, parts.headers) : headers,
    properties: 'properties' in parts ? merge(properties, parts.properties) : properties,
    ...parts.envelope,
  });
}

/** Objects are merged in, anything else takes the place of the whole. */
function merge(base: Json, change: unknown): unknown {
  return typeof change === 'object' && change !== null && !Array.isArray(change) ? { ...base, ...change } : change;
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** name → the raw list item. Each is no good task call; none may do more harm than be put aside. */
export const BAD: Readonly<Record<string, string | Buffer>> = {
  'an empty item': '',
  'a word': 'hello',
  'half an object': '{"body": "W1',
  'a number': '17',
  null: 'null',
  'a list': '[1, 2, 3]',
  'a string': '"text"',
  'an empty object': '{}',
  'bytes that are no UTF-8': Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28]),
  'a pickle': Buffer.from('gASVCgAAAAAAAAB9lIwBYZRLAXMu', 'base64'),
  'NaN for an envelope': 'NaN',
  'brackets 100,000 deep': deep(100_000),
  'an object 50,000 deep': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
  'a body that is a number': message({ envelope: { body: 5 } }),
  'a body that is null': message({ envelope: { body: null } }),
  'a body that is an object': message({ envelope: { body: { a: 1 } } }),
  'a body of wrong base64': message({ envelope: { body: '!!!not base64!!!' } }),
  'an empty body': message({ envelope: { body: '' } }),
  'a body that is no JSON': message({ envelope: { body: base64('{not json') } }),
  'a body cut in the middle': message({ envelope: { body: base64('[[1, 2], {}, {"callb') } }),
  'a body nested 100,000 deep': message({ envelope: { body: base64(`[[${deep(100_000)}], {}, {}]`) } }),
  'a body of two elements': message({ body: [[1, 2], {}] }),
  'a body of four elements': message({ body: [[1, 2], {}, {}, {}] }),
  'a body that is a string': message({ body: 'text' }),
  'a body that is an empty list': message({ body: [] }),
  'args null': message({ body: [null, {}, {}] }),
  'args a string': message({ body: ['ab', {}, {}] }),
  'args a number': message({ body: [5, {}, {}] }),
  'kwargs null': message({ body: [[1, 2], null, {}] }),
  'kwargs a list': message({ body: [[1, 2], [1], {}] }),
  'kwargs a number': message({ body: [[1, 2], 7, {}] }),
  'callbacks a number': message({ body: [[1, 2], {}, { callbacks: 5 }] }),
  'a callback that is null': message({ body: [[1, 2], {}, { callbacks: [null] }] }),
  'a callback without a task': message({ body: [[1, 2], {}, { callbacks: [{ args: [] }] }] }),
  'a chain that is a string': message({ body: [[1, 2], {}, { chain: 'x' }] }),
  'a chain of numbers': message({ body: [[1, 2], {}, { chain: [1, 2] }] }),
  'content type pickle': message({ envelope: { 'content-type': 'application/x-python-serialize', 'content-encoding': 'binary' } }),
  'content type unknown': message({ envelope: { 'content-type': 'application/x-nonsense' } }),
  'content type missing': message({ envelope: { 'content-type': undefined } }),
  'content type a number': message({ envelope: { 'content-type': 5 } }),
  'yaml with a Python tag': message({
    envelope: { 'content-type': 'application/x-yaml', body: base64('!!python/object/apply:os.system ["true"]') },
  }),
  'msgpack that is none': message({
    envelope: { 'content-type': 'application/x-msgpack', 'content-encoding': 'binary', body: base64(Buffer.from([0xc1, 0xff])) },
  }),
  'headers null': message({ headers: null }),
  'headers a list': message({ headers: [1] }),
  'headers a string': message({ headers: 'x' }),
  'headers empty and a foreign body': message({ envelope: { headers: {} }, body: { hello: 'world' } }),
  'task header null': message({ headers: { task: null } }),
  'task header a number': message({ headers: { task: 5 } }),
  'task header an object': message({ headers: { task: { a: 1 } } }),
  'task name empty': message({ headers: { task: '' } }),
  'an unknown task': message({ headers: { task: 'tasks.nowhere' } }),
  'a task named __proto__': message({ headers: { task: '__proto__' } }),
  'a task named constructor': message({ headers: { task: 'constructor' } }),
  'id missing': message({ headers: { id: undefined } }),
  'id null': message({ headers: { id: null } }),
  'id a number': message({ headers: { id: 5 } }),
  'id an object': message({ headers: { id: {} } }),
  'an id with line breaks and escapes': message({
    headers: { id: 'a\n[2026-01-01 00:00:00,000: ERROR/MainProcess] forged\u001b[31m', task: 'tasks.nowhere2' },
  }),
  'eta that is no date': message({ headers: { eta: 'tomorrow' } }),
  'eta empty': message({ headers: { eta: '' } }),
  'eta a number': message({ headers: { eta: 5 } }),
  'eta in month 13': message({ headers: { eta: '2030-13-45T99:99:99' } }),
  'expires that is no date': message({ headers: { expires: 'yesterday' } }),
  'expires empty': message({ headers: { expires: '' } }),
  'compression unknown': message({ headers: { compression: 'application/x-nothing' } }),
  'compression a number': message({ headers: { compression: 5 } }),
  'gzip that is none': message({ headers: { compression: 'application/x-gzip' } }),
  'a bomb: 300 MB in 300 KB': message({
    headers: { compression: 'application/x-gzip' },
    envelope: {
      body: deflateSync(Buffer.concat([Buffer.from('["'), Buffer.alloc(300_000_000, 0x61), Buffer.from('"]')])).toString('base64'),
    },
  }),
  'properties missing and headers null': message({ envelope: { properties: undefined }, headers: null }),
  'properties a string': message({ envelope: { properties: 'x' }, headers: { task: 'tasks.nowhere3' } }),
  'delivery_info a number, unknown task': message({ properties: { delivery_info: 5 }, headers: { task: 'tasks.nowhere4' } }),
  'delivery_tag an object, unknown task': message({ properties: { delivery_tag: {} }, headers: { task: 'tasks.nowhere5' } }),
  'too many arguments': message({ body: [[1, 2, 3, 4], {}, {}] }),
  'an argument nobody knows': message({ body: [[1, 2], { 'no such': 1 }, {}] }),
};

/** Faults that Celery shrugs off, and so do we: the task runs. */
export const ODD_BUT_GOOD: Readonly<Record<string, string>> = {
  'embed null': message({ body: [[1, 2], {}, null] }),
  'embed empty': message({ body: [[1, 2], {}, {}] }),
  'retries a string': message({ headers: { retries: '0' } }),
  'content encoding missing': message({ envelope: { 'content-encoding': undefined } }),
  'no properties': message({ envelope: { body: '[[1, 2], {}, {}]', properties: undefined } }),
  'embed a string': message({ body: [[1, 2], {}, 'x'] }),
  'retries an object': message({ headers: { retries: {} } }),
  'timelimit a string': message({ headers: { timelimit: 'x' } }),
  'timelimit of strings': message({ headers: { timelimit: ['a', 'b'] } }),
  'no delivery tag': message({ properties: { delivery_tag: undefined } }),
  'no delivery info': message({ properties: { delivery_info: undefined } }),
  'plain text body': message({ envelope: { body: '[[1, 2], {}, {}]' }, properties: { body_encoding: undefined } }),
  'body_encoding utf-8': message({ envelope: { body: '[[1, 2], {}, {}]' }, properties: { body_encoding: 'utf-8' } }),
  'an eta of JavaScript, long ago': message({ headers: { eta: '2020-01-02T03:04:05.678Z', lang: 'js' } }),
  'an eta without zone, long ago': message({ headers: { eta: '2020-01-02T03:04:05' } }),
  'unknown extras everywhere': message({
    headers: { 'x-more': [1] },
    properties: { more: 1 },
    envelope: { more: 1 },
    body: [[1, 2], {}, { more: 1 }],
  }),
};
