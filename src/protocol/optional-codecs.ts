/**
 * bzip2, xz and zstd: codecs that Node 20 lacks, from packages that a user installs when somebody
 * sends such bodies. Each is loaded with the first body that needs it.
 */
import { ProtocolError } from '../errors.js';
import { type Bzip2Module, loadBzip2Module } from './bzip2-module.js';
import { type BesideMethod, inflateBeside, type InflateOrder } from './inflate-beside.js';

export interface Codec {
  compress(body: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Throws an error with the code `ERR_BUFFER_TOO_LARGE`, as node:zlib, rather than give more than `maxBytes`. */
  decompress(body: Uint8Array, maxBytes: number): Uint8Array | Promise<Uint8Array>;
}

/** Room for what a codec cannot tell beforehand; it is asked again with four times as much until it fits. */
const FIRST_GUESS_BYTES = 256 * 1024;

/** Gives what fits into so much room; undefined means "did not fit". */
type Attempt = (body: Uint8Array, room: number) => Uint8Array | undefined;

/** Calls `attempt` with growing room until it gives something. */
function withRoom(body: Uint8Array, maxBytes: number, attempt: Attempt): Uint8Array {
  let room = Math.min(maxBytes, Math.max(FIRST_GUESS_BYTES, body.byteLength * 8));
  for (;;) {
    const inflated = attempt(body, room);
    if (inflated !== undefined) return inflated;
    if (room >= maxBytes) throw outOfRoom();
    room = Math.min(maxBytes, room * 4);
  }
}

/** What is small inside is had at once; for the rest there is a thread, so that a bomb does not keep the event loop (RELIABILITY S8). */
async function besideWhenLarge(method: BesideMethod, body: Uint8Array, maxBytes: number, attempt: Attempt): Promise<Uint8Array> {
  const room = Math.min(maxBytes, FIRST_GUESS_BYTES);
  const inflated = body.byteLength > room ? undefined : attempt(body, room);
  if (inflated !== undefined) return inflated;
  if (room === maxBytes && body.byteLength <= room) throw outOfRoom();
  return inflateBeside(method, body, maxBytes);
}

/** The thread's part: all of it in this one. */
export async function inflateInFull({ method, body, maxBytes }: InflateOrder): Promise<Uint8Array> {
  if (method === 'bzip2') return withRoom(body, maxBytes, bunzip2(await loadBzip2('decompress')));
  const unzstd = unzstdWith(await loadZstd('decompress'));
  const claimed = zstdContentSize(body);
  return claimed === undefined ? withRoom(body, maxBytes, unzstd) : (unzstd(body, claimed) ?? new Uint8Array(0));
}

function outOfRoom(): Error {
  return Object.assign(new Error('output is larger than allowed'), { code: 'ERR_BUFFER_TOO_LARGE' });
}

type Purpose = 'compress' | 'decompress';

async function optional<T>(packageName: string, method: string, purpose: Purpose, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new ProtocolError(
      purpose === 'compress' ? 'CTQ_PROTOCOL_UNENCODABLE' : 'CTQ_PROTOCOL_REFUSED',
      `${method} needs the package ${packageName}, which is not installed`,
      { hint: `npm install ${packageName}`, cause: error },
    );
  }
}

const BZ_OUTBUFF_FULL = -8;

let bzip2Module: Promise<Bzip2Module> | undefined;

async function loadBzip2(purpose: Purpose): Promise<Bzip2Module> {
  bzip2Module ??= optional('bzip2-wasm', 'bzip2', purpose, loadBzip2Module);
  try {
    return await bzip2Module;
  } catch (error) {
    bzip2Module = undefined;
    throw error;
  }
}

/** One call into bzip2. Its own wrapper ignores a failed allocation and then writes over the module's memory. */
function callBzip2(
  module: Bzip2Module,
  body: Uint8Array,
  room: number,
  call: (to: number, toLength: number, from: number) => number,
): { readonly status: number; readonly output: Uint8Array } {
  const pointers: number[] = [];
  const allocate = (size: number): number => {
    const pointer = module._malloc(size);
    if (pointer === 0) throw new Error('out of memory');
    pointers.push(pointer);
    return pointer;
  };
  try {
    const from = allocate(Math.max(1, body.byteLength));
    const to = allocate(room);
    const toLength = allocate(4);
    // Read HEAPU8 only now: allocating may have replaced it.
    module.HEAPU8.set(body, from);
    module.setValue(toLength, room, 'i32');
    const status = call(to, toLength, from);
    const length = module.getValue(toLength, 'i32');
    return { status, output: status === 0 ? module.HEAPU8.slice(to, to + length) : new Uint8Array(0) };
  } finally {
    for (const pointer of pointers) module._free(pointer);
  }
}

export const bzip2: Codec = {
  async compress(body) {
    const module = await loadBzip2('compress');
    // bzip2's manual: at most 1 % and 600 bytes larger than the input.
    const room = Math.ceil(body.byteLength * 1.01) + 600;
    const { status, output } = callBzip2(module, body, room, (to, toLength, from) =>
      module._BZ2_bzBuffToBuffCompress(to, toLength, from, body.byteLength, 9, 0, 30),
    );
    if (status !== 0) throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `bzip2 failed with status ${status}`);
    return output;
  },
  async decompress(body, maxBytes) {
    return besideWhenLarge('bzip2', body, maxBytes, bunzip2(await loadBzip2('decompress')));
  },
};

const bunzip2 =
  (module: Bzip2Module): Attempt =>
  (body, room) => {
    const { status, output } = callBzip2(module, body, room, (to, toLength, from) =>
      module._BZ2_bzBuffToBuffDecompress(to, toLength, from, body.byteLength, 0, 0),
    );
    if (status === BZ_OUTBUFF_FULL) return undefined;
    if (status !== 0) throw new Error(`damaged bzip2 data (status ${status})`);
    return output;
  };

function loadLzma(purpose: Purpose): Promise<typeof import('node-liblzma')> {
  return optional('node-liblzma', 'xz', purpose, () => import('node-liblzma'));
}

export const xz: Codec = {
  async compress(body) {
    const { xzAsync } = await loadLzma('compress');
    return xzAsync(Buffer.from(body));
  },
  async decompress(body, maxBytes) {
    const { createUnxz, parseFileIndex } = await loadLzma('decompress');
    // The stream ends without a word when its input is cut short, so the size is taken from the index at the end.
    const { uncompressedSize } = parseFileIndex(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    if (uncompressedSize > maxBytes) throw outOfRoom();
    const stream = createUnxz();
    const chunks: Buffer[] = [];
    let total = 0;
    stream.end(body);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      total += chunk.byteLength;
      if (total > maxBytes) throw outOfRoom();
      chunks.push(chunk);
    }
    if (total !== uncompressedSize) throw new Error('damaged xz data');
    return Buffer.concat(chunks);
  },
};

interface NativeZstd {
  zstdCompressSync?: (body: Uint8Array) => Buffer;
  zstdDecompressSync?: (body: Uint8Array, options: { maxOutputLength: number }) => Buffer;
  zstdDecompress?: (body: Uint8Array, options: { maxOutputLength: number }, done: (error: Error | null, bytes: Buffer) => void) => void;
}

/** Node has it from 22.15. Looked up when used, for it costs a start 4 ms. */
const native = (): NativeZstd => process.getBuiltinModule('node:zlib') as unknown as NativeZstd;

let zstdModule: Promise<typeof import('@bokuweb/zstd-wasm')> | undefined;

async function loadZstd(purpose: Purpose): Promise<typeof import('@bokuweb/zstd-wasm')> {
  zstdModule ??= optional('@bokuweb/zstd-wasm', 'zstd', purpose, async () => {
    const module = await import('@bokuweb/zstd-wasm');
    await module.init();
    return module;
  });
  try {
    return await zstdModule;
  } catch (error) {
    zstdModule = undefined;
    throw error;
  }
}

export const zstd: Codec = {
  compress(body) {
    const { zstdCompressSync } = native();
    if (zstdCompressSync !== undefined) return zstdCompressSync(body);
    return loadZstd('compress').then((module) => module.compress(body));
  },
  decompress(body, maxBytes) {
    const claimed = zstdContentSize(body);
    // The WebAssembly allocates whatever size the frame claims, so the claim is looked at first.
    if (claimed !== undefined && claimed > maxBytes) throw outOfRoom();
    const isSmall = claimed !== undefined && claimed <= FIRST_GUESS_BYTES;
    const { zstdDecompressSync, zstdDecompress } = native();
    const options = { maxOutputLength: maxBytes };
    if (isSmall && zstdDecompressSync !== undefined) return zstdDecompressSync(body, options);
    if (zstdDecompress !== undefined)
      return new Promise((resolve, reject) => {
        zstdDecompress(body, options, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
      });
    return loadZstd('decompress').then((module) => {
      if (claimed !== undefined && !isSmall) return inflateBeside('zstd', body, maxBytes);
      return besideWhenLarge('zstd', body, maxBytes, unzstdWith(module));
    });
  },
};

const unzstdWith =
  (module: typeof import('@bokuweb/zstd-wasm')): Attempt =>
  (body, room) => {
    try {
      return module.decompress(body, { defaultHeapSize: room });
    } catch (error) {
      // -70 is ZSTD_error_dstSize_tooSmall.
      if (String(error).includes('-70')) return undefined;
      throw error;
    }
  };

/** The size in a zstd frame header (RFC 8878, 3.1.1.1); undefined when the frame does not say. */
function zstdContentSize(body: Uint8Array): number | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.byteLength < 6 || view.getUint32(0, true) !== 0xfd2fb528) throw new Error('no zstd frame');
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  if (sizeFlag === 0 && !singleSegment) return undefined;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  switch (sizeFlag) {
    case 0:
      return view.getUint8(at);
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
