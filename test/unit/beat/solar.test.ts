import { describe, expect, it } from 'vitest';
import { latestFiring } from '../../../src/beat/schedule.js';
import { type SolarEvent, solar, solarKind } from '../../../src/beat/solar.js';
import { TimeZone } from '../../../src/beat/time-zone.js';

const utc = TimeZone.of('UTC');

describe('Solar', () => {
  it('knows a day in Greenwich in the order of its events', () => {
    const noon = new Date('2024-03-19T23:00Z');
    const events: SolarEvent[] = [
      'dawn_astronomical',
      'dawn_nautical',
      'dawn_civil',
      'sunrise',
      'solar_noon',
      'sunset',
      'dusk_civil',
      'dusk_nautical',
      'dusk_astronomical',
    ];
    const times = events.map((event) => solar(event, 51.48, 0).nextAfter(noon)?.toISOString().slice(0, 16));
    // Celery with ephem says the same.
    expect(times[3]).toBe('2024-03-20T06:01');
    expect(times[5]).toBe('2024-03-20T18:13');
    expect([...times].sort()).toEqual(times);
  });

  it('moves on by about a day each time, and never gives one event twice', () => {
    const sunset = solar('sunset', -37.81753, 144.96715);
    let time = new Date('2026-01-01T00:00Z');
    for (let day = 0; day < 400; day += 1) {
      const next = sunset.nextAfter(time) as Date;
      const hours = (next.getTime() - time.getTime()) / 3_600_000;
      if (day > 0) expect(hours).toBeGreaterThan(23.9);
      expect(hours).toBeLessThan(24.1);
      time = next;
    }
  });

  it('waits for the sun through the polar night', () => {
    const tromso = solar('sunrise', 69.65, 18.96);
    const back = tromso.nextAfter(new Date('2025-12-05T12:00Z')) as Date;
    expect(back > new Date('2026-01-10T00:00Z') && back < new Date('2026-01-20T00:00Z')).toBe(true);
    expect(latestFiring(tromso, new Date('2025-12-05T12:00Z'), new Date('2026-01-05T12:00Z'), utc)).toBeUndefined();
  });

  it('never fires where the sun neither rises nor sets', () => {
    expect(solar('sunrise', 90, 0).nextAfter(new Date('2026-06-01T00:00Z'))).toBeUndefined();
  });

  it('prints itself as Celery does', () => {
    expect(String(solar('sunset', -37.81753, 144.96715))).toBe('<solar: sunset at latitude -37.81753, longitude: 144.96715>');
  });

  it.each<[unknown[], string]>([
    [['sunrises', 0, 0], 'there is no event "sunrises"'],
    [[undefined, 0, 0], 'there is no event undefined'],
    [['constructor', 0, 0], 'there is no event "constructor"'],
    [['sunset', 91, 0], 'the latitude is 91'],
    [['sunset', 0, -181], 'the longitude is -181'],
    [['sunset', Number.NaN, 0], 'the latitude is'],
    [['sunset', '52', 0], 'the latitude is "52"'],
  ])('refuses %o', (args, message) => {
    expect(() => solar(...(args as Parameters<typeof solar>))).toThrow(message);
  });

  it('comes back from texts and stores', () => {
    const stored = solar('dusk_civil', 52.5, -13.4).toJSON();
    expect(solarKind.fromStored(stored)).toEqual(solar('dusk_civil', 52.5, -13.4));
    expect(solarKind.fromStored({ solar: { event: 'sunset', latitude: 1, lon: 2 } })).toEqual(solar('sunset', 1, 2));
    expect(solarKind.fromText('sunset, 52.5,13.4')).toEqual(solar('sunset', 52.5, 13.4));
    expect(() => solarKind.fromText('sunset')).toThrow('the latitude');
    expect(() => solarKind.fromText('sunset 1 2 3')).toThrow('too many parts');
    expect(() => solarKind.fromStored({ solar: 5 })).toThrow('names no event and place');
  });
});
