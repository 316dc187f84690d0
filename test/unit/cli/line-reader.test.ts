import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InputLine, readLines } from '../../../src/cli/line-reader.js';

async function* stream(parts: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* parts;
}

async function linesOf(parts: readonly (string | Uint8Array)[], longest?: number): Promise<InputLine[]> {
  const lines: InputLine[] = [];
  for await (const line of readLines(stream(parts), longest)) lines.push(line);
  return lines;
}

describe('readLines', () => {
  it('numbers lines from 1 and takes both line ends', async () => {
    expect(await linesOf(['a\nb\r\n\nlast'])).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'b' },
      { number: 3, text: '' },
      { number: 4, text: 'last' },
    ]);
  });

  it('reads nothing from nothing', async () => {
    expect(await linesOf([])).toEqual([]);
    expect(await linesOf([''])).toEqual([]);
  });

  it('gives the same lines however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, ' '))),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        async (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const parts: Uint8Array[] = [];
          for (let start = 0; start < bytes.length; ) {
            const size = sizes.next().value ?? 1;
            parts.push(bytes.subarray(start, start + size));
            start += size;
          }
          expect((await linesOf(parts)).map(({ text }) => text)).toEqual(
            lines.map((line) => line.replace(/^\uFEFF/, '')).map((line, index) => (index === 0 ? line : lines[index])),
          );
        },
      ),
    );
  });

  it('reports a line that is too long, and goes on behind it', async () => {
    expect(await linesOf(['ok\n', 'x'.repeat(20), 'x'.repeat(20), '\nok\n'], 16)).toEqual([
      { number: 1, text: 'ok' },
      { number: 2, text: undefined },
      { number: 3, text: 'ok' },
    ]);
  });
});
