/**
 * Events as they travel (WIRE 11): what happens in workers and clients, told to whoever listens. One
 * message holds one event, or a list of task events that happened close together.
 */
import type { Exchange, ExchangeType, Route } from '../broker.js';
import { ProtocolError } from '../errors.js';
import { stringifyJson } from './kombu-json.js';
import type { Message } from './message.js';
import { isRecord } from './record.js';
import { type AcceptedContent, deserialize, serialize, type Serialized } from './serializers.js';
import type { ContentSigner } from './signing.js';

/** An event by its wire names. Everything but the type may be missing in one from somebody else. */
export interface WireEvent {
  readonly type: string;
  /** Node name, or `gen<pid>@<host>` of a client. */
  readonly hostname?: unknown;
  readonly pid?: unknown;
  readonly clock?: unknown;
  /** Seconds since 1970. */
  readonly timestamp?: unknown;
  /** Whole hours *west* of UTC. */
  readonly utcoffset?: unknown;
  readonly [field: string]: unknown;
}

/** What an event says of its own, by wire names. */
export type EventFields = Readonly<Record<string, unknown>>;

/** Who sends events: the fields that all of them share. */
export interface EventSource {
  readonly hostname: string;
  readonly pid: number;
}

/** `task` for `task-received`: what is switched on and off together, and what is sent in batches. */
export function eventGroup(type: string): string {
  const dash = type.indexOf('-');
  return dash < 0 ? type : type.slice(0, dash);
}

/** `worker.elect.ack` for `worker-elect-ack`. */
export function eventRoutingKey(type: string): string {
  return type.replaceAll('-', '.');
}

/** @param type - `topic` on AMQP, `fanout` on Redis: the broker's `eventExchangeType`. */
export function eventExchange(name: string, type: ExchangeType): Exchange {
  return { name, type };
}

export function eventRoute(exchange: Exchange, routingKey: string): Route {
  return { exchange, routingKey };
}

/** Python's `time.timezone // 3600`, daylight saving included: −2 in UTC+2, −6 in UTC+5:30. */
export function utcOffsetHours(nowMs: number): number {
  return Math.floor(new Date(nowMs).getTimezoneOffset() / 60);
}

/**
 * Writes events in Celery's order of keys. An object of its own, for what all events of a node share
 * is written once; at 75,000 events a second that is half of the work.
 */
export class EventWriter {
  readonly #start: string;
  readonly #pid: number;
  readonly #headers: Readonly<Record<string, unknown>>;
  readonly #serializer: string;
  readonly #signer: ContentSigner | undefined;
  #offsetUntilMs = 0;
  #offset = '';

  /**
   * @param serializer - `event_serializer`.
   * @param signer - For `auth`.
   */
  constructor({ hostname, pid }: EventSource, serializer = 'json', signer?: ContentSigner) {
    this.#start = `{"hostname": ${JSON.stringify(hostname)}, "utcoffset": `;
    this.#pid = pid;
    this.#headers = { hostname };
    this.#serializer = serializer;
    this.#signer = signer;
  }

  /** One event as JSON text. */
  write(type: string, fields: EventFields, clock: number, nowMs: number): string {
    if (nowMs >= this.#offsetUntilMs) this.#readOffset(nowMs);
    const own = stringifyJson(fields, 'plain');
    const middle = own === '{}' ? '' : `${own.slice(1, -1)}, `;
    return `${this.#start}${this.#offset}${clock}, ${middle}"timestamp": ${nowMs / 1000}, "type": ${JSON.stringify(type)}}`;
  }

  /** The message for one event. */
  single(event: string): Message {
    return this.#message(event);
  }

  /** The message for a batch: a JSON array, even of one. */
  batch(events: readonly string[]): Message {
    return this.#message(`[${events.join(', ')}]`);
  }

  #message(text: string): Message {
    return { ...this.#content(text), headers: this.#headers, properties: { deliveryMode: 1, priority: 0 } };
  }

  #content(text: string): Serialized {
    const json: Serialized = { contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from(text, 'utf8') };
    if (this.#serializer === 'json') return json;
    if (this.#serializer === 'auth' && this.#signer !== undefined) return this.#signer.sign(json);
    return serialize(this.#serializer, JSON.parse(text));
  }

  #readOffset(nowMs: number): void {
    // Clocks change at full quarters of an hour.
    this.#offsetUntilMs = nowMs - (nowMs % 900_000) + 900_000;
    this.#offset = `${utcOffsetHours(nowMs)}, "pid": ${this.#pid}, "clock": `;
  }
}

/**
 * The events in a message, in order. What is no event among them is left out.
 *
 * @throws {@link ProtocolError} when the message cannot be read at all.
 */
export function decodeEvents(message: Message, accept: AcceptedContent): WireEvent[] {
  const body = deserialize(message, accept);
  if (Array.isArray(body)) return body.filter(isEvent);
  if (isEvent(body)) return [body];
  throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'a message of events without an event');
}

function isEvent(value: unknown): value is WireEvent {
  return isRecord(value) && typeof value['type'] === 'string';
}
