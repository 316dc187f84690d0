/**
 * Signed messages: Celery's `auth` serializer as bytes (celery/security/serialization.py). The body of the message is
 * base64 of five fields with a separator between them: who signed, the signature, and the body that was signed with its
 * content type and encoding. Keys and certificates are `security/`; here is only how it is written.
 *
 * Since Celery 5.5 the first two fields are base64 themselves (celery#9010): before, a separator in the signature could
 * only be told from the others by the length of the signer's key. Neither version reads what the other writes.
 */
import { createHash } from 'node:crypto';
import { ProtocolError } from '../errors.js';
import { stringifyJson } from './kombu-json.js';
import { type AcceptedContent, acceptedContent, JSON_CONTENT, type Serialized, SIGNED_CONTENT } from './serializers.js';

/** Named by the oldest Celery that writes it. */
export type SignedLayout = '5.5' | '5.2';

export interface SignedBody {
  /** The issuer's name and the serial number of the signer's certificate: `Example CA 1234`. */
  readonly signer: string;
  readonly signature: Uint8Array;
  readonly content: Serialized;
}

export interface ContentSigner {
  /** What is put into the envelope: `json` unless `setupSecurity` says otherwise. */
  readonly serializer: string;
  /** The signed body for this one. */
  sign(content: Serialized): Serialized;
  /** What goes into the header {@link SEAL_HEADER}; absent where headers are not signed. */
  seal?(message: Sealed): string;
}

/** What a seal is about. */
export interface Sealed {
  readonly headers: Readonly<Record<string, unknown>>;
  /** As it travels. */
  readonly body: Uint8Array;
}

export interface ContentVerifier {
  /** Whether each task's id is the one it was sent with: where headers must be signed. */
  readonly ids?: 'signed' | 'unsigned';
  /** @throws ProtocolError `CTQ_PROTOCOL_REFUSED` unless somebody we know has signed it. */
  verify(body: Uint8Array): Serialized;
  /** @throws ProtocolError `CTQ_PROTOCOL_REFUSED` for headers that were changed, and where the settings say so for unsigned and old ones. */
  checkSeal?(message: Sealed): void;
}

/** Who vouches for what this process sends, and whom it believes. */
export interface MessageSecurity {
  /** Undefined where there is no key: such a process only reads. */
  readonly signer?: ContentSigner;
  readonly verifier: ContentVerifier;
}

const SEPARATOR = Buffer.from([0, 1]);

export function packSigned({ signer, signature, content }: SignedBody, layout: SignedLayout): Serialized {
  const wrapped = (field: Uint8Array): Uint8Array => (layout === '5.5' ? Buffer.from(Buffer.from(field).toString('base64')) : field);
  const fields = [
    ...[wrapped(Buffer.from(signer, 'utf8')), wrapped(signature)],
    ...[Buffer.from(content.contentType), Buffer.from(content.contentEncoding), content.body],
  ];
  const bytes = Buffer.concat(fields.flatMap((field, at) => (at === 0 ? [field] : [SEPARATOR, field])));
  const { contentType, contentEncoding } = SIGNED_CONTENT;
  return { contentType, contentEncoding, body: Buffer.from(bytes.toString('base64')) };
}

/**
 * Takes a signed body of either layout apart; nothing is verified.
 *
 * @param signatureBytes - How long the signatures of this signer are; undefined for a signer that is not known, whose signature
 *   then ends where a content type begins.
 * @throws ProtocolError `CTQ_PROTOCOL_MALFORMED` for anything else, whatever `signatureBytes` throws for a signer.
 */
export function unpackSigned(body: Uint8Array, signatureBytes: (signer: string) => number | undefined): SignedBody {
  const bytes = Buffer.from(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'base64');
  const [first, afterSigner] = fieldAt(bytes, 0);
  // An old signer is a name, a space and a number; base64 has no spaces.
  const isOld = first.includes(0x20);
  const signer = isOld ? first.toString('utf8') : unwrapped(first).toString('utf8');
  let signature: Buffer;
  let rest: number;
  if (isOld) {
    const end = endOfSignature(bytes, afterSigner, signatureBytes(signer));
    if (end > bytes.length || !bytes.subarray(end, end + SEPARATOR.length).equals(SEPARATOR)) throw notSigned();
    signature = bytes.subarray(afterSigner, end);
    rest = end + SEPARATOR.length;
  } else {
    const [field, next] = fieldAt(bytes, afterSigner);
    signature = unwrapped(field);
    rest = next;
  }
  const [contentType, afterType] = fieldAt(bytes, rest);
  const [contentEncoding, start] = fieldAt(bytes, afterType);
  const content = { contentType: contentType.toString('latin1'), contentEncoding: contentEncoding.toString('latin1') };
  return { signer, signature, content: { ...content, body: bytes.subarray(start) } };
}

function endOfSignature(bytes: Buffer, start: number, length: number | undefined): number {
  if (length !== undefined) return start + length;
  const end = bytes.indexOf(Buffer.concat([SEPARATOR, Buffer.from('application/')]), start);
  if (end === -1) throw notSigned();
  return end;
}

function fieldAt(bytes: Buffer, start: number): [field: Buffer, next: number] {
  const end = bytes.indexOf(SEPARATOR, start);
  if (end === -1) throw notSigned();
  return [bytes.subarray(start, end), end + SEPARATOR.length];
}

function unwrapped(field: Buffer): Buffer {
  return Buffer.from(field.toString('latin1'), 'base64');
}

function notSigned(): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the body is not a signed message');
}

/** Ours, and ignored by Python: vouches for the headers, which the signature of the body does not cover. */
export const SEAL_HEADER = 'x-ctq-seal';

/** What shall run, when, and for whom. `retries` is not among them: `ctq retry` begins to count anew. */
const SEALED_HEADERS = [
  ...['task', 'id', 'eta', 'expires', 'group', 'group_index', 'timelimit', 'root_id', 'parent_id', 'ignore_result', 'compression'],
  ...['replaced_task_nesting', 'stamped_headers', 'stamps'],
];

/** The bytes that are signed: the headers by this list, when it was, and which body it is. */
export function sealedBytes({ headers, body }: Sealed, atS: number): Uint8Array {
  const digest = createHash('sha256').update(body).digest('base64');
  return Buffer.from(stringifyJson([atS, digest, ...SEALED_HEADERS.map((name) => headers[name] ?? null)]), 'utf8');
}

export interface Seal {
  /** Seconds since 1970. */
  readonly atS: number;
  readonly signer: string;
  readonly signature: Uint8Array;
}

export function writeSeal({ atS, signer, signature }: Seal): string {
  return [String(atS), Buffer.from(signer, 'utf8').toString('base64'), Buffer.from(signature).toString('base64')].join(' ');
}

/** undefined for a text that is none. */
export function readSeal(text: string): Seal | undefined {
  const [, atS, signer = '', signature = ''] = /^(\d{1,12}) ([\w+/=]{1,4000}) ([\w+/=]{1,4000})$/.exec(text) ?? [];
  if (atS === undefined) return undefined;
  return { atS: Number(atS), signer: Buffer.from(signer, 'base64').toString('utf8'), signature: Buffer.from(signature, 'base64') };
}

/** For showing people what is in a message. Proves nothing: what was read with it must not be run. */
export const ANYBODY: ContentVerifier = { verify: (body) => unpackSigned(body, () => undefined).content };

/** What remote control writes and reads. */
export interface ControlContent {
  readonly accept: AcceptedContent;
  readonly signer?: ContentSigner;
}

export const PLAIN_CONTROL: ControlContent = { accept: JSON_CONTENT };

/** Celery has no settings of its own for it: `task_serializer` and `accept_content` hold (celery/app/control.py). Ours is JSON, signed or not. */
export function controlContent(
  settings: { readonly taskSerializer: string; readonly acceptContent: readonly string[] },
  security: MessageSecurity | undefined,
): ControlContent {
  const { taskSerializer, acceptContent } = settings;
  const isSigned = acceptContent.includes(SIGNED_CONTENT.name);
  const names = [...(isSigned ? [SIGNED_CONTENT.name] : []), ...(acceptContent.includes('json') || !isSigned ? ['json'] : [])];
  const accept = acceptedContent(names, security?.verifier);
  return taskSerializer === SIGNED_CONTENT.name && security?.signer !== undefined ? { accept, signer: security.signer } : { accept };
}

/** What a reader of events takes: JSON always, unless events are signed, for then an unsigned one is nobody's. */
export function eventContent(serializer: string, security: MessageSecurity | undefined): AcceptedContent {
  return acceptedContent(serializer === SIGNED_CONTENT.name ? [serializer] : [...new Set([serializer, 'json'])], security?.verifier);
}
