import { describe, expect, it } from 'vitest';
import { showInZone, TimeZone } from '../../../src/beat/time-zone.js';

const at = (text: string): number => Date.parse(text);
const newYork = TimeZone.of('America/New_York');
const lordHowe = TimeZone.of('Australia/Lord_Howe');

describe('TimeZone', () => {
  it('knows what the wall shows, and when it does', () => {
    const wall = { year: 2024, month: 7, day: 1, hour: 8, minute: 30 };
    expect(newYork.wallTimeAt(at('2024-07-01T12:30:59Z'))).toEqual(wall);
    expect(newYork.instantOf(wall)).toBe(at('2024-07-01T12:30Z'));
    expect(TimeZone.of('UTC').wallTimeAt(at('1999-12-31T23:59:59.999Z'))).toEqual({ year: 1999, month: 12, day: 31, hour: 23, minute: 59 });
  });

  it('counts on from before the change where a time is skipped', () => {
    // 02:30 is never shown on that day: it is when the wall shows 03:30.
    expect(newYork.instantOf({ year: 2024, month: 3, day: 10, hour: 2, minute: 30 })).toBe(at('2024-03-10T03:30-04:00'));
    expect(newYork.instantOf({ year: 2024, month: 3, day: 10, hour: 3, minute: 0 })).toBe(at('2024-03-10T03:00-04:00'));
    // Half an hour only.
    expect(lordHowe.instantOf({ year: 2024, month: 10, day: 6, hour: 2, minute: 10 })).toBe(at('2024-10-06T02:40+11:00'));
  });

  it('tells the two passes of a time that is shown twice', () => {
    const twice = { year: 2024, month: 11, day: 3, hour: 1, minute: 30 };
    expect(newYork.instantOf(twice)).toBe(at('2024-11-03T01:30-04:00'));
    expect(newYork.instantOf(twice, 'second')).toBe(at('2024-11-03T01:30-05:00'));
    expect(newYork.passAt(at('2024-11-03T01:30-04:00'))).toBe('first');
    expect(newYork.passAt(at('2024-11-03T01:30-05:00'))).toBe('second');
    expect(newYork.passAt(at('2024-11-03T02:00-05:00'))).toBe('first');
    expect(newYork.passAt(at('2024-03-10T03:30-04:00'))).toBe('first');
  });

  it('goes there and back through every hour and a half of a year, in zones with their own ideas', () => {
    for (const name of [
      'Europe/Dublin',
      'Australia/Lord_Howe',
      'America/Santiago',
      'Africa/Casablanca',
      'Asia/Kathmandu',
      'Pacific/Apia',
    ]) {
      const zone = TimeZone.of(name);
      for (let instant = at('2023-06-01T00:00Z'); instant < at('2024-06-01T00:00Z'); instant += 5_400_000) {
        const back = zone.instantOf(zone.wallTimeAt(instant), zone.passAt(instant));
        if (back !== instant) expect([name, new Date(back).toISOString()]).toEqual([name, new Date(instant).toISOString()]);
      }
    }
  });

  it('skips a day that a country left out', () => {
    // Samoa went to bed on the 29th and rose on the 31st.
    const apia = TimeZone.of('Pacific/Apia');
    expect(apia.instantOf({ year: 2011, month: 12, day: 30, hour: 8, minute: 0 })).toBe(at('2011-12-31T08:00+14:00'));
  });

  it('takes a day or month too many as a calendar does', () => {
    expect(newYork.instantOf({ year: 2024, month: 1, day: 32, hour: 0, minute: 0 })).toBe(at('2024-02-01T00:00-05:00'));
  });

  it('refuses a zone that there is none', () => {
    expect(() => TimeZone.of('Mars/Olympus')).toThrow(RangeError);
  });

  it('shows an instant with its offset', () => {
    expect(showInZone(at('2024-07-01T12:30:59Z'), newYork)).toBe('2024-07-01 08:30:59-04:00');
    expect(showInZone(at('2024-07-01T12:30:59Z'), TimeZone.of('Asia/Kathmandu'))).toBe('2024-07-01 18:15:59+05:45');
    expect(showInZone(at('2024-07-01T12:30:59Z'), TimeZone.of('UTC'))).toBe('2024-07-01 12:30:59+00:00');
  });
});
