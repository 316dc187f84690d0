/** The options of a task, as code and `task_annotations` write them: which there are, and what each can be. */
import type { TaskOptions } from '../task.js';
import { checkOption, checkOptions, type OptionKind } from './option-kinds.js';
import { camelCase, snakeCase } from './setting-names.js';

/** Of the options: what is no `anything` may be null or undefined, too, for "as the settings say". */
const KINDS: Readonly<Record<keyof TaskOptions, OptionKind>> = {
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
  expires: 'a number of seconds or a date',
  priority: 'a number of at least 0',
  queue: 'a text',
  routingKey: 'a text',
  exchange: 'a text',
  resultExpires: 'a number of at least 0',
  typing: 'true or false',
  sendEvents: 'true or false',
};

const TABLE = { of: 'a task', kinds: KINDS } as const;

/**
 * What no compiler has checked: a name that is none would limit nothing, in silence.
 *
 * @param where - What errors start with.
 * @throws {@link ConfigError}
 */
export function checkTaskOptions(options: object, where: string): void {
  checkOptions(TABLE, options, where);
}

/** @throws {@link ConfigError} */
export function checkTaskOption(name: string, value: unknown, where: string): void {
  checkOption(TABLE, name, value, where);
}

/** `max_retries` for `maxRetries`: annotations come from files that Python reads, too. */
export function taskOptionOf(name: string): string | undefined {
  const key = camelCase(name);
  return Object.hasOwn(KINDS, key) && (name === key || name === snakeCase(key)) ? key : undefined;
}
