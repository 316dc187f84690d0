import { describe, expect, it } from 'vitest';
import { type CronField, expandField, FIELDS, type FieldRange } from '../../../src/beat/crontab-field.js';
import { beatTable } from '../../support/beat-captures.js';

const RANGES = new Map<string, FieldRange>([
  ['60 0', FIELDS.minute],
  ['7 0', FIELDS.dayOfWeek],
  ['31 1', FIELDS.dayOfMonth],
  ['12 1', FIELDS.monthOfYear],
]);

describe('expandField', () => {
  const table = beatTable('crontab field parser results');

  it('expands every field that Celery 5.6 was recorded with, and refuses what it refused', () => {
    expect(table.length).toBeGreaterThan(30);
    for (const { spec, max, min, result } of table) {
      const range = RANGES.get(`${max} ${min}`) as FieldRange;
      const attempt = (): readonly number[] => expandField(spec as string, range);
      // A weekday is told by its own name, and 7 is Sunday (issue: "0 or 7").
      if (spec === 'may' || spec === 'mar') expect(attempt, `${spec} as a weekday`).toThrow(/day of week/);
      else if (spec === '7') expect(attempt()).toEqual([0]);
      else if (result === undefined) expect(attempt, JSON.stringify(spec)).toThrow(/^crontab: the /);
      else expect(attempt(), JSON.stringify(spec)).toEqual(result);
    }
  });

  it.each<[CronField, readonly number[]]>([
    ['7', [0]],
    ['0-7', [0, 1, 2, 3, 4, 5, 6]],
    ['5-7', [0, 5, 6]],
    ['7-2', [0, 1, 2]],
    ['7-7', [0]],
    ['1-7/2', [0, 1, 3, 5]],
    ['fri-mon', [0, 1, 5, 6]],
    ['Sunday,WED', [0, 3]],
    [7, [0]],
    [
      [6, 7, 6],
      [0, 6],
    ],
    [new Set([1, 5]), [1, 5]],
  ])('reads the day of week %o', (spec, days) => {
    expect(expandField(spec, FIELDS.dayOfWeek)).toEqual(days);
  });

  it.each<[CronField, string]>([
    ['60', '"60"'],
    ['5-60', '"5-60"'],
    ['1,x,3', '"x" in "1,x,3"'],
    ['', 'empty'],
    ['1,,2', '"1,,2", with an empty part'],
    ['*/0', '"*/0"'],
    ['*/x', '"*/x"'],
    ['5/10', '"5/10"'],
    ['1-2-3', '"1-2-3"'],
    ['1-5 junk', '"1-5 junk"'],
    ['mon', '"mon"'],
    [1.5, '1.5'],
    [-1, '-1'],
    [[], 'an empty list'],
    [['1'] as unknown as number[], 'a list with "1"'],
    [{} as unknown as number[], '{}'],
    [null as unknown as number, 'null'],
    ['1'.repeat(2000), 'a text of more than 1000 characters'],
  ])('refuses the minute %o, naming it', (spec, shown) => {
    expect(() => expandField(spec, FIELDS.minute)).toThrow(`crontab: the minute is ${shown}`);
  });
});
