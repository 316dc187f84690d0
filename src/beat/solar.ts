/**
 * Celery's `solar` (WIRE 14.7): fires when the sun rises, sets, or stands so far below the horizon. The
 * astronomy is suncalc's; it agrees with Celery's (ephem) to a few seconds.
 *
 * On a day without the event — the midnight sun, the polar night — nothing fires; Celery fires once a day
 * then, shortly after midnight by the sun.
 */
import { getTimes, type SunTimes } from 'suncalc';
import { closestName } from '../config/closest-name.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { type Schedule, type ScheduleKind, searchLatest } from './schedule.js';
import type { TimeZone } from './time-zone.js';

/** Celery's events → suncalc's. Astronomical is 18° below the horizon, nautical 12°, civil 6°; rise and set are the upper rim's. */
const EVENTS = {
  dawn_astronomical: 'nightEnd',
  dawn_nautical: 'nauticalDawn',
  dawn_civil: 'dawn',
  sunrise: 'sunrise',
  solar_noon: 'solarNoon',
  sunset: 'sunset',
  dusk_civil: 'dusk',
  dusk_nautical: 'nauticalDusk',
  dusk_astronomical: 'night',
} as const satisfies Readonly<Record<string, keyof SunTimes>>;

/** Celery's names for the sun's day, from `dawn_astronomical` to `dusk_astronomical`. */
export type SolarEvent = keyof typeof EVENTS;

const DAY_MS = 86_400_000;
/** Where the sun goes down at all it does so once a year at least. */
const LONGEST_SEARCH_DAYS = 370;
/** The same event computed by two versions of the library is one event. */
const SAME_EVENT_MS = 5_000;

export class Solar implements Schedule {
  readonly event: SolarEvent;
  /** Degrees, north is positive. */
  readonly latitude: number;
  /** Degrees, east is positive. */
  readonly longitude: number;

  /** @throws {@link ConfigError} for an unknown event, or a place that is not on earth. */
  constructor(event: SolarEvent, latitude: number, longitude: number) {
    if (typeof event !== 'string' || !Object.hasOwn(EVENTS, event)) {
      const lookalike = typeof event === 'string' ? closestName(event, Object.keys(EVENTS)) : undefined;
      throw new ConfigError(`solar: there is no event ${showValue(event)}`, {
        hint: lookalike === undefined ? `the events are ${Object.keys(EVENTS).join(', ')}` : `did you mean ${lookalike}?`,
      });
    }
    this.event = event;
    this.latitude = degrees(latitude, 'latitude', 90);
    this.longitude = degrees(longitude, 'longitude', 180);
  }

  nextAfter(lastRunAt: Date, _zone?: TimeZone): Date | undefined {
    const lastMs = lastRunAt.getTime();
    // The solar day of a place begins up to half a day before or after that of Greenwich.
    for (let day = -1; day <= LONGEST_SEARCH_DAYS; day += 1) {
      const at = getTimes(new Date(lastMs + day * DAY_MS), this.latitude, this.longitude)[EVENTS[this.event]];
      // Whole seconds: the astronomy is not better than that, and a moment that people read is shorter.
      const eventMs = at === null ? Number.NaN : Math.round(at.getTime() / 1000) * 1000;
      if (eventMs > lastMs + SAME_EVENT_MS) return new Date(eventMs);
    }
    return undefined;
  }

  latest(lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined {
    return searchLatest(this, lastRunAt, now, zone);
  }

  /** As Celery. */
  toString(): string {
    return `<solar: ${this.event} at latitude ${this.latitude}, longitude: ${this.longitude}>`;
  }

  toJSON(): { readonly solar: readonly [SolarEvent, number, number] } {
    return { solar: [this.event, this.latitude, this.longitude] };
  }
}

/** Celery's `solar`: `solar('sunset', 52.5, 13.4)`, north and east positive. */
export function solar(event: SolarEvent, latitude: number, longitude: number): Solar {
  return new Solar(event, latitude, longitude);
}

export const solarKind: ScheduleKind = {
  name: 'solar',
  argument: '<event,latitude,longitude>',
  summary: 'fire with the sun: "sunset,52.5,13.4"; north and east are positive',
  fromText(text) {
    const [event = '', latitude, longitude, ...more] = text.trim().split(/\s*,\s*|\s+/);
    if (more.length > 0)
      throw new ConfigError(`solar: ${showValue(text)} has too many parts`, { hint: 'write it like "sunset,52.5,13.4"' });
    return new Solar(event as SolarEvent, numberOf(latitude), numberOf(longitude));
  },
  fromStored(value) {
    const place = (value as { readonly solar: unknown }).solar;
    const parts: unknown[] = Array.isArray(place)
      ? place
      : isPlainObject(place)
        ? [place['event'], place['latitude'] ?? place['lat'], place['longitude'] ?? place['lon']]
        : [];
    if (parts.length !== 3)
      throw new ConfigError(`solar: ${showValue(place)} names no event and place`, { hint: 'write it like ["sunset", 52.5, 13.4]' });
    return new Solar(parts[0] as SolarEvent, parts[1] as number, parts[2] as number);
  },
};

function degrees(value: number, what: 'latitude' | 'longitude', limit: number): number {
  if (typeof value !== 'number' || !(Math.abs(value) <= limit)) {
    throw new ConfigError(`solar: the ${what} is ${showValue(value)}`, {
      hint: `it must be a number of degrees from -${limit} to ${limit}`,
    });
  }
  return value;
}

function numberOf(text: string | undefined): number {
  return text === undefined || text === '' ? Number.NaN : Number(text);
}
