/** A signature in its JSON form (WIRE 8.1), as it comes in messages: read with suspicion, never trusted. */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { ProtocolError } from '../errors.js';

export interface Signature {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** By their wire names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtaskType: 'chain' | 'group' | 'chord' | null;
  readonly immutable: boolean;
}

/** @throws ProtocolError when it is no signature. */
export function readSignature(value: unknown): Signature {
  const wire = isObject(value) && typeof value['toJSON'] === 'function' ? (value['toJSON'] as () => unknown)() : value;
  if (!isObject(wire) || typeof wire['task'] !== 'string')
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'not a signature: it names no task');
  const { args, kwargs, options, subtask_type: type, immutable } = wire;
  return {
    task: wire['task'],
    args: Array.isArray(args) ? args : [],
    kwargs: isObject(kwargs) ? kwargs : {},
    options: isObject(options) ? options : {},
    subtaskType: type === 'chain' || type === 'group' || type === 'chord' ? type : null,
    immutable: immutable === true,
  };
}

/** The members of a chain, in running order, or of a group. */
export function memberSignatures(signature: Signature): readonly Signature[] {
  const { tasks } = signature.kwargs;
  if (!Array.isArray(tasks)) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', `${signature.task} has no list of tasks`);
  return tasks.map(readSignature);
}

/** Wire name → ours. */
const OPTION_NAMES: Readonly<Record<string, keyof ApplyAsyncOptions>> = {
  task_id: 'taskId',
  countdown: 'countdown',
  eta: 'eta',
  expires: 'expires',
  priority: 'priority',
  queue: 'queue',
  exchange: 'exchange',
  exchange_type: 'exchangeType',
  routing_key: 'routingKey',
  serializer: 'serializer',
  compression: 'compression',
  headers: 'headers',
  link: 'link',
  link_error: 'linkError',
  chain: 'chain',
  chord: 'chord',
  group_id: 'groupId',
  group_index: 'groupIndex',
  root_id: 'rootId',
  parent_id: 'parentId',
  retries: 'retries',
  shadow: 'shadow',
  ignore_result: 'ignoreResult',
  argsrepr: 'argsrepr',
  kwargsrepr: 'kwargsrepr',
  origin: 'origin',
  replaced_task_nesting: 'replacedTaskNesting',
  time_limit: 'timeLimit',
  soft_time_limit: 'softTimeLimit',
  reply_to: 'replyTo',
  delivery_mode: 'deliveryMode',
  retry: 'retry',
  stamped_headers: 'stampedHeaders',
};

/** Said to the sender's own library and to nobody else. */
const LOCAL_OPTIONS: ReadonlySet<string> = new Set([
  'add_to_parent',
  'chord_size',
  'confirm_timeout',
  'connection',
  'producer',
  'publisher',
  'retry_policy',
  'timeout',
]);

/** apply_async options of a signature by our names; null means "not given" (WIRE 8.1), unknown ones become properties (WIRE 3.5). */
export function readOptions(options: Readonly<Record<string, unknown>>): ApplyAsyncOptions {
  const read: Record<string, unknown> = {};
  const properties: Record<string, unknown> = {};
  const stamped = Array.isArray(options['stamped_headers']) ? (options['stamped_headers'] as unknown[]) : [];
  const stamps: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || LOCAL_OPTIONS.has(name)) continue;
    const ours = Object.hasOwn(OPTION_NAMES, name) ? OPTION_NAMES[name] : undefined;
    if (ours !== undefined) read[ours] = value;
    else if (stamped.includes(name)) stamps[name] = value;
    else properties[name] = value;
  }
  if (stamped.length > 0) read['stamps'] = stamps;
  if (Object.keys(properties).length > 0) read['properties'] = properties;
  return read as ApplyAsyncOptions;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
