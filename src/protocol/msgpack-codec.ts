/** The only place that knows @msgpack/msgpack; loaded with the first msgpack body. */
import { createRequire } from 'node:module';
import type * as Msgpack from '@msgpack/msgpack';
import { ProtocolError } from '../errors.js';
import { MAX_JSON_DEPTH, tooDeep } from './json-reader.js';
import { CONTAINER, plainTree } from './plain-tree.js';

let library: typeof Msgpack | undefined;

// require, because serialising is synchronous and a dynamic import is not.
function msgpack(): typeof Msgpack {
  library ??= createRequire(import.meta.url)('@msgpack/msgpack') as typeof Msgpack;
  return library;
}

export function encodeMsgpack(value: unknown): Uint8Array {
  return msgpack().encode(plainTree(value, leaf), { useBigInt64: true, maxDepth: 2 * MAX_JSON_DEPTH });
}

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

function leaf(value: unknown, refuse: (value: unknown) => never): unknown {
  switch (typeof value) {
    case 'number':
      // With useBigInt64 the library writes integers above 32 bits as floats, unless they are BigInt.
      return Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000) ? BigInt(value) : value;
    case 'bigint':
      // It would write 2^70 as 0.
      if (value < INT64_MIN || value > UINT64_MAX) throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'Integer value out of range');
      return value >= -0x8000_0000n && value <= 0xffff_ffffn ? Number(value) : value;
    case 'undefined':
      return null;
    case 'object':
      if (value === null || value instanceof Uint8Array) return value;
      return value instanceof Date ? refuse(value) : CONTAINER;
    default:
      return value;
  }
}

export function decodeMsgpack(body: Uint8Array): unknown {
  // Each element takes a byte at least; a longer array is a lie that costs memory.
  const most = body.byteLength;
  let value: unknown;
  try {
    value = msgpack().decode(body, { useBigInt64: true, maxArrayLength: most, maxMapLength: most });
  } catch (error) {
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', `not msgpack: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return narrow(value, 0);
}

/** 64-bit integers are BigInt only where a number would lose digits; bytes are Buffers. */
function narrow(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (depth >= MAX_JSON_DEPTH) throw tooDeep();
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = narrow(value[index], depth + 1);
  } else {
    const object = value as Record<string, unknown>;
    for (const key of Object.keys(object)) object[key] = narrow(object[key], depth + 1);
  }
  return value;
}
