/** The options of one call: `applyAsync`, `sendTask`. */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { checkOptions, type OptionKind } from './option-kinds.js';

/** Where only the message can tell whether a value is possible, writing it refuses what is not. */
const KINDS: Readonly<Record<keyof ApplyAsyncOptions, OptionKind>> = {
  taskId: 'a text',
  countdown: 'a number',
  eta: 'a Date or an ISO 8601 text',
  expires: 'a number of seconds or a date',
  priority: 'a number of at least 0',
  queue: 'a text',
  exchange: 'anything',
  exchangeType: 'a text',
  routingKey: 'anything',
  routeName: 'a text',
  serializer: 'a text',
  compression: 'a text',
  headers: 'an object',
  kwargs: 'anything',
  link: 'anything',
  linkError: 'anything',
  chain: 'a list',
  chord: 'anything',
  groupId: 'a text',
  groupIndex: 'a number of at least 0',
  rootId: 'a text',
  parentId: 'a text',
  retries: 'a number of at least 0',
  shadow: 'anything',
  ignoreResult: 'true or false',
  argsrepr: 'anything',
  kwargsrepr: 'anything',
  origin: 'a text',
  replacedTaskNesting: 'a number of at least 0',
  timeLimit: 'a number of at least 0',
  softTimeLimit: 'a number of at least 0',
  replyTo: 'a text',
  deliveryMode: 'anything',
  retry: 'true or false',
  retryPolicy: 'an object',
  stampedHeaders: 'a list',
  stamps: 'an object',
  properties: 'an object',
};

const TABLE = { of: 'a call', kinds: KINDS } as const;

/** @throws {@link ConfigError} */
export function checkSendOptions(task: string, options: ApplyAsyncOptions): void {
  checkOptions(TABLE, options, `sending ${task}`);
}
