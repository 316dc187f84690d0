import { afterEach, describe, expect, it, vi } from 'vitest';
import { leftBehind, worldNow } from '../../support/left-behind.js';

afterEach(() => {
  vi.doUnmock('bzip2-wasm');
  vi.doUnmock('node-liblzma');
  vi.doUnmock('@bokuweb/zstd-wasm');
  vi.resetModules();
});

/** The module as it is for somebody who has not installed the packages. */
async function withoutPackages(): Promise<typeof import('../../../src/protocol/compression.js')> {
  vi.resetModules();
  for (const name of ['bzip2-wasm', 'node-liblzma', '@bokuweb/zstd-wasm']) {
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    });
  }
  return import('../../../src/protocol/compression.js');
}

const hasNativeZstd = 'zstdCompressSync' in (await import('node:zlib'));

describe('a codec whose package is not installed', () => {
  it.each<[string, string, string]>([
    ['bzip2', 'application/x-bz2', 'bzip2-wasm'],
    ['xz', 'application/x-lzma', 'node-liblzma'],
    ...(hasNativeZstd ? [] : [['zstd', 'application/zstd', '@bokuweb/zstd-wasm'] as [string, string, string]]),
  ])('names the package to install for %s', async (method, header, packageName) => {
    const { compress, decompress } = await withoutPackages();
    const words = { message: `${method} needs the package ${packageName}, which is not installed`, hint: `npm install ${packageName}` };
    await expect(compress(method, Buffer.from('x'))).rejects.toMatchObject({ code: 'CTQ_PROTOCOL_UNENCODABLE', ...words });
    // Of nothing: what is no frame at all is refused before anybody asks for a package.
    const body = Buffer.from(method === 'zstd' ? '28b52ffd240001000099e9d851' : '78', 'hex');
    await expect(decompress(header, body)).rejects.toMatchObject({ code: 'CTQ_PROTOCOL_REFUSED', ...words });
    // Asked again it still says so, instead of remembering a promise of the other purpose.
    await expect(compress(method, Buffer.from('x'))).rejects.toMatchObject({ code: 'CTQ_PROTOCOL_UNENCODABLE' });
  });
});

describe('bzip2', () => {
  it('leaves nothing in the process that loads it: no globals, and nobody who throws what is not caught', async () => {
    const { bzip2 } = await import('../../../src/protocol/optional-codecs.js');
    const before = worldNow();
    const body = await bzip2.compress(Buffer.from('x'));
    expect(leftBehind(before, worldNow())).toEqual([]);
    expect(Buffer.from(await bzip2.decompress(body, 10)).toString()).toBe('x');
  });
});
