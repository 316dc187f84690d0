/** The options of a task, as code and `task_annotations` write them: which there are, and what each can be. */
import { ConfigError } from '../errors.js';
import type { TaskOptions } from '../task.js';
import { closestName } from './closest-name.js';
import { camelCase, snakeCase } from './setting-names.js';
import { showValue } from './shown-value.js';

type Kind = 'a number of at least 0' | 'true or false' | 'a text' | 'a list' | 'a function' | 'anything';

/** Of the options: what is no `anything` may be null or undefined, too, for "as the settings say". */
const KINDS: Readonly<Record<keyof TaskOptions, Kind>> = {
  name: 'a text',
  bind: 'true or false',
  base: 'a function',
  maxRetries: 'a number of at least 0',
  defaultRetryDelay: 'a number of at least 0',
  autoretryFor: 'a list',
  dontAutoretryFor: 'a list',
  // A number, or true.
  retryBackoff: 'anything',
  retryBackoffMax: 'a number of at least 0',
  retryJitter: 'true or false',
  throws: 'a list',
  // Read where it is kept: a worker refuses one that it cannot.
  rateLimit: 'anything',
  rateLimitScope: 'a text',
  maxConcurrency: 'a number of at least 0',
  maxConcurrencyScope: 'a text',
  timeLimit: 'a number of at least 0',
  softTimeLimit: 'a number of at least 0',
  ignoreResult: 'true or false',
  storeErrorsEvenIfIgnored: 'true or false',
  serializer: 'a text',
  compression: 'a text',
  backend: 'a text',
  acksLate: 'true or false',
  acksOnFailureOrTimeout: 'true or false',
  rejectOnWorkerLost: 'true or false',
  trackStarted: 'true or false',
  // Seconds, or a date.
  expires: 'anything',
  priority: 'a number of at least 0',
  queue: 'a text',
  routingKey: 'a text',
  exchange: 'a text',
  resultExpires: 'a number of at least 0',
  typing: 'true or false',
  sendEvents: 'true or false',
};

export const TASK_OPTION_NAMES: readonly string[] = Object.keys(KINDS);

/**
 * What no compiler has checked: a name that is none would limit nothing, in silence.
 *
 * @param where - What errors start with.
 * @throws {@link ConfigError}
 */
export function checkTaskOptions(options: object, where: string): void {
  for (const [name, value] of Object.entries(options)) checkTaskOption(name, value, where);
}

/** @throws {@link ConfigError} */
export function checkTaskOption(name: string, value: unknown, where: string): void {
  if (!Object.hasOwn(KINDS, name)) {
    const known = Object.hasOwn(KINDS, camelCase(name)) ? camelCase(name) : closestName(name, TASK_OPTION_NAMES);
    throw new ConfigError(`${where}: a task has no option ${JSON.stringify(name)}`, {
      hint: known === undefined ? `it has ${TASK_OPTION_NAMES.join(', ')}` : `did you mean ${known}?`,
    });
  }
  const kind = KINDS[name as keyof TaskOptions];
  if (value === null || value === undefined || isOf(kind, value)) return;
  throw new ConfigError(`${where}: ${name} is ${showValue(value)}`, { hint: `it must be ${kind}` });
}

/** `max_retries` for `maxRetries`: annotations come from files that Python reads, too. */
export function taskOptionOf(name: string): string | undefined {
  const key = camelCase(name);
  return Object.hasOwn(KINDS, key) && (name === key || name === snakeCase(key)) ? key : undefined;
}

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'a number of at least 0':
      return typeof value === 'number' && value >= 0;
    case 'true or false':
      return typeof value === 'boolean';
    case 'a text':
      return typeof value === 'string' && value !== '';
    case 'a list':
      return Array.isArray(value);
    case 'a function':
      return typeof value === 'function';
    case 'anything':
      return true;
    default:
      return kind satisfies never;
  }
}
