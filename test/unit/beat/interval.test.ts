import { describe, expect, it } from 'vitest';
import { type DurationInput, durationMs, every, Interval } from '../../../src/beat/interval.js';
import { TimeZone } from '../../../src/beat/time-zone.js';
import { beatTable } from '../../support/beat-captures.js';

const utc = TimeZone.of('UTC');
const newYork = TimeZone.of('America/New_York');

describe('Interval', () => {
  it('fires when the recordings of Celery 5.6 say, and prints itself alike', () => {
    const rows = beatTable('is_due / next run table').filter(({ schedule }) => (schedule as string).startsWith('schedule('));
    expect(rows.length).toBeGreaterThan(6);
    for (const row of rows) {
      const [, seconds, relative] = /^schedule\((\d+)(, relative=True)?\)$/.exec(row['schedule'] as string) ?? [];
      const schedule = new Interval(Number(seconds), { relative: relative !== undefined });
      const from = new Date((row['is_due'] === true ? row['now'] : row['last_run_at']) as string);
      expect(schedule.nextAfter(from, utc).toISOString(), JSON.stringify(row)).toBe(new Date(row['next_run'] as string).toISOString());
      expect(String(schedule)).toBe(row['repr']);
    }
  });

  it('is elapsed time where clocks are changed', () => {
    const hourly = every({ hours: 1 });
    expect(hourly.nextAfter(new Date('2024-11-03T01:30-04:00'), newYork)).toEqual(new Date('2024-11-03T01:30-05:00'));
    expect(every('1d').nextAfter(new Date('2024-03-09T12:00-05:00'), newYork)).toEqual(new Date('2024-03-10T13:00-04:00'));
  });

  it('rounds relative days down to midnight, however long the day is', () => {
    const daily = every({ days: 1 }, { relative: true });
    const midnights: string[] = [];
    let time = new Date('2024-11-02T15:00-04:00');
    for (let day = 0; day < 3; day += 1) {
      time = daily.nextAfter(time, newYork);
      midnights.push(time.toISOString());
    }
    expect(midnights).toEqual(['2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z', '2024-11-05T05:00:00.000Z']);
  });

  it('rounds relative hours, minutes and seconds down in the zone', () => {
    const kathmandu = TimeZone.of('Asia/Kathmandu');
    expect(every('2h', { relative: true }).nextAfter(new Date('2024-01-31T09:20:20Z'), kathmandu)).toEqual(
      new Date('2024-01-31T11:15:00Z'),
    );
    expect(every('90s', { relative: true }).nextAfter(new Date('2024-01-31T09:20:20.500Z'), utc)).toEqual(new Date('2024-01-31T09:21:00Z'));
    expect(every(10, { relative: true }).nextAfter(new Date('2024-01-31T09:20:20.500Z'), utc)).toEqual(new Date('2024-01-31T09:20:30Z'));
    // Less than its own unit: it moves on all the same.
    expect(every(0.25, { relative: true }).nextAfter(new Date('2024-01-31T09:20:20Z'), utc)).toEqual(new Date('2024-01-31T09:20:20.250Z'));
  });

  it('finds the latest missed firing on its own grid', () => {
    const from = new Date('2024-01-31T09:20:20Z');
    const now = new Date('2025-01-31T09:20:27Z');
    expect(every(10).latest(from, now, utc)).toEqual(new Date('2025-01-31T09:20:20Z'));
    expect(every(10).latest(now, now, utc)).toBeUndefined();
    expect(every('1d', { relative: true }).latest(from, now, newYork)).toEqual(new Date('2025-01-31T05:00:00Z'));
    expect(every('1d', { relative: true }).latest(from, new Date('2024-01-31T20:00Z'), newYork)).toBeUndefined();
  });

  it.each<[DurationInput, number]>([
    [10, 10_000],
    [0.5, 500],
    ['10', 10_000],
    ['1.5', 1500],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1d 2h', 93_600_000],
    [{ minutes: 5 }, 300_000],
    [{ weeks: 1, days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 694_861_001],
  ])('reads %o', (input, ms) => {
    expect(durationMs(input)).toBe(ms);
  });

  it.each<[unknown, string]>([
    [0, 'an interval of 0 is too short'],
    [-5, 'an interval of -5 is too short'],
    [1e12, 'too long'],
    [Number.NaN, 'is no interval'],
    ['soon', '"soon" is no interval'],
    ['10 m x', 'is no interval'],
    ['', 'is no interval'],
    [{}, '{} is no interval'],
    [{ minute: 5 }, '{"minute":5} is no interval'],
    [{ minutes: '5' }, 'is no interval'],
    [null, 'null is no interval'],
    [`${'9'.repeat(100)}s`, 'is no interval'],
  ])('refuses %o', (input, message) => {
    expect(() => durationMs(input as DurationInput)).toThrow(message);
  });
});
