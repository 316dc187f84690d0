/**
 * An entry as a store keeps it: JSON with Celery's names, for people to read and for beats to fire. The code's
 * entries stand there, too, so that `ctq beat list` knows them; they are fired from the code all the same.
 */
import { isPlainObject } from '../config/validate.js';
import { ConfigError } from '../errors.js';
import { parseJson, stringifyJson } from '../protocol/kombu-json.js';
import { readEntry, type ScheduleEntry } from './schedule-entry.js';

/** Who wrote it: the code comes back by itself, what people added stays until they remove it. */
export type EntrySource = 'code' | 'store';

export interface EntryDefinition {
  readonly source: EntrySource;
  /** undefined when this version cannot read it, or it lives in code alone: a schedule of the app's own. */
  readonly entry: ScheduleEntry | undefined;
  /** Why it cannot be read. */
  readonly problem: ConfigError | undefined;
  /** As it is shown; of a schedule that cannot be read all there is. */
  readonly scheduleText: string;
  readonly task: string;
}

export function encodeDefinition(entry: ScheduleEntry, source: EntrySource): string {
  const { task, schedule, args, kwargs, options, enabled, timezone, catchUp } = entry;
  const readable = {
    source,
    task,
    schedule: schedule.toJSON?.() ?? null,
    schedule_text: String(schedule),
    args: asJson(args),
    kwargs: asJson(kwargs),
    options: asJson(options),
    enabled,
    timezone: timezone?.name ?? null,
    catch_up: catchUp,
  };
  return stringifyJson(readable);
}

/** Never throws: what stands in a store may have been written by anybody. */
export function decodeDefinition(name: string, text: string): EntryDefinition {
  let source: EntrySource = 'store';
  let task = '';
  let scheduleText = '';
  try {
    const document = parseJson(text);
    if (!isPlainObject(document)) throw new ConfigError('it is no object', { hint: `ctq beat rm ${name} removes it` });
    const { source: from, schedule_text: shown, ...rest } = document;
    if (from === 'code') source = 'code';
    if (typeof rest['task'] === 'string') task = rest['task'];
    if (typeof shown === 'string') scheduleText = shown;
    const entry = readEntry(name, rest, `the stored entry ${name}`);
    return { source, entry, problem: undefined, scheduleText: String(entry.schedule), task: entry.task };
  } catch (error) {
    const problem =
      error instanceof ConfigError
        ? error
        : new ConfigError(`the stored entry ${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
            hint: `ctq beat rm ${name} removes it`,
          });
    return { source, entry: undefined, problem, scheduleText, task };
  }
}

/** What JSON cannot say is shown instead: the entry itself is fired from the code. */
function asJson(value: unknown): unknown {
  if (typeof value === 'function') return '<function>';
  if (Array.isArray(value)) return value.map(asJson);
  if (isPlainObject(value) && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, asJson(part)]));
  }
  try {
    stringifyJson(value);
    return value;
  } catch {
    return String(value);
  }
}
