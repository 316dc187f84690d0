/** A call → its message, in Celery's protocol 2 (WIRE 3) or, for old workers, in protocol 1 (WIRE 4.1). */
import { ProtocolError } from '../errors.js';
import { compress, type Compressed } from './compression.js';
import { formatIsoDate, parseIsoDate } from './iso-date.js';
import type { Message, MessageProperties } from './message.js';
import { argsRepr, kwargsRepr } from './python-repr.js';
import { asList, setOwn } from './record.js';
import { serialize, SIGNED_CONTENT } from './serializers.js';
import { type ContentSigner, SEAL_HEADER } from './signing.js';
import { DateTime, type TypedForm } from './typed-values.js';

type Kwargs = Readonly<Record<string, unknown>>;

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
  /** For the serializer `auth`. */
  readonly signer?: ContentSigner | undefined;
  /** How JSON writes dates, UUIDs and decimals; default `typed`, which workers before Celery 5.3 take for plain objects. */
  readonly typedValues?: TypedForm | undefined;
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
  /** When it is sent, in whole seconds, for who asks how long it has waited; Celery writes none. */
  readonly timestamp?: number | undefined;
  /** Further properties by their wire names. */
  readonly properties?: Kwargs | undefined;
}

/** One for all, so that a writer sees at once that they are what they were. */
const NO_LIMITS = Object.freeze([null, null]);
const NO_STAMPS: Kwargs = Object.freeze({});

/**
 * The message for a call, in protocol 2. A promise only when the compression is one of the
 * asynchronous ones.
 *
 * @throws ProtocolError `CTQ_PROTOCOL_UNENCODABLE` for arguments that the serializer cannot write and
 *   for dates that are none.
 */
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
    timelimit: limitsOf(call),
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    argsrepr: call.argsrepr ?? argsRepr(call.args),
    kwargsrepr: call.kwargsrepr ?? kwargsRepr(kwargs),
    origin: call.origin,
    ignore_result: call.ignoreResult ?? false,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: call.stampedHeaders ?? null,
    stamps: call.stamps ?? NO_STAMPS,
  };
  if (call.headers !== undefined) for (const name of Object.keys(call.headers)) setOwn(headers, name, call.headers[name]);
  const embed = { callbacks: asList(call.link), errbacks: asList(call.linkError), chain: call.chain ?? null, chord: call.chord ?? null };
  return finish(call, headers, expiration, [call.args, kwargs, embed]);
}

/** The same in protocol 1, for `task_protocol = 1`: everything is in the body, and chains are not known (WIRE 4.1). */
export function encodeTaskMessageV1(call: TaskCall): Message | Promise<Message> {
  const { eta, expires, expiration } = encodeDates(call);
  const group = call.groupId ?? null;
  return finish(call, { ...call.headers }, expiration, {
    task: call.task,
    id: call.id,
    args: call.args,
    kwargs: call.kwargs ?? {},
    group,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    eta,
    expires,
    utc: true,
    callbacks: asList(call.link),
    errbacks: asList(call.linkError),
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    taskset: group,
    chord: call.chord ?? null,
  });
}

function limitsOf({ timeLimit, softTimeLimit }: TaskCall): readonly (number | null)[] {
  const [hard, soft] = [timeLimit ?? null, softTimeLimit ?? null];
  return hard === null && soft === null ? NO_LIMITS : [hard, soft];
}

/** Serialises and compresses the body and puts the properties around it. */
function finish(
  call: TaskCall,
  headers: Record<string, unknown>,
  expiration: string | undefined,
  payload: unknown,
): Message | Promise<Message> {
  const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {
    correlationId: call.id,
    replyTo: call.replyTo,
    deliveryMode: call.deliveryMode === 1 || call.deliveryMode === 'transient' ? 1 : 2,
    priority: call.priority ?? 0,
  };
  if (call.timestamp !== undefined) properties.timestamp = call.timestamp;
  if (expiration !== undefined) properties.expiration = expiration;
  if (call.properties !== undefined) properties.extra = call.properties;
  const { contentType, contentEncoding, body } = serialize(call.serializer ?? 'json', payload, call.typedValues, call.signer);
  const isSealed = call.serializer === SIGNED_CONTENT.name && call.signer?.seal !== undefined;
  const complete = (body: Uint8Array): Message => {
    if (isSealed) headers[SEAL_HEADER] = call.signer?.seal?.({ headers, body });
    return { headers, properties, contentType, contentEncoding, body };
  };
  if (call.compression === undefined || call.compression === null) return complete(body);
  const withCompressed = (compressed: Compressed): Message => {
    headers['compression'] = compressed.header;
    return complete(compressed.body);
  };
  const compressed = compress(call.compression, body);
  return compressed instanceof Promise ? compressed.then(withCompressed) : withCompressed(compressed);
}

function encodeDates({ nowMs, countdown, eta, expires }: TaskCall): { eta: string | null; expires: string | null; expiration?: string } {
  // A countdown of 0 leaves the eta alone, as in Celery.
  const start = countdown === undefined || countdown === 0 ? eta : nowMs + countdown * 1000;
  const etaText = start === undefined || start === null ? null : isoText(start, start === eta ? 'eta' : 'countdown');
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
  // A datetime that came from Python keeps its microseconds and its offset.
  if (value instanceof DateTime) return value.isoText;
  const ms = typeof value === 'number' ? value : value.getTime();
  // Python's datetime ends with the year 9999.
  if (!(ms >= -62_135_596_800_000 && ms < 253_402_300_800_000)) throw unencodable(`${option} is out of range`);
  return formatIsoDate(ms);
}

function unencodable(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', what);
}
