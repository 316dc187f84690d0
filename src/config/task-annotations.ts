/** `task_annotations`: options that the settings lay over those of the tasks, by name (Celery's app/annotations.py). */
import { ConfigError } from '../errors.js';
import type { Task, TaskOptions } from '../task.js';
import { closestName } from './closest-name.js';
import { camelCase, snakeCase } from './setting-names.js';

/** Task name, or `*` for all, → task options in either spelling, and handlers. */
export type TaskAnnotations = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a class of tasks may override. */
type HandlerName = 'beforeStart' | 'onSuccess' | 'onFailure' | 'onRetry' | 'afterReturn';

/** What is laid over one task. */
export interface Annotation {
  readonly options: Partial<TaskOptions>;
  readonly handlers: Partial<Pick<Task, HandlerName>>;
}

/** All but what makes the task: its name, its class and its first parameter. */
const OPTIONS: Readonly<Record<Exclude<keyof TaskOptions, 'name' | 'base' | 'bind'>, true>> = {
  maxRetries: true,
  defaultRetryDelay: true,
  autoretryFor: true,
  dontAutoretryFor: true,
  retryBackoff: true,
  retryBackoffMax: true,
  retryJitter: true,
  throws: true,
  rateLimit: true,
  rateLimitScope: true,
  maxConcurrency: true,
  maxConcurrencyScope: true,
  timeLimit: true,
  softTimeLimit: true,
  ignoreResult: true,
  storeErrorsEvenIfIgnored: true,
  serializer: true,
  compression: true,
  backend: true,
  acksLate: true,
  acksOnFailureOrTimeout: true,
  rejectOnWorkerLost: true,
  trackStarted: true,
  expires: true,
  priority: true,
  queue: true,
  routingKey: true,
  exchange: true,
  resultExpires: true,
  typing: true,
  sendEvents: true,
};
const HANDLERS: Readonly<Record<HandlerName, true>> = {
  beforeStart: true,
  onSuccess: true,
  onFailure: true,
  onRetry: true,
  afterReturn: true,
};
const NAMES = [...Object.keys(OPTIONS), ...Object.keys(HANDLERS)].map(snakeCase);

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
  const among = (names: object) => Object.fromEntries(entries.filter(([name]) => Object.hasOwn(names, name)));
  return { options: among(OPTIONS), handlers: among(HANDLERS) };
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
  if (Object.hasOwn(HANDLERS, name) && typeof attribute !== 'function') throw wrong(`${where}.${written}`, 'is not a function');
  if (Object.hasOwn(HANDLERS, name) || Object.hasOwn(OPTIONS, name)) return;
  const lookalike = closestName(snakeCase(written), NAMES);
  throw new ConfigError(`${where}: a task has no option ${JSON.stringify(written)}`, {
    hint: lookalike === undefined ? `it has ${NAMES.join(', ')}` : `did you mean ${lookalike}?`,
  });
}

function wrong(where: string, what: string): ConfigError {
  return new ConfigError(`${where} ${what}`, { hint: 'write it as { "tasks.add": { "rate_limit": "10/s" } }; "*" is for all tasks' });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
