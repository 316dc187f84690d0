/**
 * Remote control as it travels (kombu's pidbox, WIRE 10): a request goes to every worker's mailbox
 * over a fanout exchange, and each worker it is meant for answers to the asker's own reply queue.
 * Always JSON, in both directions; signed where tasks are.
 */
import type { Exchange, Queue, Route } from '../broker.js';
import { ProtocolError } from '../errors.js';
import { stringifyJson } from './kombu-json.js';
import type { Message } from './message.js';
import { ownQueue, type OwnQueueLimits } from './own-queue.js';
import { isRecord } from './record.js';
import { deserialize, type Serialized } from './serializers.js';
import { type ControlContent, PLAIN_CONTROL } from './signing.js';

/** Where an answer goes. */
export interface ReplyAddress {
  readonly exchange: string;
  readonly routingKey: string;
}

export interface ControlRequest {
  readonly method: string;
  /** Keyword arguments. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Node names; null is everybody. */
  readonly destination: readonly string[] | null;
  /** Looked at only without a destination: `glob` or `pcre` against the node name. */
  readonly pattern: string | null;
  readonly matcher: string | null;
  /** Null for a request that wants no answer. */
  readonly ticket: string | null;
  readonly replyTo: ReplyAddress | null;
  /** The asker's logical clock, as it came. */
  readonly clock: unknown;
}

export interface ControlReply {
  readonly ticket: string | null;
  readonly clock: unknown;
  /** Seconds since 1970 after which nobody waits for it; null: never. */
  readonly expiresS: number | null;
  /** What each node says; nearly always one. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** `control_exchange` is `celery` unless set otherwise; both ends must agree. */
export function requestExchange(namespace: string): Exchange {
  return { name: `${namespace}.pidbox`, type: 'fanout', durable: false };
}

export function replyExchange(namespace: string): Exchange {
  return { name: `reply.${namespace}.pidbox`, type: 'direct', durable: false };
}

/** A worker's own queue. */
export function mailboxQueue(nodename: string, namespace: string, limits: OwnQueueLimits): Queue {
  return ownQueue(`${nodename}.${namespace}.pidbox`, requestExchange(namespace), '', limits);
}

/** An asker's own queue. */
export function replyQueue(oid: string, namespace: string, limits: OwnQueueLimits): Queue {
  const exchange = replyExchange(namespace);
  return ownQueue(`${oid}.${exchange.name}`, exchange, oid, limits);
}

export function requestRoute(namespace: string): Route {
  return { exchange: requestExchange(namespace), routingKey: '' };
}

export function replyRoute(address: ReplyAddress): Route {
  return { exchange: { name: address.exchange, type: 'direct', durable: false }, routingKey: address.routingKey };
}

/**
 * @param clock - The asker's logical clock, one step forward.
 * @param expiresS - When the asker stops listening, seconds since 1970; 0 without a time-out. Workers ignore it.
 */
export function encodeRequest(
  request: Omit<ControlRequest, 'clock'>,
  clock: number,
  expiresS: number,
  content: ControlContent = PLAIN_CONTROL,
): Message {
  const { method, destination, pattern, matcher, ticket, replyTo } = request;
  const body: Record<string, unknown> = { method, arguments: request.arguments, destination, pattern, matcher };
  if (replyTo !== null) {
    body['ticket'] = ticket;
    body['reply_to'] = { exchange: replyTo.exchange, routing_key: replyTo.routingKey };
  }
  return controlMessage(body, { clock, expires: expiresS }, 2, content);
}

/**
 * Reads a request from anybody. What Celery's workers take is taken, hand-made minimal ones included;
 * what would end or mute one of them is refused.
 *
 * @throws {@link ProtocolError} for anything that is no request.
 */
export function decodeRequest(message: Message, content: ControlContent = PLAIN_CONTROL): ControlRequest {
  const body = readBody(message, 'control request', content);
  const { method, ticket } = body;
  if (typeof method !== 'string' || method === '') throw malformed('control request without a method');
  const given = body['arguments'] ?? {};
  if (!isRecord(given)) throw malformed('the arguments of a control request are no object');
  return {
    method,
    arguments: given,
    destination: readDestination(body['destination']),
    pattern: textOrNull(body['pattern']),
    matcher: textOrNull(body['matcher']),
    ticket: textOrNull(ticket),
    replyTo: readAddress(body['reply_to']),
    clock: message.headers['clock'],
  };
}

/** @param value - What the command returned; the dates in it are written as text, which every reader understands. */
export function encodeReply(
  nodename: string,
  value: unknown,
  ticket: string | null,
  clock: number,
  content: ControlContent = PLAIN_CONTROL,
): Message {
  return controlMessage({ [nodename]: value }, { ticket, clock }, 1, content);
}

/** @throws {@link ProtocolError} for anything that is no reply. */
export function decodeReply(message: Message, content: ControlContent = PLAIN_CONTROL): ControlReply {
  const body = readBody(message, 'control reply', content);
  const { ticket, clock, expires } = message.headers;
  return {
    ticket: textOrNull(ticket),
    clock,
    expiresS: typeof expires === 'number' && expires > 0 ? expires : null,
    values: new Map(Object.entries(body)),
  };
}

function controlMessage(
  body: unknown,
  headers: Readonly<Record<string, unknown>>,
  deliveryMode: number,
  { signer }: ControlContent,
): Message {
  const json: Serialized = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from(stringifyJson(body, 'plain'), 'utf8'),
  };
  return { headers, properties: { deliveryMode, priority: 0 }, ...(signer === undefined ? json : signer.sign(json)) };
}

function readBody(message: Message, what: string, { accept }: ControlContent): Record<string, unknown> {
  const body = deserialize(message, accept);
  if (!isRecord(body)) throw malformed(`${what} that is no object`);
  return body;
}

/** An empty list is everybody, as in kombu (pidbox.py: `if destination`). */
function readDestination(value: unknown): readonly string[] | null {
  if (value === undefined || value === null || value === '') return null;
  if (!Array.isArray(value)) throw malformed('the destination of a control request is no list');
  return value.length === 0 ? null : value.filter((name): name is string => typeof name === 'string');
}

function readAddress(value: unknown): ReplyAddress | null {
  if (value === undefined || value === null) return null;
  const exchange = isRecord(value) ? value['exchange'] : undefined;
  const routingKey = isRecord(value) ? value['routing_key'] : undefined;
  if (!isName(exchange) || !isName(routingKey)) throw malformed('the reply_to of a control request is no address');
  return { exchange, routingKey };
}

/** AMQP's limit for names; on Redis they become keys. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', what);
}
