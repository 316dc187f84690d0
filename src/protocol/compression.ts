/**
 * Compressed bodies (WIRE 2.4). The header `compression` names the method by content type; `gzip`
 * means a zlib stream there, as kombu has it, and never a gzip file.
 */
import { brotliCompressSync, brotliDecompressSync, deflateSync, inflateSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { ProtocolError } from '../errors.js';

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

interface Method {
  readonly header: string;
  readonly names: readonly string[];
  compress(body: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Must throw rather than give more than `maxBytes`. */
  decompress(body: Uint8Array, maxBytes: number): Uint8Array | Promise<Uint8Array>;
}

const METHODS: readonly Method[] = [
  {
    header: 'application/x-gzip',
    names: ['gzip', 'zlib'],
    compress: (body) => deflateSync(body),
    decompress: (body, maxBytes) => inflateSync(body, { maxOutputLength: maxBytes }),
  },
  {
    header: 'application/x-brotli',
    names: ['brotli'],
    compress: (body) => brotliCompressSync(body),
    decompress: (body, maxBytes) => brotliDecompressSync(body, { maxOutputLength: maxBytes }),
  },
];

const byName = new Map<string, Method>(
  METHODS.flatMap((method) => [method.header, ...method.names].map((name) => [name, method] as const)),
);

/** The names a caller may give as `compression`. */
export const COMPRESSION_NAMES: readonly string[] = METHODS.flatMap((method) => method.names);

/** Compresses by name (`zlib`, `bzip2` …) or content type; a promise only where the codec is an optional package. */
export function compress(name: string, body: Uint8Array): Compressed | Promise<Compressed> {
  const method = byName.get(name.toLowerCase());
  if (method === undefined) {
    throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `unknown compression '${name}'`, {
      hint: `known are ${COMPRESSION_NAMES.join(', ')}`,
    });
  }
  const compressed = method.compress(body);
  if (compressed instanceof Promise) return compressed.then((bytes) => ({ header: method.header, body: bytes }));
  return { header: method.header, body: compressed };
}

/**
 * @throws ProtocolError `CTQ_PROTOCOL_REFUSED` for an unknown method, `CTQ_PROTOCOL_TOO_LARGE` when it
 *   inflates beyond the limit, `CTQ_PROTOCOL_MALFORMED` when the bytes are damaged. An asynchronous
 *   method rejects with the same.
 */
export function decompress(
  header: string,
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): Uint8Array | Promise<Uint8Array> {
  const method = byName.get(header);
  if (method === undefined) throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `unknown compression '${header.slice(0, 100)}'`);
  if (body.byteLength > limits.maxBytes) throw tooLarge(limits.maxBytes);
  try {
    const inflated = method.decompress(body, limits.maxBytes);
    return inflated instanceof Promise
      ? inflated.catch((error: unknown) => Promise.reject(asProtocolError(error, header, limits)))
      : inflated;
  } catch (error) {
    throw asProtocolError(error, header, limits);
  }
}

function asProtocolError(error: unknown, header: string, limits: DecodeLimits): ProtocolError {
  if (error instanceof ProtocolError) return error;
  if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limits.maxBytes);
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', `body is not ${header}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}

export function tooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `body is larger than ${maxBytes} bytes`, {
    hint: 'send less, or send a reference to it',
  });
}

void zlib;
