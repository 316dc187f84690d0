/** `task_annotations`: options that the settings lay over those of the tasks, by name (Celery's app/annotations.py). */
import { ConfigError } from '../errors.js';
import type { Task, TaskOptions } from '../task.js';
import { camelCase } from './setting-names.js';
import { checkTaskOption, taskOptionOf } from './task-options.js';

/** Task name, or `*` for all, → task options in either spelling, and handlers. */
export type TaskAnnotations = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a class of tasks may override. */
type HandlerName = 'beforeStart' | 'onSuccess' | 'onFailure' | 'onRetry' | 'afterReturn';

/** What is laid over one task. */
export interface Annotation {
  readonly options: Partial<TaskOptions>;
  readonly handlers: Partial<Pick<Task, HandlerName>>;
}

const HANDLERS: readonly string[] = ['beforeStart', 'onSuccess', 'onFailure', 'onRetry', 'afterReturn'] satisfies HandlerName[];
/** What makes the task is not for others to say: its name, its class, its first parameter. */
const OF_THE_CODE: readonly string[] = ['name', 'base', 'bind'] satisfies (keyof TaskOptions)[];

/**
 * As Celery resolves them: of several objects the first that names the task, and over that the first that has a `*`.
 *
 * @param value - Of the setting, checked.
 */
export function annotationOf(value: TaskAnnotations | readonly TaskAnnotations[] | null, taskName: string): Annotation | undefined {
  const given = value === null ? [] : Array.isArray(value) ? (value as readonly TaskAnnotations[]) : [value as TaskAnnotations];
  const first = (name: string): Readonly<Record<string, unknown>> | undefined =>
    given.find((annotations) => Object.hasOwn(annotations, name))?.[name];
  const [own, all] = [first(taskName), first('*')];
  if (own === undefined && all === undefined) return undefined;
  const entries = Object.entries({ ...own, ...all }).map(([name, attribute]) => [camelCase(name), attribute] as const);
  const isHandler = ([name]: readonly [string, unknown]): boolean => HANDLERS.includes(name);
  return {
    options: Object.fromEntries(entries.filter((entry) => !isHandler(entry))),
    handlers: Object.fromEntries(entries.filter(isHandler)),
  };
}

/** @throws {@link ConfigError} for what is no annotation, and for an attribute that no task has. */
export function checkAnnotations(value: unknown, where: string): unknown {
  for (const annotations of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
    if (!isObject(annotations)) throw wrong(where, 'is not an object of tasks');
    for (const [task, attributes] of Object.entries(annotations)) {
      if (!isObject(attributes)) throw wrong(`${where}[${JSON.stringify(task)}]`, 'is not an object of task options');
      for (const [name, attribute] of Object.entries(attributes)) checkAttribute(name, attribute, `${where}[${JSON.stringify(task)}]`);
    }
  }
  return value;
}

function checkAttribute(written: string, attribute: unknown, where: string): void {
  const name = camelCase(written);
  if (HANDLERS.includes(name)) {
    if (typeof attribute !== 'function') throw wrong(`${where}.${written}`, 'is not a function');
    return;
  }
  const option = taskOptionOf(written);
  if (option !== undefined && OF_THE_CODE.includes(option)) {
    throw new ConfigError(`${where}: ${written} is for the code to say`, { hint: 'leave it out' });
  }
  checkTaskOption(option ?? written, attribute, where);
}

function wrong(where: string, what: string): ConfigError {
  return new ConfigError(`${where} ${what}`, { hint: 'write it as { "tasks.add": { "rate_limit": "10/s" } }; "*" is for all tasks' });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
