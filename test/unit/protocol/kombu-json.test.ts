import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { hasLongDigitRun, parseJson, stringifyJson } from '../../../src/protocol/kombu-json.js';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.js';

/** The code of the ProtocolError that a call throws. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseJson', () => {
  it('reads what JSON.parse reads as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        // Integers that a double cannot hold are the one difference, and tested by themselves.
        fc.pre(!hasLongDigitRun(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps integers beyond 2^53 exact and leaves all others numbers', () => {
    expect(parseJson('[9007199254740991, 9007199254740992, 9007199254740993, 18446744073709551616, -1180591620717411303424]')).toEqual([
      9007199254740991,
      9007199254740992n,
      9007199254740993n,
      18446744073709551616n,
      -1180591620717411303424n,
    ]);
    expect(parseJson('12345678901234567890.5')).toBe(12345678901234567000);
    expect(parseJson('[0.12345678901234567, 1e400, 1732176000.123456]')).toEqual([0.12345678901234566, Infinity, 1732176000.123456]);
    expect(parseJson('"12345678901234567890"')).toBe('12345678901234567890');
  });

  it('reads the bare words that Python writes for what is not a number', () => {
    expect(parseJson('[NaN, Infinity, -Infinity, {"a": NaN}]')).toEqual([Number.NaN, Infinity, -Infinity, { a: Number.NaN }]);
  });

  it('lets lone surrogates pass, by either parser', () => {
    expect(parseJson('"\\ud800"')).toBe('\ud800');
    expect(parseJson('["\\ud800", NaN]')).toEqual(['\ud800', Number.NaN]);
  });

  it('revives each of the typed values of kombu 5.3 and later', () => {
    const [datetime, date, time, decimal, uuid, bytes, binary] = parseJson(
      `[{"__type__": "datetime", "__value__": "2024-01-02T03:04:05.600000+00:00"}, {"__type__": "date", "__value__": "2024-01-02"},
        {"__type__": "time", "__value__": "03:04:05"}, {"__type__": "decimal", "__value__": "1.10"},
        {"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678", "version": 4}},
        {"__type__": "bytes", "__value__": "abc"}, {"__value__": "//4=", "__type__": "base64"}]`,
    ) as [DateTime, PlainDate, PlainTime, Decimal, Uuid, Buffer, Buffer];
    expect(datetime).toBeInstanceOf(DateTime);
    expect(datetime).toBeInstanceOf(Date);
    expect(datetime.toISOString()).toBe('2024-01-02T03:04:05.600Z');
    expect(date).toBeInstanceOf(PlainDate);
    expect(time).toBeInstanceOf(PlainTime);
    expect(decimal).toBeInstanceOf(Decimal);
    expect(uuid).toBeInstanceOf(Uuid);
    expect([date, time, decimal, uuid].map(String)).toEqual(['2024-01-02', '03:04:05', '1.10', '12345678-1234-5678-1234-567812345678']);
    expect(bytes).toEqual(Buffer.from('abc'));
    expect(binary).toEqual(Buffer.from([0xff, 0xfe]));
  });

  it('revives inside of a text that needs its own parser, too', () => {
    expect(parseJson('[NaN, {"__type__": "bytes", "__value__": "abc"}]')).toEqual([Number.NaN, Buffer.from('abc')]);
  });

  it('leaves a pair of unknown type, of unfit value, or with a third key as plain data', () => {
    for (const text of [
      '{"__type__":"nope","__value__":1}',
      '{"__type__":"datetime","__value__":"soon"}',
      '{"__type__":"datetime","__value__":7}',
      '{"__type__":"uuid","__value__":null}',
      '{"__type__":"decimal","__value__":"1,5"}',
      '{"__type__":"constructor","__value__":1}',
      '{"__type__":{},"__value__":1}',
      '{"__type__":"bytes","__value__":"abc","more":1}',
      '{"__type__":"bytes"}',
    ]) {
      expect(parseJson(text)).toEqual(JSON.parse(text));
      expect(parseJson(`[${text},NaN]`)).toEqual([JSON.parse(text), Number.NaN]);
    }
  });

  it('never lets a text reach a prototype', () => {
    for (const text of [
      '{"__proto__": {"polluted": 1}}',
      '{"__proto__": {"polluted": 1}, "x": NaN}',
      '{"constructor": {"prototype": {"polluted": 1}}, "x": NaN}',
    ]) {
      const value = parseJson(text) as Record<string, unknown>;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(value['polluted']).toBeUndefined();
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      expect(stringifyJson(value)).toContain('polluted');
    }
  });

  it('refuses nesting deeper than 200 levels, however it is written', () => {
    const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
    expect(parseJson(nested('[', ']', 200))).toBeDefined();
    expect(parseJson(`[${nested('[', ']', 199)}, NaN]`)).toBeDefined();
    expect(codeOf(() => parseJson(nested('[', ']', 201)))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    expect(codeOf(() => parseJson(`[NaN,${nested('[', ']', 200)}]`))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    expect(codeOf(() => parseJson(`${'{"a":'.repeat(201)}1${'}'.repeat(201)}`))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    expect(codeOf(() => parseJson('['.repeat(5_000_000)))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    expect(codeOf(() => parseJson('[NaN,'.repeat(1_000_000)))).toBe('CTQ_PROTOCOL_TOO_LARGE');
  });

  it('does not take many brackets, or brackets in strings, for depth', () => {
    const rows = JSON.stringify(Array.from({ length: 1000 }, (_, row) => [row, { row }]));
    expect(parseJson(rows)).toEqual(JSON.parse(rows));
    const brackets = JSON.stringify(['['.repeat(500), '\\"['.repeat(300), '{"'.repeat(300)]);
    expect(parseJson(brackets)).toEqual(JSON.parse(brackets));
  });

  it('refuses integers longer than Python takes', () => {
    expect(parseJson('9'.repeat(4300))).toBe(BigInt('9'.repeat(4300)));
    expect(codeOf(() => parseJson('9'.repeat(4301)))).toBe('CTQ_PROTOCOL_TOO_LARGE');
  });

  it('says where a text is wrong, in the words of Python', () => {
    const messages = [
      '',
      '[1,]',
      '{"a" 1}',
      '{a: 1}',
      '[1 2]',
      '"abc',
      '[1]x',
      '{"a":1,\n "b":}',
      'nul',
      '-',
      '01',
      '"a\u0001b"',
      '[1,2',
    ].map((text) => {
      try {
        return parseJson(text);
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages).toEqual([
      'Expecting value: line 1 column 1 (char 0)',
      'Expecting value: line 1 column 4 (char 3)',
      "Expecting ':' delimiter: line 1 column 6 (char 5)",
      'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
      "Expecting ',' delimiter: line 1 column 4 (char 3)",
      'Unterminated string starting at: line 1 column 1 (char 0)',
      'Extra data: line 1 column 4 (char 3)',
      'Expecting value: line 2 column 6 (char 13)',
      'Expecting value: line 1 column 1 (char 0)',
      'Expecting value: line 1 column 1 (char 0)',
      'Extra data: line 1 column 2 (char 1)',
      'Invalid control character or escape in the string: line 1 column 1 (char 0)',
      "Expecting ',' delimiter: line 1 column 5 (char 4)",
    ]);
  });

  it('ends every text in a value or a ProtocolError', () => {
    const alphabet = fc.constantFrom(
      ...'{}[]",:\\ \n0123456789.-+eE'.split(''),
      'NaN',
      'Infinity',
      'null',
      'true',
      '"a"',
      '"__type__"',
      '\\u00',
      'é',
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), (parts) => {
        try {
          parseJson(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('hasLongDigitRun', () => {
  it('agrees with a regular expression on 200,000 random strings', () => {
    const random = numbers(7);
    for (let round = 0; round < 200_000; round++) {
      let text = '';
      for (let part = random() * 6; part > 0; part--) text += random() < 0.5 ? '8'.repeat(random() * 20) : 'x'.repeat(random() * 20);
      if (hasLongDigitRun(text) !== /\d{16}/.test(text)) expect.fail(text);
    }
  });
});

describe('stringifyJson', () => {
  it('writes what parseJson reads back, whatever the value', () => {
    const leaf = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.bigInt({ min: 2n ** 53n }),
      fc.bigInt({ max: -(2n ** 53n) }),
      fc.double(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(
        new DateTime('2024-01-02T03:04:05.000006'),
        new PlainDate('0001-01-01'),
        new PlainTime('23:59:59.5'),
        new Decimal('-1.10'),
        new Uuid('0'.repeat(32)),
      ),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree')), fc.dictionary(fc.string({ unit: 'grapheme' }), tie('tree'))),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = stringifyJson(value);
        expect(stringifyJson(parseJson(text))).toBe(text);
        expect(normal(parseJson(text))).toEqual(normal(value));
      }),
    );
  });

  it('has what it reads under the name __proto__ as under any other, and makes nobody’s prototype of it', () => {
    const value = parseJson('{"__proto__": {"__type__": "bytes", "__value__": ""}, "a": {"__proto__": {"polluted": 1}}}') as Record<
      string,
      object
    >;
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')?.value).toEqual(Buffer.alloc(0));
    expect([Object.getPrototypeOf(value), Object.getPrototypeOf(value['a'])]).toEqual([Object.prototype, Object.prototype]);
    expect('polluted' in {}).toBe(false);
  });

  it('writes plain data exactly as JSON.stringify', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/-0\b|\d{16}/.test(text) && !containsNegativeZero(value));
        expect(stringifyJson(value)).toBe(text);
      }),
    );
  });

  it('writes big integers in digits and what is not a number in words', () => {
    expect(stringifyJson([2n ** 70n, -(2n ** 64n), 5n, Number.NaN, Infinity, -Infinity, -0])).toBe(
      '[1180591620717411303424,-18446744073709551616,5,NaN,Infinity,-Infinity,-0.0]',
    );
  });

  it('writes typed values as kombu 5.6 does', () => {
    const written = stringifyJson([
      new DateTime('2024-01-02T03:04:05'),
      new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 600)),
      new PlainDate('2024-01-02'),
      new PlainTime('03:04:05'),
      new Uuid('12345678-1234-5678-1234-567812345678'),
      new Decimal('1.10'),
      Buffer.from('abc'),
      Uint8Array.of(0xff, 0xfe),
    ]);
    expect(JSON.parse(written)).toEqual([
      { __type__: 'datetime', __value__: '2024-01-02T03:04:05' },
      { __type__: 'datetime', __value__: '2024-01-02T03:04:05.600000+00:00' },
      { __type__: 'date', __value__: '2024-01-02' },
      { __type__: 'time', __value__: '03:04:05' },
      { __type__: 'uuid', __value__: { hex: '12345678123456781234567812345678' } },
      { __type__: 'decimal', __value__: '1.10' },
      { __type__: 'bytes', __value__: 'abc' },
      { __type__: 'base64', __value__: '//4=' },
    ]);
  });

  it('writes typed values as strings for readers with kombu 5.2, and refuses bytes as it does', () => {
    const values = [
      new DateTime('2024-01-02T03:04:05'),
      new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 600)),
      new PlainDate('2024-01-02'),
      new PlainTime('03:04:05'),
    ];
    expect(JSON.parse(stringifyJson(values, 'plain'))).toEqual([
      '2024-01-02T03:04:05',
      '2024-01-02T03:04:05.600000Z',
      '2024-01-02T00:00:00',
      '03:04:05',
    ]);
    expect(JSON.parse(stringifyJson([new Uuid('0'.repeat(32)), new Decimal('1.10')], 'plain'))).toEqual([
      '00000000-0000-0000-0000-000000000000',
      '1.10',
    ]);
    expect(() => stringifyJson([Buffer.from('abc')], 'plain')).toThrow('Object of type bytes is not JSON serializable');
  });

  it('refuses what JSON cannot hold, in the words of Python', () => {
    class Thing {
      readonly [Symbol.toStringTag] = 'Thing';
    }
    const refused: readonly (readonly [unknown, string])[] = [
      [new Set([1]), 'Set'],
      [() => 1, 'function'],
      [Symbol('x'), 'symbol'],
      [new TypeError('x'), 'TypeError'],
      [/x/, 'RegExp'],
      [Promise.resolve(), 'Promise'],
      [new WeakMap(), 'WeakMap'],
      [new Float64Array(1), 'Float64Array'],
      [new Thing(), 'Thing'],
    ];
    for (const [value, name] of refused) {
      for (const place of [value, [value], { a: [{ b: value }] }]) {
        expect(() => stringifyJson(place)).toThrow(`Object of type ${name} is not JSON serializable`);
        expect(codeOf(() => stringifyJson(place))).toBe('CTQ_PROTOCOL_UNENCODABLE');
      }
    }
    expect(() => stringifyJson(new Date(Number.NaN))).toThrow('Invalid Date is not JSON serializable');
  });

  it('refuses to invent a typed value that Python would choke on', () => {
    const pair = { __type__: 'nope', __value__: 1 };
    expect(codeOf(() => stringifyJson({ deep: [pair] }))).toBe('CTQ_PROTOCOL_UNENCODABLE');
    expect(stringifyJson({ ...pair, third: 1 })).toBe('{"__type__":"nope","__value__":1,"third":1}');
    expect(stringifyJson({ __type__: 'date', __value__: '2024-01-02' })).toBe('{"__type__":"date","__value__":"2024-01-02"}');
    expect(stringifyJson(pair, 'plain')).toBe('{"__type__":"nope","__value__":1}');
  });

  it('treats undefined as JSON.stringify does', () => {
    expect(stringifyJson(undefined)).toBe('null');
    expect(JSON.parse(stringifyJson({ a: undefined, b: [undefined, 1n] }))).toEqual({ b: [null, 1] });
    expect(stringifyJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it('asks an object for its own JSON form, once', () => {
    class Signature {
      toJSON(): unknown {
        return { task: 'tasks.mul', args: [2n ** 64n] };
      }
    }
    expect(stringifyJson([new Signature()])).toBe('[{"task":"tasks.mul","args":[18446744073709551616]}]');
    const itself = { value: 1, toJSON: (): unknown => itself };
    expect(() => stringifyJson(itself)).toThrow('Circular reference');
  });

  it('writes maps, class instances and boxed values as objects and scalars', () => {
    class Point {
      readonly x = 1;
      readonly y = 2n;
    }
    expect(
      stringifyJson(
        new Map<unknown, unknown>([
          ['a', 1],
          [1, 'b'],
          [1.5, 'c'],
          [null, 'd'],
          [true, 'e'],
          [2n, 'f'],
        ]),
      ),
    ).toBe('{"a":1,"1":"b","1.5":"c","null":"d","true":"e","2":"f"}');
    expect(() => stringifyJson(new Map([[{}, 1]]))).toThrow('keys must be str, int, float, bool or None, not Object');
    expect(stringifyJson([new Point(), Object(1), Object('s'), Object(true)])).toBe('[{"x":1,"y":2},1,"s",true]');
    expect(stringifyJson(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('{"a":1}');
  });

  it('refuses cycles and endless depth instead of overflowing the stack', () => {
    const cycle: unknown[] = [1];
    cycle.push({ cycle });
    expect(() => stringifyJson(cycle)).toThrow('Circular reference detected');
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(codeOf(() => stringifyJson(deep))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    const shared = { a: 1n };
    expect(stringifyJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  it('keeps a key __proto__ a key', () => {
    expect(stringifyJson(parseJson('{"__proto__": 1, "big": 9007199254740993}'))).toBe('{"__proto__":1,"big":9007199254740993}');
  });
});

function containsNegativeZero(value: unknown): boolean {
  if (Object.is(value, -0)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(containsNegativeZero);
}

/** Equal for values that mean the same: numbers for small BigInts, texts for typed values. */
function normal(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  // A double beyond 2^53 goes out in the digits that JavaScript prints, and comes back as that integer.
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21 ? BigInt(String(value)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof DateTime) return `datetime ${value.isoText}`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  if (value instanceof PlainDate || value instanceof PlainTime || value instanceof Decimal || value instanceof Uuid)
    return `typed ${String(value)}`;
  if (Array.isArray(value)) return value.map(normal);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normal(item)]));
}

/** Random numbers below 1 that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
