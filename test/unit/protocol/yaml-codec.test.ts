import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { DateTime, PlainDate, PlainTime } from '../../../src/protocol/typed-values.js';
import { decodeYaml, encodeYaml } from '../../../src/protocol/yaml-codec.js';

describe('decodeYaml', () => {
  it('resolves words as PyYAML does', () => {
    expect(decodeYaml('{n: y, N: Y, yes: no, "on": off, "~": ~, empty: , t: True}')).toEqual({
      n: 'y',
      N: 'Y',
      true: false,
      on: false,
      '~': null,
      empty: null,
      t: true,
    });
    expect(decodeYaml('[1e5, 1.0e+5, 0x10, 010, 1_000, .inf, -.INF, 1:30, 0b11, 1.5]')).toEqual([
      '1e5',
      100000,
      16,
      8,
      1000,
      Infinity,
      -Infinity,
      90,
      3,
      1.5,
    ]);
    expect(decodeYaml('.nan')).toBeNaN();
  });

  it('keeps integers exact', () => {
    expect(decodeYaml('[9007199254740991, 9007199254740992, -1180591620717411303424]')).toEqual([
      9007199254740991,
      9007199254740992n,
      -1180591620717411303424n,
    ]);
    expect(() => decodeYaml('9'.repeat(4301))).toThrow('an integer of 4301 digits');
  });

  it('reads the dates and bytes that PyYAML writes', () => {
    const [naive, aware, date, bytes] = decodeYaml(
      '- 2024-01-02 03:04:05.600007\n- 2024-01-02 03:04:05+02:00\n- 2024-01-02\n- !!binary |\n  //4=\n',
    ) as [DateTime, DateTime, PlainDate, Buffer];
    expect(naive.naive).toBe(true);
    expect(naive.isoText).toBe('2024-01-02 03:04:05.600007');
    expect(aware.toISOString()).toBe('2024-01-02T01:04:05.000Z');
    expect(date).toBeInstanceOf(PlainDate);
    expect(bytes).toEqual(Buffer.from([0xff, 0xfe]));
    expect(decodeYaml('2024-13-99')).toBe('2024-13-99');
  });

  it('shares values through aliases, as safe_dump writes them', () => {
    expect(decodeYaml('- &id001\n  - 1\n- *id001\n')).toEqual([[1], [1]]);
  });

  it.each([
    ['a tag that makes Python objects', '!!python/object/apply:os.system ["x"]', 'CTQ_PROTOCOL_MALFORMED'],
    ['a tag of its own', '!mine {}', 'CTQ_PROTOCOL_MALFORMED'],
    ['an alias inside of its own anchor', '&a [*a]', 'CTQ_PROTOCOL_MALFORMED'],
    ['more than a hundred aliases', `- &a x\n${'- *a\n'.repeat(101)}`, 'CTQ_PROTOCOL_MALFORMED'],
    ['nesting beyond 200 levels', `${'['.repeat(201)}${']'.repeat(201)}`, 'CTQ_PROTOCOL_MALFORMED'],
    [
      'aliases that pile up depth',
      Array.from({ length: 90 }, (_, i) => `a${i}: &a${i} [[[${i === 0 ? '1' : `*a${i - 1}`}]]]`).join('\n'),
      'CTQ_PROTOCOL_TOO_LARGE',
    ],
    ['an open bracket', '[1', 'CTQ_PROTOCOL_MALFORMED'],
    ['nothing', '', 'CTQ_PROTOCOL_MALFORMED'],
    ['two documents', 'a: 1\n---\nb: 2', 'CTQ_PROTOCOL_MALFORMED'],
    ['a duplicate key', '{a: 1, a: 2}', 'CTQ_PROTOCOL_MALFORMED'],
    ['a list for a key', '{[1]: 2}', 'CTQ_PROTOCOL_MALFORMED'],
  ])('refuses %s', (_what, text, code) => {
    try {
      decodeYaml(text);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).code).toBe(code);
      expect((error as ProtocolError).message).not.toContain('\n');
      return;
    }
    expect.fail('was read');
  });

  it('refuses a bomb of aliases without unfolding it', () => {
    const levels = 'abcdefgh'.split('').map(
      (name, index) =>
        `${name}: &${name} [${Array(9)
          .fill(index === 0 ? 'lol' : `*${'abcdefgh'[index - 1]}`)
          .join(', ')}]`,
    );
    expect(() => decodeYaml(levels.join('\n'))).toThrow('YAML aliases unfold to more than a million values');
  });

  it('knows no merge keys and keeps __proto__ a key', () => {
    expect(decodeYaml('{<<: {a: 1}}')).toEqual({ '<<': { a: 1 } });
    const value = decodeYaml('__proto__: {polluted: 1}') as Record<string, unknown>;
    expect(value['polluted']).toBeUndefined();
    expect(Object.keys(value)).toEqual(['__proto__']);
  });
});

describe('encodeYaml', () => {
  it('writes block style with sorted keys', () => {
    expect(encodeYaml({ b: [1, { c: null }], a: 'x' })).toBe('a: x\nb:\n  - 1\n  - c: null\n');
  });

  it('writes typed values that YAML has words for, and refuses the others', () => {
    const value = [new DateTime('2024-01-02T03:04:05'), new Date(0), new PlainDate('2024-01-02'), Buffer.from([0xff, 0xfe]), 2n ** 70n];
    expect(encodeYaml(value)).toBe(
      '- 2024-01-02T03:04:05\n- 1970-01-01T00:00:00.000Z\n- 2024-01-02\n- !!binary //4=\n- 1180591620717411303424\n',
    );
    expect(() => encodeYaml([new Set()])).toThrow("can not serialize 'Set' object");
    expect(() => encodeYaml([() => 1])).toThrow("can not serialize 'function' object");
    expect(() => encodeYaml([new Error('x')])).toThrow("can not serialize 'Error' object");
    expect(() => encodeYaml(new Date(Number.NaN))).toThrow("can not serialize 'Date' object");
    expect(encodeYaml([new PlainTime('03:04:05')])).toBe("- '03:04:05'\n");
  });

  it('refuses cycles and endless depth', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encodeYaml(cycle)).toThrow('Circular reference detected');
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = [deep];
    expect(() => encodeYaml(deep)).toThrow('nested deeper than 200 levels');
  });

  it('quotes what PyYAML would not read as the same string', () => {
    for (const text of [
      'yes',
      'No',
      'null',
      '~',
      '1',
      '1.5',
      '0x10',
      '2024-01-02',
      '.nan',
      '1:30',
      '',
      ' a',
      'a: b',
      '# x',
      '- x',
      '*a',
      '&a',
      '!x',
      '%x',
      '@x',
      '`x',
      '{',
      '[',
      'a\nb',
      '\t',
      '\ud83d\ude00',
      '\u2028',
      '\x00',
      "it's",
      '"q"',
      '=',
      '<<',
    ]) {
      expect(decodeYaml(encodeYaml({ [text]: text }))).toEqual({ [text]: text });
    }
  });
});
