/**
 * Message → task, as a worker sees it. Protocol 2, protocol 1 and the hybrid of both are read (WIRE 4).
 * What is wrong with a message is told in Celery's three classes, each with its own log line.
 */
import { ProtocolError, type ProtocolErrorCode } from '../errors.js';
import { type DecodeLimits, DEFAULT_DECODE_LIMITS, decompress, tooLarge } from './compression.js';
import { checkFollowing, type FollowLimits } from './follow-limits.js';
import { parseIsoDate } from './iso-date.js';
import { parseJson } from './kombu-json.js';
import type { Message } from './message.js';
import { argsRepr, kwargsRepr, pythonRepr } from './python-repr.js';
import { asList, isRecord, textOr } from './record.js';
import { type AcceptedContent, deserialize, SIGNED_CONTENT, utf8Text } from './serializers.js';

type Kwargs = Readonly<Record<string, unknown>>;

/**
 * - `unknown`: not a task message at all; `Received and deleted unknown message.  Wrong destination?!?`
 * - `invalid`: a task message that breaks the rules; `Received invalid task message: …`
 * - `undecodable`: its body cannot be read; `Can't decode message body: …`
 */
export type TaskMessageFault = 'unknown' | 'invalid' | 'undecodable';

/** Why a message cannot be run. */
export class TaskMessageError extends ProtocolError {
  readonly fault: TaskMessageFault;

  constructor(fault: TaskMessageFault, message: string, options: { code?: ProtocolErrorCode; cause?: unknown } = {}) {
    super(options.code ?? 'CTQ_PROTOCOL_MALFORMED', message, options.cause === undefined ? {} : { cause: options.cause });
    this.fault = fault;
  }
}

/** A task as a worker sees it. Dates stay as written; `etaMs` and `expiresMs` are what they mean. */
export interface TaskMessage {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Kwargs;
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  /** Remaining steps, the next one last. */
  readonly chain: readonly unknown[] | null;
  readonly chord: unknown;
  readonly retries: number;
  readonly eta: string | null;
  /** Milliseconds since 1970. */
  readonly etaMs: number | null;
  readonly expires: string | null;
  /** Milliseconds since 1970. */
  readonly expiresMs: number | null;
  /** `[hard, soft]` in seconds. */
  readonly timelimit: readonly [number | null, number | null];
  readonly rootId: string;
  readonly parentId: string | null;
  readonly group: string | null;
  readonly groupIndex: number | null;
  readonly shadow: string | null;
  readonly ignoreResult: boolean;
  readonly argsrepr: string;
  readonly kwargsrepr: string;
  readonly origin: string | null;
  readonly replacedTaskNesting: number;
  readonly stampedHeaders: readonly string[] | null;
  readonly stamps: Kwargs;
  readonly utc: boolean;
  /** All headers by their wire names, the caller's own among them. */
  readonly headers: Kwargs;
}

export interface DecodeTaskOptions {
  readonly accept: AcceptedContent;
  readonly limits?: DecodeLimits;
  /** IANA zone for dates without an offset; default UTC. */
  readonly timezone?: string;
  /** How much may follow the task; default: anything. */
  readonly following?: FollowLimits;
}

/** What can be known of a task without touching its body. */
export interface TaskPeek {
  readonly id: string;
  readonly task: string;
  readonly eta: string | null;
  readonly expires: string | null;
}

/** undefined when the headers do not make it a protocol 2 message. */
export function peekTask(message: Message): TaskPeek | undefined {
  const { task, id, eta, expires } = message.headers;
  if (typeof task !== 'string' || typeof id !== 'string') return undefined;
  return { id, task, eta: typeof eta === 'string' ? eta : null, expires: typeof expires === 'string' ? expires : null };
}

/**
 * Reads a task, or throws a {@link TaskMessageError} that says why not.
 * A promise only when the body's compression is one of the asynchronous ones.
 */
export function decodeTaskMessage(message: Message, options: DecodeTaskOptions): TaskMessage | Promise<TaskMessage> {
  const { compression } = message.headers;
  if (compression === undefined || compression === null || compression === '') return decodePlain(message, message.body, options);
  const fail = (error: unknown): never => {
    throw decodeFault(error, 'undecodable');
  };
  if (typeof compression !== 'string')
    throw new TaskMessageError('undecodable', `unknown compression ${pythonRepr(compression).slice(0, 100)}`);
  let body: Uint8Array | Promise<Uint8Array>;
  try {
    body = decompress(compression, message.body, options.limits);
  } catch (error) {
    return fail(error);
  }
  return body instanceof Promise ? body.then((bytes) => decodePlain(message, bytes, options), fail) : decodePlain(message, body, options);
}

function decodePlain(message: Message, body: Uint8Array, options: DecodeTaskOptions): TaskMessage {
  const limits = options.limits ?? DEFAULT_DECODE_LIMITS;
  const { headers } = message;
  const isVersion2 = typeof headers['task'] === 'string';
  if (!isVersion2 && Object.hasOwn(headers, 'task')) throw new TaskMessageError('unknown', 'the task header is not a name');
  // kombu would take it for raw bytes, and the worker then ends over them.
  if (isVersion2 && message.contentType === '') throw invalid('the message has no content type');
  let payload: unknown;
  try {
    if (body.byteLength > limits.maxBytes) throw tooLarge(limits.maxBytes);
    const { contentType, contentEncoding } = message;
    if (contentType === SIGNED_CONTENT.contentType) options.accept.verifier?.checkSeal?.(message);
    if (contentType === 'application/json' && options.accept.contentTypes.has(contentType)) {
      const text = utf8Text(body);
      const args = isVersion2 ? plainArgs(text) : undefined;
      payload = args === undefined ? parseJson(text) : [args, {}, null];
    } else {
      payload = deserialize({ contentType, contentEncoding, body }, options.accept);
    }
  } catch (error) {
    throw decodeFault(error, isVersion2 ? 'invalid' : 'undecodable');
  }
  if (isVersion2) {
    if (isRecord(payload) && Object.hasOwn(payload, 'args')) return decodeHybrid(headers, payload, options);
    return decodeVersion2(headers, payload, options);
  }
  if (!isRecord(payload) || typeof payload['task'] !== 'string')
    throw new TaskMessageError('unknown', 'neither headers nor body name a task');
  return decodeVersion1(message, payload, options);
}

/**
 * How a JSON body ends when the call has neither keyword arguments nor callbacks, from Python and from
 * ctq. Most messages are like this, and then only the arguments need a parser: half the time.
 */
const PLAIN_ENDS: readonly string[] = [
  ', {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
  ',{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
];

/** The arguments of such a body; undefined for any other, which is then read as a whole. */
function plainArgs(text: string): unknown {
  const end = PLAIN_ENDS.find((candidate) => text.endsWith(candidate));
  if (end === undefined || !text.startsWith('[[')) return undefined;
  try {
    // If what stands before the end is one value by itself, it is the first of exactly three.
    return parseJson(text.slice(1, -end.length));
  } catch {
    return undefined;
  }
}

/** A refused content type is an invalid message to Celery, unless it had to read the body to know the task. */
function decodeFault(error: unknown, refused: TaskMessageFault, others: TaskMessageFault = 'undecodable'): unknown {
  if (!(error instanceof ProtocolError)) return error;
  return new TaskMessageError(error.code === 'CTQ_PROTOCOL_REFUSED' ? refused : others, error.message, {
    code: error.code,
    cause: error,
  });
}

function decodeVersion2(headers: Kwargs, payload: unknown, options: DecodeTaskOptions): TaskMessage {
  if (!Array.isArray(payload) || payload.length !== 3) throw invalid('the body is not [args, kwargs, embed]');
  return assemble(headers, payload[0], payload[1], isRecord(payload[2]) ? payload[2] : {}, options);
}

function decodeHybrid(headers: Kwargs, payload: Kwargs, options: DecodeTaskOptions): TaskMessage {
  return assemble({ ...payload, ...headers }, payload['args'] ?? [], payload['kwargs'] ?? {}, { ...payload, chain: null }, options);
}

function decodeVersion1(message: Message, payload: Kwargs, options: DecodeTaskOptions): TaskMessage {
  const args = payload['args'] ?? [];
  const kwargs = payload['kwargs'] ?? {};
  const fields = {
    ...payload,
    group: payload['taskset'] ?? payload['group'] ?? null,
    argsrepr: Array.isArray(args) ? argsRepr(args) : '',
    kwargsrepr: isRecord(kwargs) ? kwargsRepr(kwargs) : '',
  };
  return { ...assemble(fields, args, kwargs, { ...payload, chain: null }, options), headers: message.headers };
}

/** @param fields - Where the header values are: the headers, or the body of protocol 1. */
function assemble(fields: Kwargs, args: unknown, kwargs: unknown, embed: Kwargs, options: DecodeTaskOptions): TaskMessage {
  const id = fields['id'];
  if (typeof id !== 'string' || id === '') throw invalid('the message has no task id');
  if (!isRecord(kwargs)) throw invalid('Task keyword arguments must be a mapping');
  const stamped = fields['stamped_headers'];
  const following = followingOf(embed, options);
  const eta = dateField(fields['eta'], 'ETA', options.timezone);
  const expires = dateField(fields['expires'], 'expires', options.timezone);
  return {
    id,
    task: fields['task'] as string,
    args: argsList(args),
    kwargs,
    ...following,
    chord: embed['chord'] ?? null,
    retries: count(fields['retries']),
    eta: eta === null ? null : (fields['eta'] as string),
    etaMs: eta,
    expires: expires === null ? null : (fields['expires'] as string),
    expiresMs: expires,
    timelimit: timeLimits(fields['timelimit']),
    rootId: textOr(fields['root_id'], id),
    parentId: textOr(fields['parent_id'], null),
    group: textOr(fields['group'], null),
    groupIndex: typeof fields['group_index'] === 'number' ? fields['group_index'] : null,
    shadow: textOr(fields['shadow'], null),
    ignoreResult: fields['ignore_result'] === true,
    argsrepr: textOr(fields['argsrepr'], ''),
    kwargsrepr: textOr(fields['kwargsrepr'], ''),
    origin: textOr(fields['origin'], null),
    replacedTaskNesting: count(fields['replaced_task_nesting']),
    stampedHeaders: Array.isArray(stamped) ? stamped.filter((name): name is string => typeof name === 'string') : null,
    stamps: isRecord(fields['stamps']) ? fields['stamps'] : {},
    utc: fields['utc'] !== false,
    headers: fields,
  };
}

function followingOf(embed: Kwargs, { following: limits }: DecodeTaskOptions): Pick<TaskMessage, 'callbacks' | 'errbacks' | 'chain'> {
  const { callbacks, errbacks, chain } = embed;
  const following = { callbacks: asList(callbacks), errbacks: asList(errbacks), chain: asList(chain) };
  try {
    if (limits !== undefined) checkFollowing(following, limits);
    return following;
  } catch (error) {
    throw decodeFault(error, 'invalid', 'invalid');
  }
}

/** In Python `f(*args)` takes any iterable, and of an object its keys (WIRE 5). */
function argsList(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args;
  if (isRecord(args)) return Object.keys(args);
  throw invalid('Task arguments must be a list');
}

function dateField(value: unknown, name: string, timezone: string | undefined): number | null {
  if (value === undefined || value === null) return null;
  const date = typeof value === 'string' ? parseIsoDate(value, timezone) : undefined;
  if (date === undefined) throw invalid(`invalid ${name} value ${pythonRepr(value).slice(0, 200)}: Invalid isoformat string`);
  return date.getTime();
}

function timeLimits(value: unknown): readonly [number | null, number | null] {
  if (!Array.isArray(value)) return NO_LIMITS;
  const [hard, soft] = value as readonly unknown[];
  return [typeof hard === 'number' ? hard : null, typeof soft === 'number' ? soft : null];
}

const NO_LIMITS: readonly [null, null] = [null, null];

function count(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : 0;
}

function invalid(what: string): TaskMessageError {
  return new TaskMessageError('invalid', what);
}
