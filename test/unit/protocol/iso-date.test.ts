import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIsoDate, parseIsoDate, parseIsoParts } from '../../../src/protocol/iso-date.js';

const utc = (text: string, zone?: string): string | undefined => parseIsoDate(text, zone)?.toISOString();

describe('parseIsoDate', () => {
  it.each([
    ['2030-01-02T03:04:05.678901+00:00', '2030-01-02T03:04:05.678Z'],
    ['2030-01-02T03:04:05.678Z', '2030-01-02T03:04:05.678Z'],
    ['2030-01-02T03:04:05+02:00', '2030-01-02T01:04:05.000Z'],
    ['2030-01-02 03:04:05-0530', '2030-01-02T08:34:05.000Z'],
    ['2030-01-02T03:04:05+02', '2030-01-02T01:04:05.000Z'],
    ['2030-01-02T03:04:05+00:00:30', '2030-01-02T03:03:35.000Z'],
    ['2030-01-02T03:04', '2030-01-02T03:04:00.000Z'],
    ['2030-01-02T03', '2030-01-02T03:00:00.000Z'],
    ['2030-01-02', '2030-01-02T00:00:00.000Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'],
    ['0099-01-01T00:00:00', '0099-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999', '9999-12-31T23:59:59.999Z'],
    ['9999-12-31T23:59:59-14:00', '+010000-01-01T13:59:59.000Z'],
  ])('reads %s', (text, instant) => {
    expect(utc(text)).toBe(instant);
  });

  it.each([
    '',
    ' ',
    'now',
    '2030',
    '2030-1-2',
    '2030-02-29',
    '2030-04-31',
    '2030-00-01',
    '2030-13-01',
    '2030-01-02T24:00:00',
    '2030-01-02T03:60:00',
    '2030-01-02T03:04:60',
    '0000-01-01',
    '12030-01-01',
    '+012030-01-01T00:00:00Z',
    '2030-01-02T03:04:05+24:00',
    '2030-01-02T03:04:05+1',
    '2030-01-02T',
    '2030-01-02T03:04:05 x',
    '2030-01-02T03:04:05.',
    '2030-01-02T03:04:05Z\n',
    `2030-01-02T03:04:05.${'1'.repeat(20)}`,
  ])('takes %j for no date', (text) => {
    expect(parseIsoDate(text)).toBeUndefined();
  });

  it('reads a naive date in the zone that it is told', () => {
    expect(utc('2030-07-02T12:00:00', 'Europe/Paris')).toBe('2030-07-02T10:00:00.000Z');
    expect(utc('2030-01-02T12:00:00', 'Europe/Paris')).toBe('2030-01-02T11:00:00.000Z');
    expect(utc('2030-07-02T12:00:00Z', 'Europe/Paris')).toBe('2030-07-02T12:00:00.000Z');
    expect(utc('0001-01-01T00:00:00', 'Asia/Tokyo')?.slice(0, 13)).toBe('0000-12-31T14');
  });

  it('takes the earlier of two instants when clocks are set back, and goes on when they are set forward', () => {
    // 2026-10-25 03:00 CEST → 02:00 CET; 2026-03-29 02:00 CET → 03:00 CEST.
    expect(utc('2026-10-25T02:30:00', 'Europe/Paris')).toBe('2026-10-25T00:30:00.000Z');
    expect(utc('2026-03-29T02:30:00', 'Europe/Paris')).toBe('2026-03-29T01:30:00.000Z');
    expect(utc('2026-03-29T03:30:00', 'Europe/Paris')).toBe('2026-03-29T01:30:00.000Z');
  });
});

describe('parseIsoParts', () => {
  it('keeps microseconds, and whether there was an offset', () => {
    expect(parseIsoParts('2030-01-02T03:04:05.000007')).toEqual({
      year: 2030,
      month: 1,
      day: 2,
      hour: 3,
      minute: 4,
      second: 5,
      microsecond: 7,
      offsetS: undefined,
    });
    expect(parseIsoParts('2030-01-02T03:04:05.5Z')).toMatchObject({ microsecond: 500_000, offsetS: 0 });
  });
});

describe('formatIsoDate', () => {
  it('writes as Python does, with a fraction only when there is one', () => {
    expect(formatIsoDate(Date.UTC(2030, 0, 2, 3, 4, 5))).toBe('2030-01-02T03:04:05+00:00');
    expect(formatIsoDate(new Date(Date.UTC(2030, 0, 2, 3, 4, 5, 7)))).toBe('2030-01-02T03:04:05.007000+00:00');
    expect(formatIsoDate(-1)).toBe('1969-12-31T23:59:59.999000+00:00');
    expect(formatIsoDate(1.9)).toBe('1970-01-01T00:00:00.001000+00:00');
  });

  it('writes what is read back as the same instant', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(parseIsoDate(formatIsoDate(date))).toEqual(date);
        },
      ),
    );
  });
});
