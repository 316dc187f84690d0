import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePlainPickle, encodePlainPickle, NotPlain } from '../../../src/protocol/plain-pickle.js';
import { runPython } from '../../support/python-celery.js';
import { describeWith } from '../../support/requires.js';
import { computingMs } from '../../support/undisturbed.js';

const VALUES = [
  ...[null, true, false, 0, 1, -1, 127, 128, -128, -129, 255, 256, 65_535, 65_536, -(2 ** 31), 2 ** 53 - 1, -(2n ** 63n), 2n ** 70n],
  ...[
    1.5,
    -0.1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    'ü日本\u0000',
    'x'.repeat(300),
    [],
    {},
    [[1, ['a']], null],
    { a: { b: [1] }, ü: '' },
  ],
  { __proto__x: 1, exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' },
];

describe('plain pickles', () => {
  it('come back as they were written', () => {
    for (const value of VALUES) expect(decodePlainPickle(encodePlainPickle(value))).toEqual(value);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON has no -0 either.
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(decodePlainPickle(encodePlainPickle(plain))).toEqual(plain);
      }),
    );
  });

  it('become no prototype of anything', () => {
    const read = decodePlainPickle(encodePlainPickle(JSON.parse('{"__proto__": {"x": 1}}'))) as Record<string, unknown>;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__']);
  });

  it.each([
    ['a call', "cos\nsystem\n(S'true'\ntR."],
    ['a class', '\x80\x04\x8c\x08datetime\x8c\x08datetime\x93.'],
    ['nothing', ''],
    ['half a text', '\x80\x02X\x05\x00\x00\x00ab'],
    ['an item without a list', '\x80\x02K\x01a.'],
    ['a list within itself', '\x80\x02]q\x00h\x00a.'],
    ['more levels than anybody could walk through', `\x80\x02${']'.repeat(100_000)}${'a'.repeat(99_999)}.`],
    ['a key that is a number', '\x80\x02}K\x01K\x02s.'],
  ])('are no plain ones with %s', (_what, text) => {
    expect(() => decodePlainPickle(Buffer.from(text, 'latin1'))).toThrow(NotPlain);
  });

  it('may hold a number of a megabyte, and are read at once all the same', () => {
    const [head, bytes] = [Buffer.from([0x80, 2, 0x8b, 0, 0, 0x10, 0]), Buffer.alloc(1_048_576, 7)];
    const tookMs = computingMs(() => expect(typeof decodePlainPickle(Buffer.concat([head, bytes, Buffer.from('.')]))).toBe('bigint'));
    expect(tookMs).toBeLessThan(5_000);
  });

  it('hold nothing that JSON does not', () => {
    for (const value of [Symbol('x'), () => 1, new Uint8Array(2)]) expect(() => encodePlainPickle(value)).toThrow(/cannot be kept/);
  });
});

describeWith('python', 'plain pickles and Python', () => {
  it('mean the same to both', async () => {
    const ours = VALUES.map((value) => Buffer.from(encodePlainPickle(value)).toString('hex'));
    const theirs = (await runPython(
      `
      import pickle
      values = [pickle.loads(bytes.fromhex(one)) for one in ${JSON.stringify(ours)}]
      result = [[repr(value) for value in values], [[pickle.dumps(value, protocol).hex() for value in values] for protocol in range(2, 6)]]
      `,
      { broker: 'memory://' },
    )) as [string[], string[][]];
    expect(theirs[0].slice(0, 20)).toEqual([
      ...['None', 'True', 'False', '0', '1', '-1', '127', '128', '-128', '-129', '255', '256', '65535', '65536', '-2147483648'],
      ...['9007199254740991', '-9223372036854775808', '1180591620717411303424', '1.5', '-0.1'],
    ]);
    for (const pickles of theirs[1]) {
      expect(pickles.map((hex) => decodePlainPickle(Buffer.from(hex, 'hex')))).toEqual(VALUES);
    }
  });
});
