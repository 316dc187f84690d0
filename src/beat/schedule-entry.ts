/** An entry of the schedule: which task fires when, and with what. Reads what people and stores write, with suspicion. */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { closestName } from '../config/closest-name.js';
import { camelCase, quote } from '../config/setting-names.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { safeRepr } from '../protocol/python-repr.js';
import type { Schedule } from './schedule.js';
import { readSchedule, type ScheduleInput } from './schedule-kinds.js';
import { TimeZone } from './time-zone.js';

/**
 * What becomes of firings that nobody was there to send: none of them, the latest, or each. A firing that is
 * late because one beat took over from another is not missed.
 */
export const CATCH_UPS = ['skip', 'once', 'all'] as const;

/** `skip`, `once` or `all`: what becomes of firings that nobody was there to send: none of them is sent, the latest, or each. */
export type CatchUp = (typeof CATCH_UPS)[number];

/** An entry of `beatSchedule`. */
export interface ScheduleEntryInput {
  /** A task of this app, or the name of one anywhere. */
  readonly task: string | { readonly name: string };
  readonly schedule: ScheduleInput;
  /** A function among them is called at each firing, and its answer is sent. */
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** As for `applyAsync`: `queue`, `expires`, `priority` … */
  readonly options?: Readonly<Record<string, unknown>>;
  /** For intervals: round each firing down to whole days, hours, minutes, or seconds. */
  readonly relative?: boolean;
  /** Default true. */
  readonly enabled?: boolean;
  /** Zone of crontabs; default the app's `timezone`. */
  readonly timezone?: string;
  /** Default `once`, as Celery. */
  readonly catchUp?: CatchUp;
}

export interface ScheduleEntry {
  readonly name: string;
  readonly task: string;
  readonly schedule: Schedule;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: ApplyAsyncOptions;
  readonly enabled: boolean;
  /** undefined: the app's. */
  readonly timezone: TimeZone | undefined;
  readonly catchUp: CatchUp;
}

/** What beat remembers of an entry. Celery's names, but for the moment: ours is when it was due, not when it was sent. */
export interface EntryState {
  /** The latest firing that was sent or given up, or the beginning. Milliseconds since 1970. */
  readonly lastRunAtMs: number;
  readonly totalRunCount: number;
}

const KEYS = ['task', 'schedule', 'args', 'kwargs', 'options', 'relative', 'enabled', 'timezone', 'catchUp'];

const OPTION_KEYS: Readonly<Record<keyof ApplyAsyncOptions, 'allowed' | 'own'>> = {
  // Each firing has an id that every beat computes alike: that is how it is sent once.
  taskId: 'own',
  kwargs: 'own',
  routeName: 'own',
  countdown: 'allowed',
  eta: 'allowed',
  expires: 'allowed',
  priority: 'allowed',
  queue: 'allowed',
  exchange: 'allowed',
  exchangeType: 'allowed',
  routingKey: 'allowed',
  serializer: 'allowed',
  compression: 'allowed',
  headers: 'allowed',
  link: 'allowed',
  linkError: 'allowed',
  chain: 'allowed',
  chord: 'allowed',
  groupId: 'allowed',
  groupIndex: 'allowed',
  rootId: 'allowed',
  parentId: 'allowed',
  retries: 'allowed',
  shadow: 'allowed',
  ignoreResult: 'allowed',
  argsrepr: 'allowed',
  kwargsrepr: 'allowed',
  origin: 'allowed',
  replacedTaskNesting: 'allowed',
  timeLimit: 'allowed',
  softTimeLimit: 'allowed',
  replyTo: 'allowed',
  deliveryMode: 'allowed',
  retry: 'allowed',
  retryPolicy: 'allowed',
  stampedHeaders: 'allowed',
  stamps: 'allowed',
  properties: 'allowed',
};

/**
 * Reads one entry, in camelCase or Celery's spelling.
 *
 * @param where - How errors name the place: `beatSchedule.nightly`.
 * @throws {@link ConfigError} naming place, key, value and remedy.
 */
export function readEntry(name: string, input: unknown, where: string): ScheduleEntry {
  if (name === '') throw new ConfigError(`${where}: an entry without a name`, { hint: 'give it one' });
  if (!isPlainObject(input)) throw wrong(where, input, "it must be an object such as { task: 'tasks.add', schedule: 10 }");
  const given = inCamelCase(input, where);
  const { schedule } = given;
  if (schedule === undefined || schedule === null)
    throw new ConfigError(`${where} has no schedule`, { hint: 'such as schedule: 10, or crontab({ hour: 3, minute: 0 })' });
  const relative = flagOf(given['relative'], false, `${where}.relative`);
  return {
    name,
    task: taskName(given['task'], where),
    schedule: inPlace(`${where}.schedule`, () => readSchedule(schedule, { relative })),
    args: argumentsOf(given['args'], where),
    kwargs: objectOf(given['kwargs'], `${where}.kwargs`, '{ x: 1 }'),
    options: optionsOf(given['options'], `${where}.options`),
    enabled: flagOf(given['enabled'], true, `${where}.enabled`),
    timezone: zoneOf(given['timezone'], `${where}.timezone`),
    catchUp: catchUpOf(given['catchUp'], `${where}.catchUp`),
  };
}

/** All entries of `beatSchedule`. @throws {@link ConfigError} */
export function readEntries(schedule: unknown, where: string): ScheduleEntry[] {
  if (schedule === null || schedule === undefined) return [];
  if (!isPlainObject(schedule)) throw wrong(where, schedule, 'it must be an object: { name: { task, schedule } }');
  return Object.entries(schedule).map(([name, input]) => readEntry(name, input, `${where}.${/^[\w-]+$/.test(name) ? name : quote(name)}`));
}

/** `<ScheduleEntry: nightly tasks.add(1, 2) <crontab: 0 3 * * * (m/h/dM/MY/d)>`, as Celery prints it, bracket and all. */
export function showEntry(entry: ScheduleEntry): string {
  return `<ScheduleEntry: ${entry.name} ${showCall(entry)} ${String(entry.schedule)}`;
}

/** `tasks.add(1, 2, k='v')`, as Python writes a call. */
export function showCall({ task, args, kwargs }: Pick<ScheduleEntry, 'task' | 'args' | 'kwargs'>): string {
  const show = (value: unknown): string => (isFunction(value) ? '<function>' : safeRepr(value));
  return `${task}(${[...args.map(show), ...Object.entries(kwargs).map(([key, value]) => `${key}=${show(value)}`)].join(', ')})`;
}

/** Functions among the arguments are asked; so a schedule can send the date of the day. */
export function evaluated(entry: ScheduleEntry): Pick<ScheduleEntry, 'args' | 'kwargs'> {
  const answer = (value: unknown): unknown => (typeof value === 'function' ? (value as () => unknown)() : value);
  const { args, kwargs } = entry;
  if (!args.some(isFunction) && !Object.values(kwargs).some(isFunction)) return entry;
  return { args: args.map(answer), kwargs: Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, answer(value)])) };
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function inCamelCase(input: Readonly<Record<string, unknown>>, where: string): Readonly<Record<string, unknown>> {
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(input)) {
    const name = camelCase(key);
    if (!KEYS.includes(name)) {
      const lookalike = closestName(name, KEYS);
      throw new ConfigError(`${where}: unknown key ${quote(key)}`, {
        hint: lookalike === undefined ? `an entry has ${KEYS.join(', ')}` : `did you mean ${lookalike}?`,
      });
    }
    given[name] = value;
  }
  return given;
}

function taskName(task: unknown, where: string): string {
  const name = typeof task === 'object' && task !== null && 'name' in task ? task.name : task;
  if (name === undefined || name === null) throw new ConfigError(`${where} has no task`, { hint: "name it: task: 'tasks.add'" });
  if (typeof name !== 'string' || name === '') throw wrong(`${where}.task`, name, "it must be a task's name, such as 'tasks.add'");
  return name;
}

function argumentsOf(args: unknown, where: string): readonly unknown[] {
  if (args === undefined || args === null) return [];
  if (!Array.isArray(args)) throw wrong(`${where}.args`, args, 'it must be a list: [1, 2], even for one argument');
  return args;
}

function objectOf(value: unknown, where: string, example: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (!isPlainObject(value)) throw wrong(where, value, `it must be an object: ${example}`);
  return value;
}

function optionsOf(value: unknown, where: string): ApplyAsyncOptions {
  const options: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(objectOf(value, where, "{ queue: 'mail' }"))) {
    const name = camelCase(key);
    const known = Object.hasOwn(OPTION_KEYS, name) ? OPTION_KEYS[name as keyof ApplyAsyncOptions] : undefined;
    if (known === undefined) {
      const lookalike = closestName(name, Object.keys(OPTION_KEYS));
      throw new ConfigError(`${where}: unknown option ${quote(key)}`, {
        hint: lookalike === undefined ? 'the options are those of applyAsync' : `did you mean ${lookalike}?`,
      });
    }
    if (known === 'own') {
      const hint = name === 'kwargs' ? 'they stand beside args, not among the options' : 'beat sets it for each firing';
      throw new ConfigError(`${where}: ${key} has no place here`, { hint });
    }
    if (option !== undefined && option !== null) options[name] = option;
  }
  return options;
}

function flagOf(value: unknown, fallback: boolean, where: string): boolean {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw wrong(where, value, 'it must be true or false');
  return value;
}

function zoneOf(value: unknown, where: string): TimeZone | undefined {
  if (value === undefined || value === null) return undefined;
  try {
    if (typeof value === 'string') return TimeZone.of(value);
  } catch {
    // A RangeError: no such zone.
  }
  throw wrong(where, value, 'it must be the name of a time zone, such as "Europe/Berlin"');
}

function catchUpOf(value: unknown, where: string): CatchUp {
  if (value === undefined || value === null) return 'once';
  const found = CATCH_UPS.find((known) => known === value);
  if (found === undefined) throw wrong(where, value, `it must be one of ${CATCH_UPS.join(', ')}`);
  return found;
}

function inPlace<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${where}: ${error.message}`, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) });
  }
}

function wrong(where: string, value: unknown, hint: string): ConfigError {
  return new ConfigError(`${where} is ${showValue(value)}`, { hint });
}
