import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { COMPRESSION_NAMES, compress, type Compressed, decompress } from '../../../src/protocol/compression.js';

const text = Buffer.from('[[1, 2], {}, {"callbacks": null}]');

/** So many zeros, with what each method has for those in a hurry. */
async function bomb(name: string, size: number): Promise<Compressed> {
  const zeros = Buffer.alloc(size);
  const { header } = await compress(name, text);
  if (name === 'gzip') return { header, body: deflateSync(zeros, { level: 1 }) };
  if (name === 'brotli') return { header, body: brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }) };
  return compress(name, zeros);
}

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'fine';
}

/** One name of each method; the others are names of the same, as the list of headers below shows. */
const METHODS = ['gzip', 'brotli', 'bzip2', 'xz', 'zstd'];

/** Cheap to compress for each: four bytes again and again are the worst case of bzip2's sorting, and brotli thinks long about numbers. */
const megabyteFor = (name: string): Buffer =>
  name === 'bzip2'
    ? Buffer.from(Array.from({ length: 100_000 }, (_, index) => `task ${index}\n`).join('')).subarray(0, 1_000_000)
    : Buffer.alloc(1_000_000, 'ctq ');

describe.each(METHODS)('compression %s', (name) => {
  it('gives back what it was given, nothing and a megabyte included', async () => {
    for (const body of [text, Buffer.alloc(0), megabyteFor(name)]) {
      const compressed = await compress(name, body);
      expect(Buffer.compare(await decompress(compressed.header, compressed.body), body)).toBe(0);
    }
  });

  it('refuses to inflate beyond the limit', async () => {
    const { header, body } = await compress(name, Buffer.alloc(2_000_000));
    expect(await codeOf(() => decompress(header, body, { maxBytes: 1_999_999 }))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    expect(await decompress(header, body, { maxBytes: 2_000_000 })).toHaveLength(2_000_000);
  });

  it('refuses damaged bytes, cut bytes and bytes of another kind', async () => {
    const { header, body } = await compress(name, text);
    // zstd has no checksum unless asked for, so its header is damaged instead of its content.
    const damaged = Buffer.from(body);
    damaged.fill(0x55, header === 'application/zstd' ? 0 : body.length >> 1);
    for (const bytes of [Buffer.from('nonsense, and more of it'), damaged, body.subarray(0, body.length >> 1), Buffer.alloc(0)]) {
      expect(await codeOf(() => decompress(header, bytes))).toBe('CTQ_PROTOCOL_MALFORMED');
    }
  });
});

describe('compress', () => {
  it('names the methods as kombu does', async () => {
    const headers = await Promise.all(COMPRESSION_NAMES.map(async (name) => [name, (await compress(name, text)).header]));
    expect(headers).toEqual([
      ['gzip', 'application/x-gzip'],
      ['zlib', 'application/x-gzip'],
      ['brotli', 'application/x-brotli'],
      ['bzip2', 'application/x-bz2'],
      ['bzip', 'application/x-bz2'],
      ['lzma', 'application/x-lzma'],
      ['xz', 'application/x-lzma'],
      ['zstd', 'application/zstd'],
      ['zstandard', 'application/zstd'],
    ]);
  });

  it('writes a zlib stream for gzip, which is what Python reads', async () => {
    const { body } = await compress('gzip', text);
    expect([...body.subarray(0, 2)]).toEqual([0x78, 0x9c]);
  });

  it('refuses an unknown name and says which are known', () => {
    expect(() => compress('rar', text)).toThrow(
      expect.objectContaining({ code: 'CTQ_PROTOCOL_UNENCODABLE', hint: expect.stringContaining('bzip2') }),
    );
  });
});

describe('decompress', () => {
  it('reads a gzip file, too, which the header makes others send', async () => {
    expect(Buffer.from(await decompress('application/x-gzip', gzipSync(text)))).toEqual(text);
  });

  it('refuses an unknown method and a body that is too large to begin with', () => {
    expect(() => decompress('application/x-rar', text)).toThrow(expect.objectContaining({ code: 'CTQ_PROTOCOL_REFUSED' }));
    expect(() => decompress('zlib ', text)).toThrow(ProtocolError);
    expect(() => decompress('application/x-gzip', text, { maxBytes: 5 })).toThrow(
      expect.objectContaining({ code: 'CTQ_PROTOCOL_TOO_LARGE' }),
    );
  });

  it.each(METHODS)('lets the event loop turn while it inflates a bomb of %s', async (name) => {
    const { header, body } = await bomb(name, 8_000_000);
    let turns = 0;
    let turn = setImmediate(function again() {
      turns += 1;
      turn = setImmediate(again);
    });
    let most = 0;
    try {
      // Where our thread has no core for as long as all of that takes, it is no wonder: the best of some.
      for (let times = 0; times < 20 && most < 10; times += 1) {
        const before = turns;
        expect(await decompress(header, body)).toHaveLength(8_000_000);
        most = Math.max(most, turns - before);
      }
    } finally {
      clearImmediate(turn);
    }
    expect(most).toBeGreaterThanOrEqual(10);
  });

  it('does not believe the size that a zstd frame claims', async () => {
    // A frame of one segment that claims 2^40 bytes, with nothing behind it.
    const liar = Buffer.from('28b52ffde00000000000010000010000', 'hex');
    expect(await codeOf(() => decompress('application/zstd', liar))).toBe('CTQ_PROTOCOL_TOO_LARGE');
    for (let length = 0; length < liar.length; length++) {
      expect(await codeOf(() => decompress('application/zstd', liar.subarray(0, length)))).toMatch(/^CTQ_PROTOCOL_(MALFORMED|TOO_LARGE)$/);
    }
  });
});
