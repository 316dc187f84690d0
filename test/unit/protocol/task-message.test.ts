import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { compress } from '../../../src/protocol/compression.js';
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.js';
import { parseJson, stringifyJson } from '../../../src/protocol/kombu-json.js';
import type { Message } from '../../../src/protocol/message.js';
import { acceptedContent, JSON_CONTENT } from '../../../src/protocol/serializers.js';
import { encodeTaskMessage } from '../../../src/protocol/task-call.js';
import {
  type DecodeTaskOptions,
  decodeTaskMessage,
  peekTask,
  type TaskMessage,
  TaskMessageError,
} from '../../../src/protocol/task-message.js';
import { type CaptureEntry, CELERY_VERSIONS, capturedMessages, readCapture } from '../../support/captures.js';

const accept = acceptedContent(['json', 'yaml', 'msgpack']);

function message(headers: Record<string, unknown>, body: unknown, change: Partial<Message> = {}): Message {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(stringifyJson(body));
  return { headers, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: bytes, ...change };
}

const v2 = { task: 'tasks.add', id: 'x' };

function decode(from: Message, options: Partial<DecodeTaskOptions> = {}): TaskMessage {
  return decodeTaskMessage(from, { accept, ...options }) as TaskMessage;
}

/** What is wrong with a message: class and words. */
async function faultOf(from: Message, options: Partial<DecodeTaskOptions> = {}): Promise<string> {
  try {
    await decodeTaskMessage(from, { accept, ...options });
  } catch (error) {
    if (error instanceof TaskMessageError) return `${error.fault}: ${error.message}`;
    throw error;
  }
  return 'fine';
}

describe('decodeTaskMessage', () => {
  it.each(CELERY_VERSIONS)('reads every message recorded from Celery %s', async (version) => {
    let read = 0;
    for (const entry of readCapture(`messages-${version}`)) {
      for (const text of capturedMessages(entry)) {
        const envelope = decodeEnvelope(text);
        if (entry.what === 'serializer pickle') {
          expect(await faultOf(envelope)).toBe(
            'invalid: Refusing to deserialize untrusted content of type pickle (application/x-python-serialize)',
          );
          continue;
        }
        const task = await decodeTaskMessage(envelope, { accept });
        expect(task.id).toBe(envelope.properties.correlationId);
        expect(task.task).toMatch(/^(tasks|other|celery|tests?|__main__|[a-z_]+)\.\w+$/);
        read++;
      }
    }
    expect(read).toBeGreaterThan(130);
  });

  it.each(CELERY_VERSIONS)('reads the recorded bodies of Celery %s as they were decoded there', (version) => {
    for (const entry of readCapture(`messages-${version}`)) {
      const lists = (entry.redis ?? []).filter(({ type, decoded_bodies }) => type === 'list' && decoded_bodies?.length === 1);
      for (const { value, decoded_bodies } of lists) {
        const bodyText = (decoded_bodies as readonly string[])[0] as string;
        const envelope = decodeEnvelope((value as string[])[0] as string);
        if (envelope.contentType !== 'application/json' || !bodyText.startsWith('[') || envelope.headers['compression'] !== undefined)
          continue;
        const [args, kwargs, embed] = parseJson(bodyText) as [unknown, unknown, Record<string, unknown>];
        const task = decode(envelope);
        expect(task).toMatchObject({ args, kwargs, callbacks: embed['callbacks'], errbacks: embed['errbacks'], chain: embed['chain'] });
        expect(task.chord).toEqual(embed['chord']);
      }
    }
  });

  it('reads what ctq wrote', () => {
    const call = {
      id: 'x',
      task: 'tasks.add',
      args: [1, 2n ** 70n, new Date(5)],
      kwargs: { k: Number.NaN },
      nowMs: 0,
      origin: 'gen1@h',
      replyTo: 'oid',
      countdown: 3,
      expires: 1.5,
      retries: 2,
      timeLimit: 30,
      softTimeLimit: 20,
      link: { task: 'a' },
      chain: [{ task: 'b' }],
      chord: { task: 'c' },
      groupId: 'g',
      groupIndex: 4,
      parentId: 'p',
      shadow: 's',
      ignoreResult: true,
      replacedTaskNesting: 1,
      stampedHeaders: ['st'],
      stamps: { st: 1 },
      headers: { 'x-own': 1 },
    };
    const task = decode(decodeEnvelope(encodeEnvelope(encodeTaskMessage(call) as Message)));
    expect(task).toMatchObject({
      id: 'x',
      task: 'tasks.add',
      kwargs: { k: Number.NaN },
      callbacks: [{ task: 'a' }],
      errbacks: null,
      chain: [{ task: 'b' }],
      chord: { task: 'c' },
      retries: 2,
      eta: '1970-01-01T00:00:03+00:00',
      etaMs: 3000,
      expires: '1970-01-01T00:00:01.500000+00:00',
      expiresMs: 1500,
      timelimit: [30, 20],
      rootId: 'x',
      parentId: 'p',
      group: 'g',
      groupIndex: 4,
      shadow: 's',
      ignoreResult: true,
      kwargsrepr: "{'k': nan}",
      origin: 'gen1@h',
      replacedTaskNesting: 1,
      stampedHeaders: ['st'],
      stamps: { st: 1 },
      utc: true,
    });
    expect(task.args.slice(0, 2)).toEqual([1, 2n ** 70n]);
    expect((task.args[2] as Date).getTime()).toBe(5);
    expect(task.headers['x-own']).toBe(1);
  });

  it('reads the smallest message that runs, with the defaults of Celery', () => {
    expect(decode(message(v2, [[4, 5], {}, {}]))).toEqual({
      id: 'x',
      task: 'tasks.add',
      args: [4, 5],
      kwargs: {},
      callbacks: null,
      errbacks: null,
      chain: null,
      chord: null,
      retries: 0,
      eta: null,
      etaMs: null,
      expires: null,
      expiresMs: null,
      timelimit: [null, null],
      rootId: 'x',
      parentId: null,
      group: null,
      groupIndex: null,
      shadow: null,
      ignoreResult: false,
      argsrepr: '',
      kwargsrepr: '',
      origin: null,
      replacedTaskNesting: 0,
      stampedHeaders: null,
      stamps: {},
      utc: true,
      headers: v2,
    });
  });

  it('reads protocol 1, whose body holds everything', () => {
    const body = {
      task: 'tasks.add',
      id: 'p1',
      args: [4, 'x'],
      kwargs: { k: 1 },
      retries: 1,
      eta: '2030-01-02T03:04:05',
      expires: null,
      utc: false,
      callbacks: [{ task: 'a' }],
      errbacks: null,
      timelimit: [5, null],
      taskset: 'g',
      group: null,
      chord: null,
    };
    expect(decode(message({ 'x-own': 1 }, body))).toMatchObject({
      id: 'p1',
      task: 'tasks.add',
      args: [4, 'x'],
      kwargs: { k: 1 },
      retries: 1,
      etaMs: Date.UTC(2030, 0, 2, 3, 4, 5),
      callbacks: [{ task: 'a' }],
      chain: null,
      timelimit: [5, null],
      group: 'g',
      argsrepr: "(4, 'x')",
      kwargsrepr: "{'k': 1}",
      utc: false,
      rootId: 'p1',
      headers: { 'x-own': 1 },
    });
  });

  it('reads the hybrid: headers of protocol 2 win, the body of protocol 1 has the rest', () => {
    const body = { args: [4], kwargs: { y: 5 }, callbacks: [{ task: 'a' }], retries: 7, eta: '2030-01-02T03:04:05Z', id: 'other' };
    expect(decode(message({ ...v2, retries: 1 }, body))).toMatchObject({
      id: 'x',
      args: [4],
      kwargs: { y: 5 },
      callbacks: [{ task: 'a' }],
      chain: null,
      retries: 1,
      eta: '2030-01-02T03:04:05Z',
    });
  });

  it('tolerates what a Python worker tolerates', () => {
    expect(decode(message(v2, [{ a: 1, b: 2 }, {}, {}])).args).toEqual(['a', 'b']);
    expect(decode(message(v2, [[1], {}, null])).callbacks).toBeNull();
    expect(decode(message({ ...v2, retries: '3' }, [[], {}, {}])).retries).toBe(3);
    expect(decode(message({ ...v2, retries: 'many' }, [[], {}, {}])).retries).toBe(0);
    expect(decode(message({ ...v2, timelimit: 'x', group: 7, stamps: [], stamped_headers: 'x', extra: {} }, [[], {}, {}]))).toMatchObject({
      timelimit: [null, null],
      group: null,
      stamps: {},
      stampedHeaders: null,
    });
    expect(decode(message(v2, [[], {}, { callbacks: { task: 'a' }, unknown: 1 }])).callbacks).toEqual([{ task: 'a' }]);
    expect(decode(message(v2, '[[{"__type__": "nope", "__value__": 1}, 2], {}, {}]')).args).toEqual([
      { __type__: 'nope', __value__: 1 },
      2,
    ]);
  });

  it('reads a plain body the quick way and the whole way to the same task', () => {
    for (const args of [
      '[]',
      '[1, 2]',
      '["a\\"]", [[]], {"b": null}]',
      '[NaN]',
      '[12345678901234567890]',
      '[[1], {}, {"callbacks": null}]',
    ]) {
      for (const [comma, colon] of [
        [', ', ': '],
        [',', ':'],
      ] as const) {
        const embed = ['callbacks', 'errbacks', 'chain', 'chord'].map((name) => `"${name}"${colon}null`).join(comma);
        const quick = decode(message(v2, `[${args}${comma}{}${comma}{${embed}}]`));
        const whole = decode(message(v2, ` [${args}${comma}{}${comma}{${embed}}]`));
        expect(quick).toEqual(whole);
        expect(quick.args).toEqual(parseJson(args));
      }
    }
  });

  it('is not misled by a body that only ends like a plain one', async () => {
    const end = ', {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]';
    expect(await faultOf(message(v2, `[[1], 2${end}`))).toBe('invalid: the body is not [args, kwargs, embed]');
    expect(await faultOf(message(v2, `[[1${end}`))).toMatch(/^undecodable: /);
    expect(await faultOf(message(v2, `[[1]]${end}`))).toMatch(/^undecodable: Extra data/);
  });

  it('reads compressed bodies, at once or when the codec is there', async () => {
    for (const name of ['zlib', 'brotli', 'bzip2', 'xz', 'zstd']) {
      const { header, body } = await compress(name, Buffer.from('[[1], {}, {}]'));
      const decoded = decodeTaskMessage({ ...message({ ...v2, compression: header }, ''), body }, { accept });
      expect((await decoded).args).toEqual([1]);
    }
  });

  it.each<[string, Message, string]>([
    ['no task anywhere', message({}, [[], {}, {}]), 'unknown: neither headers nor body name a task'],
    ['a body that is a number and no task header', message({}, 7), 'unknown: neither headers nor body name a task'],
    ['a body object without a task', message({ id: 'x' }, { args: [] }), 'unknown: neither headers nor body name a task'],
    ['a task header that is null', message({ task: null, id: 'x' }, [[], {}, {}]), 'unknown: the task header is not a name'],
    ['a task header that is a list', message({ task: [], id: 'x' }, [[], {}, {}]), 'unknown: the task header is not a name'],
    ['no id', message({ task: 't' }, [[], {}, {}]), 'invalid: the message has no task id'],
    ['an empty id', message({ task: 't', id: '' }, [[], {}, {}]), 'invalid: the message has no task id'],
    ['an id that is no text', message({ task: 't', id: {} }, [[], {}, {}]), 'invalid: the message has no task id'],
    ['protocol 1 without an id', message({}, { task: 't', args: [] }), 'invalid: the message has no task id'],
    ['a body of two elements', message(v2, [[], {}]), 'invalid: the body is not [args, kwargs, embed]'],
    ['a body of four elements', message(v2, [[], {}, {}, {}]), 'invalid: the body is not [args, kwargs, embed]'],
    ['an object for a body', message(v2, {}), 'invalid: the body is not [args, kwargs, embed]'],
    ['null for a body', message(v2, null), 'invalid: the body is not [args, kwargs, embed]'],
    ['kwargs that are null', message(v2, [[], null, {}]), 'invalid: Task keyword arguments must be a mapping'],
    ['kwargs that are a list', message(v2, [[], [], {}]), 'invalid: Task keyword arguments must be a mapping'],
    [
      'kwargs that are a typed value',
      message(v2, '[[], {"__type__": "date", "__value__": "2024-01-02"}, {}]'),
      'invalid: Task keyword arguments must be a mapping',
    ],
    ['args that are null', message(v2, [null, {}, {}]), 'invalid: Task arguments must be a list'],
    ['args that are text', message(v2, ['ab', {}, {}]), 'invalid: Task arguments must be a list'],
    ['a body that is not JSON', message(v2, 'nonsense'), 'undecodable: Expecting value: line 1 column 1 (char 0)'],
    ['an empty body', message(v2, ''), 'undecodable: Expecting value: line 1 column 1 (char 0)'],
    ['a body that is not UTF-8', message(v2, '', { body: Uint8Array.of(0x5b, 0xff) }), 'undecodable: body is not UTF-8'],
    ['a body nested too deep', message(v2, `[${'['.repeat(300)}${']'.repeat(300)}, {}, {}]`), 'undecodable: nested deeper than 200 levels'],
    ['no content type', message(v2, [[], {}, {}], { contentType: '' }), 'invalid: the message has no content type'],
    ['raw bytes', message(v2, 'x', { contentType: 'application/data' }), 'invalid: the body is not [args, kwargs, embed]'],
    [
      'an unknown compression',
      message({ ...v2, compression: 'application/x-rar' }, 'x'),
      "undecodable: unknown compression 'application/x-rar'",
    ],
    ['a compression that is no name', message({ ...v2, compression: { a: 1 } }, 'x'), "undecodable: unknown compression {'a': 1}"],
    [
      'damaged zlib data',
      message({ ...v2, compression: 'application/x-gzip' }, 'no zlib'),
      'undecodable: body is not application/x-gzip: incorrect header check',
    ],
    [
      'damaged bzip2 data',
      message({ ...v2, compression: 'application/x-bz2' }, 'no bzip2'),
      'undecodable: body is not application/x-bz2: damaged bzip2 data (status -5)',
    ],
    [
      'msgpack that ends early',
      message(v2, '', { contentType: 'application/x-msgpack', body: Uint8Array.of(0x93, 0x91) }),
      'undecodable: not msgpack: Max length exceeded: array length (3) > maxArrayLength (2)',
    ],
    [
      'YAML that calls Python',
      message(v2, '!!python/object/apply:os.system ["x"]', { contentType: 'application/x-yaml' }),
      'undecodable: not YAML: unknown sequence tag !<tag:yaml.org,2002:python/object/apply:os.system> (1:1)',
    ],
  ])('names the fault in a message with %s', async (_what, from, fault) => {
    expect(await faultOf(from)).toBe(fault);
  });

  it('calls refused content invalid, or undecodable where only the body could name the task', async () => {
    const yaml = { contentType: 'application/x-yaml' };
    const words = 'Refusing to deserialize untrusted content of type yaml (application/x-yaml)';
    expect(await faultOf(message(v2, [[], {}, {}], yaml), { accept: JSON_CONTENT })).toBe(`invalid: ${words}`);
    expect(await faultOf(message({}, { task: 't' }, yaml), { accept: JSON_CONTENT })).toBe(`undecodable: ${words}`);
  });

  it.each([
    'not-a-date',
    '',
    '2030-13-01T00:00:00',
    '2030-02-30',
    '2030-01-01T25:00:00',
    '0000-01-01T00:00:00',
    '99999-01-01',
    7,
    true,
    {},
    [],
    '2030-01-02T03:04:05+25:00',
    '2030-01-02T03:04:05 nonsense',
  ])('takes an eta or expires of %j for an invalid message, never for "now"', async (value) => {
    expect(await faultOf(message({ ...v2, eta: value }, [[], {}, {}]))).toMatch(/^invalid: invalid ETA value /);
    expect(await faultOf(message({ ...v2, expires: value }, [[], {}, {}]))).toMatch(/^invalid: invalid expires value /);
  });

  it('keeps an eta at the end of time at the end of time', () => {
    const eta = (text: string): number | null => decode(message({ ...v2, eta: text }, [[], {}, {}])).etaMs;
    expect(eta('9999-12-31T23:59:59-14:00')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59) + 14 * 3_600_000);
    expect(eta('9999-12-31T23:59:59.999999+00:00')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59, 999));
    expect(eta('0001-01-01T00:00:00+14:00')).toBeLessThan(Date.UTC(1, 0, 1));
  });

  it('reads a date without an offset in the time zone it is told, and in UTC by default', () => {
    const headers = { ...v2, eta: '2030-07-02T12:00:00' };
    expect(decode(message(headers, [[], {}, {}])).etaMs).toBe(Date.UTC(2030, 6, 2, 12));
    expect(decode(message(headers, [[], {}, {}]), { timezone: 'Europe/Paris' }).etaMs).toBe(Date.UTC(2030, 6, 2, 10));
  });

  it('refuses bodies beyond the limit, inflated or not', async () => {
    const limits = { maxBytes: 1000 };
    expect(await faultOf(message(v2, [['x'.repeat(1000)], {}, {}]), { limits })).toBe('undecodable: body is larger than 1000 bytes');
    for (const name of ['zlib', 'brotli', 'bzip2', 'xz', 'zstd']) {
      const { header, body } = await compress(name, Buffer.alloc(100_000, ' '));
      expect(body.byteLength).toBeLessThan(1000);
      expect(await faultOf(message({ ...v2, compression: header }, '', { body }), { limits })).toBe(
        'undecodable: body is larger than 1000 bytes',
      );
    }
  });
});

/** What a real worker did with a message that is not quite its own (WIRE 5), and what ctq makes of it. */
const INTEROP: Readonly<Record<string, string>> = {
  'no delivery_tag': 'fine',
  'no delivery_info': 'fine',
  // Nothing says that the body is base64, so it is taken for text.
  'no properties': 'undecodable: Expecting value',
  'no content-type': 'invalid: the message has no content type',
  'timelimit missing, retries missing, expires empty string': "invalid: invalid ETA value ''",
  'eta with Z suffix and milliseconds (JavaScript toISOString)': 'fine',
  'naive eta (taken in the worker time zone)': 'fine',
  'null args': 'invalid: Task keyword arguments must be a mapping',
  'args null, kwargs {}': 'invalid: Task arguments must be a list',
  'args an object': 'fine',
  'headers null': 'unknown: neither headers nor body name a task',
  'unknown __type__ in an argument': 'fine',
  'unknown __type__ in a header': 'fine',
  'body is garbage base64': 'the body is not base64',
  'content-encoding missing': 'fine',
  'retries as a string': 'fine',
  'body of two elements': 'invalid: the body is not [args, kwargs, embed]',
  'id missing': 'invalid: the message has no task id',
  'lang js, utf-8 body_encoding': 'fine',
  'not JSON at all': 'the message is not JSON: Expecting value: line 1 column 1 (char 0)',
};

describe.each(CELERY_VERSIONS)('the messages that end or puzzle a worker of Celery %s', (version) => {
  const prefix = 'task message to a Python worker: ';
  const faulty = readCapture(`interop-${version}`).filter(({ what }) => what.startsWith(prefix));

  it('are all here', () => {
    expect(faulty.map(({ what }) => what.slice(prefix.length)).sort()).toEqual(Object.keys(INTEROP).sort());
  });

  it.each(faulty.map((entry) => [entry.what.slice(prefix.length), entry] as const))(
    'are read or refused in one line: %s',
    async (what, entry: CaptureEntry) => {
      const text = entry.redis?.[0]?.value as string;
      let outcome: string;
      try {
        outcome = await faultOf(decodeEnvelope(text));
      } catch (error) {
        outcome = (error as Error).message;
      }
      expect(outcome.startsWith(INTEROP[what] as string), outcome).toBe(true);
      expect(outcome).not.toContain('\n');
    },
  );
});

describe('any text at all', () => {
  const seeds = [...readCapture('messages-5.6'), ...readCapture('messages-5.2')].flatMap(capturedMessages);

  it('is a task or a ProtocolError of one line', async () => {
    const change = fc.record({
      at: fc.nat(3000),
      cut: fc.nat(30),
      put: fc.constantFrom(
        '',
        'x',
        '"',
        '{',
        '[',
        ']',
        '}',
        ',',
        'null',
        '7',
        '{}',
        '[]',
        '\\',
        '\n',
        'NaN',
        '"__proto__":1,',
        '99999999999999999999',
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }), async (seed, changes) => {
        let text = seed;
        for (const { at, cut, put } of changes) text = text.slice(0, at) + put + text.slice(at + cut);
        try {
          await decodeTaskMessage(decodeEnvelope(text), { accept });
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect((error as Error).message).not.toContain('\n');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is a task or a ProtocolError whatever stands in the place of a part', async () => {
    const odd = fc.constantFrom<unknown>(
      null,
      true,
      -1,
      Infinity,
      '',
      'x',
      [],
      {},
      [[]],
      { __type__: 'date', __value__: '2024-01-02' },
      { toString: 1 },
      '9'.repeat(50),
      'two\nlines\u001b[31m',
    );
    const names = ['task', 'id', 'eta', 'expires', 'timelimit', 'retries', 'group', 'stamps', 'compression', 'stamped_headers', 'root_id'];
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), odd),
        fc.array(odd, { maxLength: 4 }),
        odd,
        odd,
        async (headers, body, type, props) => {
          const envelope = {
            body: JSON.stringify(body),
            'content-type': type === null ? 'application/json' : type,
            headers: { task: 't', id: 'x', ...headers },
            properties: props,
          };
          try {
            await decodeTaskMessage(decodeEnvelope(JSON.stringify(envelope)), { accept });
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('peekTask', () => {
  it('knows name, id and dates without touching the body', () => {
    const headers = { ...v2, eta: '2030-01-02T03:04:05Z', expires: '2031-01-02T03:04:05Z' };
    const untouchable = {
      ...message(headers, ''),
      get body(): never {
        throw new Error('touched');
      },
    };
    expect(peekTask(untouchable)).toEqual({ task: 'tasks.add', id: 'x', eta: '2030-01-02T03:04:05Z', expires: '2031-01-02T03:04:05Z' });
    expect(peekTask(message(v2, ''))).toEqual({ task: 'tasks.add', id: 'x', eta: null, expires: null });
  });

  it('knows nothing of protocol 1', () => {
    expect(peekTask(message({}, { task: 't', id: 'x' }))).toBeUndefined();
  });
});
