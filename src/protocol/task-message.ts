/**
 * Task ↔ message. Written in protocol 2 (WIRE 3); protocol 1 and the hybrid of both are read, too
 * (WIRE 4). What is wrong with a message is told in Celery's three classes, each with its own log line.
 */
import { ProtocolError, type ProtocolErrorCode } from '../errors.js';
import { compress, type Compressed, type DecodeLimits, DEFAULT_DECODE_LIMITS, decompress, tooLarge } from './compression.js';
import { formatIsoDate, parseIsoDate } from './iso-date.js';
import { parseJson } from './kombu-json.js';
import type { Message, MessageProperties } from './message.js';
import { argsRepr, kwargsRepr, pythonRepr } from './python-repr.js';
import { type AcceptedContent, deserialize, serialize, utf8Text } from './serializers.js';

export { parseIsoDate } from './iso-date.js';

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

/** A call to be sent; the fields are `ApplyAsyncOptions` with everything decided that is not in the message. */
export interface TaskCall {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs?: Kwargs | undefined;
  /** Now, for `countdown` and `expires`; milliseconds since 1970. */
  readonly nowMs: number;
  readonly origin: string;
  /** The sender's oid, or the caller's own queue. */
  readonly replyTo: string;
  /** Default `json`. */
  readonly serializer?: string | undefined;
  readonly compression?: string | null | undefined;
  /** Seconds from now; wins over `eta`. */
  readonly countdown?: number | undefined;
  readonly eta?: Date | string | null | undefined;
  /** Seconds from now, or a date. */
  readonly expires?: number | Date | string | null | undefined;
  readonly priority?: number | null | undefined;
  readonly headers?: Kwargs | undefined;
  readonly link?: unknown;
  readonly linkError?: unknown;
  readonly chain?: readonly unknown[] | null | undefined;
  readonly chord?: unknown;
  readonly groupId?: string | null | undefined;
  readonly groupIndex?: number | null | undefined;
  readonly rootId?: string | null | undefined;
  readonly parentId?: string | null | undefined;
  readonly retries?: number | undefined;
  readonly shadow?: string | null | undefined;
  readonly ignoreResult?: boolean | undefined;
  readonly argsrepr?: string | undefined;
  readonly kwargsrepr?: string | undefined;
  readonly replacedTaskNesting?: number | undefined;
  readonly timeLimit?: number | null | undefined;
  readonly softTimeLimit?: number | null | undefined;
  readonly deliveryMode?: 1 | 2 | 'transient' | 'persistent' | undefined;
  readonly stampedHeaders?: readonly string[] | null | undefined;
  readonly stamps?: Kwargs | undefined;
  /** Further properties by their wire names. */
  readonly properties?: Kwargs | undefined;
}

/** A promise only when the compression is one of the asynchronous ones. */
export function encodeTaskMessage(call: TaskCall): Message | Promise<Message> {
  const kwargs = call.kwargs ?? {};
  const { eta, expires, expiration } = encodeDates(call);
  const headers: Record<string, unknown> = {
    lang: 'js',
    task: call.task,
    id: call.id,
    shadow: call.shadow ?? null,
    eta,
    expires,
    group: call.groupId ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    argsrepr: call.argsrepr ?? argsRepr(call.args),
    kwargsrepr: call.kwargsrepr ?? kwargsRepr(kwargs),
    origin: call.origin,
    ignore_result: call.ignoreResult ?? false,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: call.stampedHeaders ?? null,
    stamps: call.stamps ?? {},
    ...call.headers,
  };
  const properties: MessageProperties = {
    correlationId: call.id,
    replyTo: call.replyTo,
    deliveryMode: call.deliveryMode === 1 || call.deliveryMode === 'transient' ? 1 : 2,
    priority: call.priority ?? 0,
    ...(expiration === undefined ? {} : { expiration }),
    ...(call.properties === undefined ? {} : { extra: call.properties }),
  };
  const { contentType, contentEncoding, body } = serialize(call.serializer ?? 'json', [
    call.args,
    kwargs,
    { callbacks: asList(call.link), errbacks: asList(call.linkError), chain: call.chain ?? null, chord: call.chord ?? null },
  ]);
  if (call.compression === undefined || call.compression === null) return { headers, properties, contentType, contentEncoding, body };
  const finish = (compressed: Compressed): Message => {
    headers['compression'] = compressed.header;
    return { headers, properties, contentType, contentEncoding, body: compressed.body };
  };
  const compressed = compress(call.compression, body);
  return compressed instanceof Promise ? compressed.then(finish) : finish(compressed);
}

function asList(value: unknown): readonly unknown[] | null {
  if (value === undefined || value === null) return null;
  return Array.isArray(value) ? value : [value];
}

function encodeDates({ nowMs, countdown, eta, expires }: TaskCall): { eta: string | null; expires: string | null; expiration?: string } {
  const etaText = countdown
    ? isoText(nowMs + countdown * 1000, 'countdown')
    : eta === undefined || eta === null
      ? null
      : isoText(eta, 'eta');
  if (expires === undefined || expires === null) return { eta: etaText, expires: null };
  const expiresText = isoText(typeof expires === 'number' ? nowMs + expires * 1000 : expires, 'expires');
  const leftMs = typeof expires === 'number' ? expires * 1000 : (parseIsoDate(expiresText)?.getTime() ?? 0) - nowMs;
  return { eta: etaText, expires: expiresText, expiration: String(Math.max(0, Math.trunc(leftMs))) };
}

function isoText(value: number | Date | string, option: string): string {
  if (typeof value === 'string') {
    if (parseIsoDate(value) === undefined) throw unencodable(`${option} is no ISO 8601 date: '${value.slice(0, 100)}'`);
    return value;
  }
  const ms = typeof value === 'number' ? value : value.getTime();
  // Python's datetime ends with the year 9999.
  if (!(ms >= -62_135_596_800_000 && ms < 253_402_300_800_000)) throw unencodable(`${option} is out of range`);
  return formatIsoDate(ms);
}

export interface DecodeTaskOptions {
  readonly accept: AcceptedContent;
  readonly limits?: DecodeLimits;
  /** IANA zone for dates without an offset; default UTC. */
  readonly timezone?: string;
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
  if (compression === undefined || compression === null) return decodePlain(message, message.body, options);
  const fail = (error: unknown): never => {
    throw decodeFault(error, 'undecodable');
  };
  let body: Uint8Array | Promise<Uint8Array>;
  try {
    body = decompress(String(compression), message.body, options.limits);
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
  let payload: unknown;
  try {
    if (body.byteLength > limits.maxBytes) throw tooLarge(limits.maxBytes);
    const { contentType, contentEncoding } = message;
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
  if (isVersion2) return isObject(payload) ? decodeHybrid(headers, payload, options) : decodeVersion2(headers, payload, options);
  if (!isObject(payload) || typeof payload['task'] !== 'string')
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
function decodeFault(error: unknown, refused: TaskMessageFault): unknown {
  if (!(error instanceof ProtocolError)) return error;
  return new TaskMessageError(error.code === 'CTQ_PROTOCOL_REFUSED' ? refused : 'undecodable', error.message, {
    code: error.code,
    cause: error,
  });
}

function decodeVersion2(headers: Kwargs, payload: unknown, options: DecodeTaskOptions): TaskMessage {
  if (!Array.isArray(payload) || payload.length !== 3) throw invalid('the body is not [args, kwargs, embed]');
  return assemble(headers, payload[0], payload[1], isObject(payload[2]) ? payload[2] : {}, options);
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
    kwargsrepr: isObject(kwargs) ? kwargsRepr(kwargs) : '',
  };
  return { ...assemble(fields, args, kwargs, { ...payload, chain: null }, options), headers: message.headers };
}

/** @param fields - Where the header values are: the headers, or the body of protocol 1. */
function assemble(fields: Kwargs, args: unknown, kwargs: unknown, embed: Kwargs, options: DecodeTaskOptions): TaskMessage {
  const id = fields['id'];
  if (typeof id !== 'string' || id === '') throw invalid('the message has no task id');
  if (!isObject(kwargs)) throw invalid('Task keyword arguments must be a mapping');
  const stamped = fields['stamped_headers'];
  const eta = dateField(fields['eta'], 'ETA', options.timezone);
  const expires = dateField(fields['expires'], 'expires', options.timezone);
  return {
    id,
    task: fields['task'] as string,
    args: argsList(args),
    kwargs,
    callbacks: asList(embed['callbacks']),
    errbacks: asList(embed['errbacks']),
    chain: asList(embed['chain']),
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
    stamps: isObject(fields['stamps']) ? fields['stamps'] : {},
    utc: fields['utc'] !== false,
    headers: fields,
  };
}

/** In Python `f(*args)` takes any iterable, and of an object its keys (WIRE 5). */
function argsList(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args;
  if (isObject(args)) return Object.keys(args);
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

function textOr<T>(value: unknown, fallback: T): string | T {
  return typeof value === 'string' ? value : fallback;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function invalid(what: string): TaskMessageError {
  return new TaskMessageError('invalid', what);
}

function unencodable(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', what);
}
