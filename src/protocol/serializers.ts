/** The content types that ctq writes, reads, and refuses by name (WIRE 2.1). */
import { isUtf8 } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import { parseJson, stringifyJson } from './kombu-json.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack-codec.js';
import { printable } from './python-repr.js';
import type { TypedForm } from './typed-values.js';
import { decodeYaml, encodeYaml } from './yaml-codec.js';

export interface Serialized {
  readonly contentType: string;
  /** `utf-8` or `binary`. */
  readonly contentEncoding: string;
  readonly body: Uint8Array;
}

/** What a reader is ready to read; made by {@link acceptedContent}. */
export interface AcceptedContent {
  readonly contentTypes: ReadonlySet<string>;
}

interface Serializer {
  readonly name: string;
  readonly contentType: string;
  readonly contentEncoding: string;
  encode(value: unknown, form: TypedForm): Uint8Array;
  decode(body: Uint8Array): unknown;
}

const json: Serializer = {
  name: 'json',
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  encode: (value, form) => Buffer.from(stringifyJson(value, form), 'utf8'),
  decode: (body) => parseJson(utf8Text(body)),
};

const yaml: Serializer = {
  name: 'yaml',
  contentType: 'application/x-yaml',
  contentEncoding: 'utf-8',
  encode: (value) => Buffer.from(encodeYaml(value), 'utf8'),
  decode: (body) => decodeYaml(utf8Text(body)),
};

const msgpack: Serializer = {
  name: 'msgpack',
  contentType: 'application/x-msgpack',
  contentEncoding: 'binary',
  encode: encodeMsgpack,
  decode: decodeMsgpack,
};

const SERIALIZERS: readonly Serializer[] = [json, yaml, msgpack];
const byName = new Map(SERIALIZERS.map((serializer) => [serializer.name, serializer]));
const byContentType = new Map(SERIALIZERS.map((serializer) => [serializer.contentType, serializer]));

export const SERIALIZER_NAMES: readonly string[] = [...byName.keys()];

export const JSON_CONTENT: AcceptedContent = { contentTypes: new Set(['application/json']) };

/** kombu delivers these as they are, whatever `accept_content` says (kombu/serialization.py, TRUSTED_CONTENT). */
const RAW_CONTENT: ReadonlySet<string> = new Set(['application/data', 'application/text']);

const PICKLE = { name: 'pickle', contentType: 'application/x-python-serialize' };

/**
 * @param name - A serializer's name or content type.
 * @param form - How JSON writes dates, UUIDs and decimals: `plain` for readers with kombu 5.2.
 * @throws ProtocolError `CTQ_PROTOCOL_UNENCODABLE` for a value that it cannot write, and for pickle.
 */
export function serialize(name: string, value: unknown, form: TypedForm = 'typed'): Serialized {
  const serializer = name === 'json' ? json : (byName.get(name) ?? byContentType.get(name));
  if (serializer === undefined) throw unknownSerializer(name, 'CTQ_PROTOCOL_UNENCODABLE');
  return { contentType: serializer.contentType, contentEncoding: serializer.contentEncoding, body: serializer.encode(value, form) };
}

/**
 * @throws ProtocolError `CTQ_PROTOCOL_REFUSED` in Celery's words for content that is not accepted,
 *   `CTQ_PROTOCOL_MALFORMED` for bytes that are not what their type says.
 */
export function deserialize(input: Serialized, accept: AcceptedContent): unknown {
  const { contentType, body } = input;
  if (RAW_CONTENT.has(contentType)) return body;
  if (!accept.contentTypes.has(contentType)) {
    const shown = printable(contentType);
    const name = contentType === PICKLE.contentType ? PICKLE.name : (byContentType.get(contentType)?.name ?? shown);
    throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `Refusing to deserialize untrusted content of type ${name} (${shown})`);
  }
  const serializer = byContentType.get(contentType);
  if (serializer !== undefined) return serializer.decode(body);
  return input.contentEncoding === 'binary' ? body : utf8Text(body);
}

/**
 * @param names - Names or content types, as in `accept_content`.
 * @throws ProtocolError for names that nobody knows, and for pickle, which ctq never reads.
 */
export function acceptedContent(names: readonly string[]): AcceptedContent {
  const contentTypes = names.map((name) => {
    if (name === PICKLE.name || name === PICKLE.contentType) throw unknownSerializer(name, 'CTQ_PROTOCOL_REFUSED');
    const contentType = name.includes('/') ? name : byName.get(name)?.contentType;
    if (contentType === undefined) throw unknownSerializer(name, 'CTQ_PROTOCOL_REFUSED');
    return contentType;
  });
  return { contentTypes: new Set(contentTypes) };
}

function unknownSerializer(name: string, code: 'CTQ_PROTOCOL_UNENCODABLE' | 'CTQ_PROTOCOL_REFUSED'): ProtocolError {
  return new ProtocolError(code, `No encoder/decoder installed for ${printable(name)}`, {
    hint: `known are ${SERIALIZER_NAMES.join(', ')}`,
  });
}

/** The text of a UTF-8 body. Node would put U+FFFD for what is none; Python refuses it. */
export function utf8Text(body: Uint8Array): string {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(bytes)) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'body is not UTF-8');
  return bytes.toString('utf8');
}
