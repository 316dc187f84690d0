import { describe, expect, it } from 'vitest';
import { Crontab, type CrontabFields, crontab } from '../../../src/beat/crontab.js';
import { latestFiring } from '../../../src/beat/schedule.js';
import { TimeZone } from '../../../src/beat/time-zone.js';
import { beatTable } from '../../support/beat-captures.js';
import { captureText } from '../../support/captures.js';
import { crontabCases, inSecondPass, ourFields } from '../../support/crontab-cases.js';

const next = (fields: CrontabFields | string, last: string, zone = 'UTC'): string | undefined =>
  new Crontab(fields).nextAfter(new Date(last), TimeZone.of(zone))?.toISOString();

describe('Crontab', () => {
  it('fires when Celery 5.6.3 does, for 300 crontabs in five zones', () => {
    const recorded = JSON.parse(captureText('crontab-5.6.json')) as { readonly next: readonly number[] };
    const cases = crontabCases();
    expect(recorded.next).toHaveLength(cases.length);
    let excused = 0;
    for (const [index, { zone, crontab: fields, last }] of cases.entries()) {
      const ours = new Crontab(ourFields(fields)).nextAfter(new Date(last * 1000), TimeZone.of(zone));
      const theirs = recorded.next[index] as number;
      // Begun in the second pass of an hour that comes twice, Celery takes the first pass for the next firing: it is over, so it fires without end.
      if (inSecondPass(zone, last) && theirs === last) excused += 1;
      else if (ours?.getTime() !== theirs * 1000) {
        expect({ index, zone, fields, last, next: ours?.toISOString() }).toEqual({
          index,
          zone,
          fields,
          last,
          next: new Date(theirs * 1000).toISOString(),
        });
      }
    }
    expect(excused).toBeLessThanOrEqual(3);
  });

  it('fires when the recordings of Celery 5.6 say, changes of clocks included', () => {
    const rows = beatTable('is_due / next run table').filter(({ schedule }) => (schedule as string).startsWith('crontab('));
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const fields = pythonCall(row['schedule'] as string);
      if (row['error'] !== undefined) {
        expect(() => new Crontab(fields), row['schedule'] as string).toThrow(/never fires/);
        continue;
      }
      const schedule = new Crontab(fields);
      // The next firing that Celery tells is counted from now, where the last run's own is over.
      const from = new Date((row['is_due'] === true ? row['now'] : row['last_run_at']) as string);
      const firing = schedule.nextAfter(from, TimeZone.of(row['timezone'] as string));
      expect(firing?.getTime(), `${row['schedule'] as string} from ${from.toISOString()}`).toBe(Date.parse(row['next_run'] as string));
      expect(String(schedule)).toBe(row['repr']);
    }
  });

  it('reads lines in the order of cron', () => {
    for (const { string, repr, error } of beatTable('crontab.from_string')) {
      if (error === undefined) expect(String(crontab(string as string))).toBe(repr);
      else expect(() => crontab(string as string)).toThrow('crontab: "0 0 1" has 3 fields, not 5');
    }
    expect(crontab('  */5\t9-17 * *  mon-fri ').fields).toEqual({
      minute: '*/5',
      hour: '9-17',
      dayOfMonth: '*',
      monthOfYear: '*',
      dayOfWeek: 'mon-fri',
    });
  });

  it('wants both days to match, unlike cron', () => {
    expect(next({ minute: 0, hour: 0, dayOfMonth: '1-7', dayOfWeek: 'mon' }, '2024-01-31T10:20Z')).toBe('2024-02-05T00:00:00.000Z');
  });

  it('finds leap days, also around 2100 and on one weekday', () => {
    expect(next('0 0 29 2 *', '2096-03-01T00:00Z')).toBe('2104-02-29T00:00:00.000Z');
    expect(next('0 0 29 2 sun', '2088-03-01T00:00Z')).toBe('2128-02-29T00:00:00.000Z');
  });

  it('fires a skipped time as long after midnight as always, once', () => {
    const zone = 'America/New_York';
    expect(next('30 2 * * *', '2024-03-09T12:00-05:00', zone)).toBe('2024-03-10T07:30:00.000Z');
    expect(next('30 2 * * *', '2024-03-10T07:30Z', zone)).toBe('2024-03-11T06:30:00.000Z');
    expect(next('*/30 * * * *', '2024-03-10T01:30-05:00', zone)).toBe('2024-03-10T07:00:00.000Z');
  });

  it('fires a doubled time the first time only', () => {
    const zone = 'America/New_York';
    expect(next('30 1 * * *', '2024-11-03T00:00-04:00', zone)).toBe('2024-11-03T05:30:00.000Z');
    expect(next('30 1 * * *', '2024-11-03T05:30Z', zone)).toBe('2024-11-04T06:30:00.000Z');
    expect(next('*/30 * * * *', '2024-11-03T01:30-04:00', zone)).toBe('2024-11-03T07:00:00.000Z');
  });

  it('always moves on, minute by minute through every change of clocks', () => {
    for (const name of ['America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'Pacific/Apia']) {
      const zone = TimeZone.of(name);
      for (const fields of ['* * * * *', '*/7 0-4 * * *', '0 2 * * sun']) {
        const schedule = new Crontab(fields);
        for (let time = Date.UTC(2023, 2, 1); time < Date.UTC(2023, 11, 31); time += 97 * 60_000) {
          const firing = schedule.nextAfter(new Date(time), zone);
          if (firing === undefined || firing.getTime() <= time) expect([name, fields, new Date(time).toISOString(), firing]).toBe('later');
        }
      }
    }
  });

  it('finds the latest of half a million missed firings without walking', () => {
    const zone = TimeZone.of('Europe/Berlin');
    const now = new Date('2026-11-21T10:20:30Z');
    expect(latestFiring(crontab('* * * * *'), new Date('2025-11-21T00:00Z'), now, zone)?.toISOString()).toBe('2026-11-21T10:20:00.000Z');
    expect(latestFiring(crontab('5 4 1 1 *'), new Date('2020-01-01T00:00Z'), now, zone)?.toISOString()).toBe('2026-01-01T03:05:00.000Z');
    expect(latestFiring(crontab('* * * * *'), now, now, zone)).toBeUndefined();
  });

  it.each<[CrontabFields | string, string]>([
    ['0 0 30 2 *', '<crontab: 0 0 30 2 * (m/h/dM/MY/d)> never fires'],
    [{ dayOfMonth: 31, monthOfYear: '4,6' }, 'never fires'],
    [{ min: 5 } as CrontabFields, 'crontab: there is no field "min"'],
    [5 as unknown as string, 'crontab: 5 is no set of fields'],
    [{ hour: 24 }, 'crontab: the hour is 24'],
    ['* * * *', 'has 4 fields, not 5'],
  ])('refuses %o', (fields, message) => {
    expect(() => new Crontab(fields)).toThrow(message);
  });

  it('writes a line that reads as the same', () => {
    const fields = { minute: [0, 30], hour: new Set([9, 17]), dayOfWeek: 'mon - fri'.replaceAll(' ', ''), monthOfYear: 3 };
    const written = new Crontab(fields).toJSON();
    expect(written).toEqual({ crontab: '0,30 9,17 * 3 mon-fri' });
    expect(next(written.crontab, '2024-01-31T10:20Z')).toBe(next(fields, '2024-01-31T10:20Z'));
    expect(String(new Crontab(fields))).toBe('<crontab: [0, 30] {9, 17} * 3 mon-fri (m/h/dM/MY/d)>');
  });
});

/** `crontab(minute=5, hour={1, 2})`, as the recordings have it → fields. */
function pythonCall(call: string): CrontabFields {
  const order = ['minute', 'hour', 'dayOfWeek', 'dayOfMonth', 'monthOfYear'];
  const body = /^crontab\((.*)\)$/.exec(call)?.[1] ?? '';
  const fields: Record<string, unknown> = {};
  let position = 0;
  for (const [, name, value = ''] of body.matchAll(/(?:(\w+)=)?('[^']*'|\{[^}]*\}|\[[^\]]*\]|\d+)/g)) {
    const key = name === undefined ? (order[position] as string) : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    position += 1;
    if (value.startsWith("'")) fields[key] = value.slice(1, -1);
    else if (value.startsWith('{')) fields[key] = new Set(JSON.parse(`[${value.slice(1, -1)}]`) as number[]);
    else fields[key] = JSON.parse(value) as number | number[];
  }
  return fields;
}
