/** The kinds of schedules that ctq has: a new one is a file of its own, and one line here. */
import { closestName } from '../config/closest-name.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { Crontab, crontabKind } from './crontab.js';
import { type Duration, Interval, intervalKind } from './interval.js';
import type { Schedule, ScheduleKind, StoredSchedule } from './schedule.js';
import { solarKind } from './solar.js';

export const scheduleKinds: readonly ScheduleKind[] = [intervalKind, crontabKind, solarKind];

/** A schedule as people write it: seconds, `'90s'`, `'0 8 * * mon-fri'`, `{ minutes: 5 }`, `{ crontab: … }`, or one that was made. */
export type ScheduleInput = number | string | Duration | StoredSchedule | Schedule;

export interface ReadScheduleOptions {
  /** The entry's `relative`, for intervals that are given as a number or a span of time. */
  readonly relative?: boolean | undefined;
}

/** @throws {@link ConfigError} when it is none. */
export function readSchedule(input: unknown, options: ReadScheduleOptions = {}): Schedule {
  if (isSchedule(input)) return input;
  const relative = options.relative ?? false;
  if (typeof input === 'number') return new Interval(input, { relative });
  if (typeof input === 'string') return input.trim().split(/\s+/, 6).length >= 3 ? new Crontab(input) : new Interval(input, { relative });
  if (!isPlainObject(input)) {
    throw new ConfigError(`${showValue(input)} is no schedule`, {
      hint: "it may be seconds, '1h30m', crontab({ … }), solar(…), every(…), or an object with nextAfter",
    });
  }
  const kind = scheduleKinds.find(({ name }) => Object.hasOwn(input, name));
  if (kind !== undefined) return kind.fromStored(input);
  const [key] = Object.keys(input);
  const lookalike =
    key === undefined
      ? undefined
      : closestName(
          key,
          scheduleKinds.map(({ name }) => name),
        );
  if (lookalike !== undefined)
    throw new ConfigError(`a schedule has no key ${JSON.stringify(key)}`, { hint: `did you mean ${lookalike}?` });
  return new Interval(input, { relative });
}

/** Also one that another copy of this library made. */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Schedule>).nextAfter === 'function';
}
