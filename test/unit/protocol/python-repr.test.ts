import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/protocol/kombu-json.js';
import { argsRepr, kwargsRepr, pythonRepr, pythonTupleRepr, safeRepr } from '../../../src/protocol/python-repr.js';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.js';
import { captureText } from '../../support/captures.js';

interface Vector {
  readonly value: unknown;
  readonly repr: string;
  readonly saferepr: string;
  readonly length: number;
  readonly levels: number;
}

const vectors = parseJson(captureText('python-repr.json')) as Vector[];

describe('pythonRepr', () => {
  it('prints every recorded value as Python does', () => {
    expect(vectors.length).toBeGreaterThan(300);
    for (const { value, repr } of vectors) expect(pythonRepr(value)).toBe(repr);
  });

  it('prints numbers as Python, integers of JavaScript as ints', () => {
    expect([0, -0, 1, -5, 2 ** 53, 2n ** 70n].map(pythonRepr)).toEqual([
      '0',
      '-0.0',
      '1',
      '-5',
      '9007199254740992',
      '1180591620717411303424',
    ]);
    expect([1e21, 1e22, 1e100, 0.1, 1e-4, 1e-5, 1e-7, 1.5e-10].map(pythonRepr).join(' ')).toBe(
      '1e+21 1e+22 1e+100 0.1 0.0001 1e-05 1e-07 1.5e-10',
    );
    expect([Number.NaN, Infinity, -Infinity].map(pythonRepr)).toEqual(['nan', 'inf', '-inf']);
  });

  it('prints the words and containers of Python', () => {
    expect(pythonRepr([null, undefined, true, false, {}, [], { a: [1] }])).toBe("[None, None, True, False, {}, [], {'a': [1]}]");
    expect(
      pythonRepr(
        new Map<unknown, unknown>([
          [1, 'a'],
          [null, 'b'],
        ]),
      ),
    ).toBe("{1: 'a', None: 'b'}");
    expect(pythonRepr(new Set([1, 2]))).toBe('{1, 2}');
    expect(pythonRepr(new Set())).toBe('set()');
  });

  it('prints typed values as Python prints their classes', () => {
    expect(pythonRepr(new DateTime('2024-01-02T03:04:05'))).toBe('datetime.datetime(2024, 1, 2, 3, 4, 5)');
    expect(pythonRepr(new DateTime('2024-01-02T03:04:00'))).toBe('datetime.datetime(2024, 1, 2, 3, 4)');
    expect(pythonRepr(new DateTime('2024-01-02T03:04:00.000007+02:00'))).toBe(
      'datetime.datetime(2024, 1, 2, 3, 4, 0, 7, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))',
    );
    expect(pythonRepr(new DateTime('2024-01-02T03:04:05.600000-05:00'))).toBe(
      'datetime.datetime(2024, 1, 2, 3, 4, 5, 600000, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400)))',
    );
    expect(pythonRepr(new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 600)))).toBe(
      'datetime.datetime(2024, 1, 2, 3, 4, 5, 600000, tzinfo=datetime.timezone.utc)',
    );
    expect(pythonRepr(new PlainDate('2024-01-02'))).toBe('datetime.date(2024, 1, 2)');
    expect(pythonRepr(new PlainTime('03:04:05'))).toBe('datetime.time(3, 4, 5)');
    expect(pythonRepr(new Decimal('1.10'))).toBe("Decimal('1.10')");
    expect(pythonRepr(new Uuid('12345678123456781234567812345678'))).toBe("UUID('12345678-1234-5678-1234-567812345678')");
    expect(pythonRepr(Buffer.from('a\x00\xff\'"\\\n', 'latin1'))).toBe(`b'a\\x00\\xff\\'"\\\\\\n'`);
  });

  it('prints what Python has no word for without failing', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(pythonRepr(cycle)).toBe('[[...]]');
    expect(pythonRepr(() => 1)).toBe('<function <lambda>>');
    expect(pythonRepr(Symbol('x'))).toBe('Symbol(x)');
    expect(pythonRepr(new Error('boom'))).toBe("Error('boom')");
    expect(pythonRepr(/x/)).toBe('<RegExp object>');
    expect(pythonRepr(new Date(Number.NaN))).toBe('<Invalid Date>');
    expect(pythonRepr({ toJSON: () => ({ task: 't' }) })).toBe("{'task': 't'}");
    expect(pythonRepr(new URL('http://h/'))).toBe("'http://h/'");
    let deep: unknown = 1;
    for (let level = 0; level < 50_000; level++) deep = [deep];
    expect(pythonRepr(deep)).toContain('...');
  });
});

describe('safeRepr', () => {
  it('cuts every recorded value where Celery cuts it', () => {
    for (const { value, saferepr, length, levels } of vectors) {
      expect(safeRepr(value, { maxLength: length, maxLevels: levels })).toBe(saferepr);
    }
  });

  it('shows a cycle once', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(safeRepr(cycle)).toBe("{'self': <Recursion on dict>}");
  });

  it('stays fast with what would unfold endlessly', () => {
    let wide: unknown = 'x';
    for (let level = 0; level < 60; level++) wide = [wide, wide, wide];
    expect(safeRepr(wide).length).toBeLessThan(300);
    expect(pythonRepr(wide).length).toBeLessThan(3_000_000);
  });
});

describe('argsRepr and kwargsRepr', () => {
  it('print arguments as a tuple and keywords as a dict', () => {
    expect(argsRepr([])).toBe('()');
    expect(argsRepr(['x'])).toBe("('x',)");
    expect(argsRepr([1, 'two', 3.5, null, true])).toBe("(1, 'two', 3.5, None, True)");
    expect(kwargsRepr({})).toBe('{}');
    expect(kwargsRepr({ k: [1] })).toBe("{'k': [1]}");
    expect(argsRepr([Buffer.from('abc'), Buffer.from([0xff, 0xfe])])).toBe("(b'abc', b'fffe')");
  });

  it('count a tuple as the first level', () => {
    expect(argsRepr([[[[[[1]]]]], { a: { b: { c: { d: 1 } } } }])).toBe("([[[...]]], {'a': {'b': {...}}})");
  });
});

describe('pythonTupleRepr', () => {
  it('writes the comma of a single element', () => {
    expect([[], [1], [1, 'b']].map(pythonTupleRepr)).toEqual(['()', '(1,)', "(1, 'b')"]);
  });
});
