/** The content types that ctq writes, reads, and refuses by name (WIRE 2.1). */
import { isUtf8 } from 'node:buffer';
import { ConfigError, ProtocolError } from '../errors.js';
import { parseJson, stringifyJson } from './kombu-json.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack-codec.js';
import { printable } from './python-repr.js';
import type { ContentSigner, ContentVerifier } from './signing.js';
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
  /** Whom to believe, where signed messages are accepted (`auth`). */
  readonly verifier?: ContentVerifier;
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

/** Celery's `auth`: any of the others, with a signature around it. kombu knows it by the content type of raw bytes. */
export const SIGNED_CONTENT = { name: 'auth', contentType: 'application/data', contentEncoding: 'utf-8' } as const;

const PICKLE = { name: 'pickle', contentType: 'application/x-python-serialize' };

/**
 * @param name - A serializer's name or content type.
 * @param form - How JSON writes dates, UUIDs and decimals: `plain` for readers with kombu 5.2.
 * @param signer - For `auth`.
 * @throws ProtocolError `CTQ_PROTOCOL_UNENCODABLE` for a value that it cannot write, and for pickle; ConfigError for `auth` without a signer.
 */
export function serialize(name: string, value: unknown, form: TypedForm = 'typed', signer?: ContentSigner): Serialized {
  if (name === SIGNED_CONTENT.name) {
    if (signer === undefined) throw unsigned('there is nothing to sign messages with', 'security_key and security_certificate');
    return signer.sign(serialize(signer.serializer, value, form));
  }
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
  if (contentType === SIGNED_CONTENT.contentType && accept.verifier !== undefined) return decodeSigned(accept.verifier.verify(body));
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

/** Whoever signed it may have signed anything: Celery reads even pickle then, and we what we know. */
function decodeSigned({ contentType, body }: Serialized): unknown {
  const serializer = byContentType.get(contentType);
  if (serializer !== undefined) return serializer.decode(body);
  throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `Refusing to deserialize signed content of type ${printable(contentType)}`);
}

/**
 * @param names - Names or content types, as in `accept_content`.
 * @param verifier - For `auth`; signed messages are only read where it is among the names.
 * @throws ProtocolError for names that nobody knows, and for pickle, which ctq never reads; ConfigError for `auth` without a verifier.
 */
export function acceptedContent(names: readonly string[], verifier?: ContentVerifier): AcceptedContent {
  const isSigned = names.includes(SIGNED_CONTENT.name);
  if (isSigned && verifier === undefined) throw unsigned('there are no certificates to verify messages with', 'security_cert_store');
  const contentTypes = names.map((name) => {
    if (name === PICKLE.name || name === PICKLE.contentType) throw unknownSerializer(name, 'CTQ_PROTOCOL_REFUSED');
    if (name === SIGNED_CONTENT.name) return SIGNED_CONTENT.contentType;
    const contentType = name.includes('/') ? name : byName.get(name)?.contentType;
    if (contentType === undefined) throw unknownSerializer(name, 'CTQ_PROTOCOL_REFUSED');
    return contentType;
  });
  return { contentTypes: new Set(contentTypes), ...(isSigned && verifier !== undefined ? { verifier } : {}) };
}

function unsigned(what: string, settings: string): ConfigError {
  return new ConfigError(`${SIGNED_CONTENT.name} messages: ${what}`, { hint: `set ${settings}` });
}

function unknownSerializer(name: string, code: 'CTQ_PROTOCOL_UNENCODABLE' | 'CTQ_PROTOCOL_REFUSED'): ProtocolError {
  return new ProtocolError(code, `No encoder/decoder installed for ${printable(name)}`, {
    hint: `known are ${[...SERIALIZER_NAMES, SIGNED_CONTENT.name].join(', ')}`,
  });
}

/** The text of a UTF-8 body. Node would put U+FFFD for what is none; Python refuses it. */
export function utf8Text(body: Uint8Array): string {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(bytes)) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'body is not UTF-8');
  return bytes.toString('utf8');
}
