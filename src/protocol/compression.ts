/**
 * Compressed bodies (WIRE 2.4). The header `compression` names the method by content type; `gzip`
 * means a zlib stream there, as kombu has it. What Node has not built in comes from optional packages
 * and is asynchronous; see `optional-codecs.ts`.
 */
import type * as Zlib from 'node:zlib';
import { ProtocolError } from '../errors.js';
import { bzip2, type Codec, xz, zstd } from './optional-codecs.js';
import { printable } from './python-repr.js';

export interface DecodeLimits {
  /** What a body may inflate to, and how large it may be to begin with. */
  readonly maxBytes: number;
}

/** 64 MiB: a bomb of 300 MB took a Celery worker 1.2 GB and 10 s (RELIABILITY W12). */
export const DEFAULT_DECODE_LIMITS: DecodeLimits = { maxBytes: 64 * 1024 * 1024 };

export interface Compressed {
  /** The value of the header `compression`. */
  readonly header: string;
  readonly body: Uint8Array;
}

interface Method extends Codec {
  readonly header: string;
  readonly names: readonly string[];
}

/** Looked up when used: it costs 4 ms of a start, and most messages are not compressed. */
const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib');

/** What deflate makes of so much, a thousandfold at most, keeps nobody waiting; more is inflated in a thread (RELIABILITY S8). */
const SMALL_BYTES = 4 * 1024;

function promised(start: (done: (error: Error | null, bytes: Uint8Array) => void) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => start((error, bytes) => (error === null ? resolve(bytes) : reject(error))));
}

const METHODS: readonly Method[] = [
  {
    header: 'application/x-gzip',
    names: ['gzip', 'zlib'],
    compress: (body) => zlib().deflateSync(body),
    // unzip takes a gzip file as well, which is what the name makes others send.
    decompress(body, maxBytes) {
      const options = { maxOutputLength: maxBytes };
      if (body.byteLength <= SMALL_BYTES) return zlib().unzipSync(body, options);
      return promised((done) => zlib().unzip(body, options, done));
    },
  },
  {
    header: 'application/x-brotli',
    names: ['brotli'],
    compress: (body) => zlib().brotliCompressSync(body),
    // A hundred bytes of it can be as many megabytes as the limit allows.
    decompress: (body, maxBytes) => promised((done) => zlib().brotliDecompress(body, { maxOutputLength: maxBytes }, done)),
  },
  { header: 'application/x-bz2', names: ['bzip2', 'bzip'], ...bzip2 },
  { header: 'application/x-lzma', names: ['lzma', 'xz'], ...xz },
  { header: 'application/zstd', names: ['zstd', 'zstandard'], ...zstd },
];

const byName = new Map(METHODS.flatMap((method) => [method.header, ...method.names].map((name) => [name, method] as const)));

/** The names a caller may give as `compression`. */
export const COMPRESSION_NAMES: readonly string[] = METHODS.flatMap((method) => method.names);

/**
 * Compresses by name (`zlib`, `bzip2` …) or content type; a promise only where the codec is an
 * optional package.
 *
 * @throws ProtocolError `CTQ_PROTOCOL_UNENCODABLE` for an unknown method, or rejects with it when the
 *   package is not installed; the hint names the package.
 */
export function compress(name: string, body: Uint8Array): Compressed | Promise<Compressed> {
  const method = byName.get(name.toLowerCase());
  if (method === undefined) {
    throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `unknown compression '${printable(name)}'`, {
      hint: `known are ${COMPRESSION_NAMES.join(', ')}`,
    });
  }
  const { header } = method;
  const compressed = method.compress(body);
  return compressed instanceof Promise ? compressed.then((bytes) => ({ header, body: bytes })) : { header, body: compressed };
}

/**
 * @throws ProtocolError `CTQ_PROTOCOL_REFUSED` for an unknown method or a missing package,
 *   `CTQ_PROTOCOL_TOO_LARGE` when it inflates beyond the limit, `CTQ_PROTOCOL_MALFORMED` when the bytes
 *   are damaged. An asynchronous method rejects with the same.
 */
export function decompress(
  header: string,
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): Uint8Array | Promise<Uint8Array> {
  const method = byName.get(header);
  if (method === undefined) throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `unknown compression '${printable(header)}'`);
  if (body.byteLength > limits.maxBytes) throw tooLarge(limits.maxBytes);
  const explain = (error: unknown): ProtocolError => asProtocolError(error, header, limits);
  try {
    const inflated = method.decompress(body, limits.maxBytes);
    if (!(inflated instanceof Promise)) return inflated;
    return inflated.catch((error: unknown) => {
      throw explain(error);
    });
  } catch (error) {
    throw explain(error);
  }
}

function asProtocolError(error: unknown, header: string, limits: DecodeLimits): ProtocolError {
  if (error instanceof ProtocolError) return error;
  if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limits.maxBytes);
  const reason = error instanceof Error ? error.message : String(error);
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', `body is not ${header}: ${reason}`, { cause: error });
}

export function tooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `body is larger than ${maxBytes} bytes`, {
    hint: 'send a reference instead, or let the worker take more (max_message_size)',
  });
}
