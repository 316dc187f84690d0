import { describe, expect, it } from 'vitest';
import { DateTime, Decimal, isTypedPair, PlainDate, PlainTime, reviveTyped, Uuid } from '../../../src/protocol/typed-values.js';

describe('DateTime', () => {
  it('is a Date that writes back what it read', () => {
    const date = new DateTime('2024-01-02T03:04:05.678901+02:00');
    expect(date.toISOString()).toBe('2024-01-02T01:04:05.678Z');
    expect(date.isoText).toBe('2024-01-02T03:04:05.678901+02:00');
    expect([date.offsetS, date.naive, date.extraMicroseconds]).toEqual([7200, false, 901]);
    expect(JSON.stringify(date)).toBe('"2024-01-02T01:04:05.678Z"');
  });

  it('lies in UTC when it is naive', () => {
    const date = new DateTime('2024-01-02T03:04:05');
    expect(date.naive).toBe(true);
    expect(date.getTime()).toBe(Date.UTC(2024, 0, 2, 3, 4, 5));
  });

  it('writes the instant it was moved to, and its own text again when it is moved back', () => {
    const date = new DateTime('2024-01-02T03:04:05.000007');
    date.setUTCFullYear(2025);
    expect(date.isoText).toBe('2025-01-02T03:04:05+00:00');
    date.setUTCFullYear(2024);
    expect(date.isoText).toBe('2024-01-02T03:04:05.000007');
  });
});

describe('the other classes', () => {
  it('print and serialise as text', () => {
    const values = [
      new PlainDate('0987-06-05'),
      new PlainTime('03:04:05.000006+01:00'),
      new Decimal('-1.10E+5'),
      new Uuid('ABCDEF00-0000-0000-0000-000000000001'),
    ];
    const texts = ['0987-06-05', '03:04:05.000006+01:00', '-1.10E+5', 'abcdef00-0000-0000-0000-000000000001'];
    expect(values.map(String)).toEqual(texts);
    expect(JSON.parse(JSON.stringify(values))).toEqual(texts);
  });

  it('know their parts', () => {
    expect(new PlainDate('2024-02-29')).toMatchObject({ year: 2024, month: 2, day: 29 });
    expect(new PlainTime('03:04:05.000006+01:00')).toMatchObject({ hour: 3, minute: 4, second: 5, microsecond: 6, offsetS: 3600 });
    expect(['1.10', '-Infinity', 'NaN', 'sNaN12', '1e3', '.5', 'inf'].map((text) => new Decimal(text).toNumber())).toEqual([
      1.1,
      -Infinity,
      Number.NaN,
      Number.NaN,
      1000,
      0.5,
      Infinity,
    ]);
  });

  it.each([
    ['DateTime', (text: string) => new DateTime(text), ['', 'x', '2024-02-30', '03:04']],
    ['PlainDate', (text: string) => new PlainDate(text), ['', '2024', '2024-13-01']],
    ['PlainTime', (text: string) => new PlainTime(text), ['', '25:00', '3:4:5', '2024-01-02']],
    ['Decimal', (text: string) => new Decimal(text), ['', '1,5', '1.2.3', 'e5', '0x10', '1'.repeat(5000), ' 1']],
    ['Uuid', (text: string) => new Uuid(text), ['', '123', 'g'.repeat(32), `${'0'.repeat(32)}0`]],
  ] as const)('%s refuses texts that are none', (_name, make, texts) => {
    for (const text of texts) expect(() => make(text), text).toThrow(RangeError);
  });
});

describe('reviveTyped', () => {
  it('takes exactly two keys for a pair', () => {
    expect(isTypedPair({ __type__: 'x', __value__: 1 })).toBe(true);
    expect(isTypedPair({ __type__: 'x', __value__: 1, more: 1 })).toBe(false);
    expect(isTypedPair(Object.create({ __type__: 'x', __value__: 1 }) as object)).toBe(false);
  });

  it('gives the same object back for what is none', () => {
    for (const object of [
      {},
      { __type__: 'toString', __value__: 1 },
      { __type__: '__proto__', __value__: {} },
      { __type__: 'base64', __value__: 1 },
    ]) {
      expect(reviveTyped(object)).toBe(object);
    }
  });
});
