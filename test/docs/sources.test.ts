/** A comment that names its source names one that a reader can look up. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';

const src = join(projectRoot, 'src');
const page = (name: string): string => readFileSync(join(projectRoot, 'docs', name), 'utf8');

const comments = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|lua)$/.test(name))
  .flatMap((name) =>
    readFileSync(join(src, name), 'utf8')
      .split('\n')
      .flatMap((text, index) => (/^\s*(\/\*\*|\*|\/\/|--)|\/\/ /.test(text) ? [{ place: `src/${name}:${index + 1}`, text }] : [])),
  );

function unknown(pattern: RegExp, isKnown: (number: string) => boolean): string[] {
  return comments.flatMap(({ place, text }) =>
    [...text.matchAll(pattern)].flatMap(([, number = '']) => (isKnown(number) ? [] : [`${place} names ${number}`])),
  );
}

describe('the sources that comments name', () => {
  const sources = page('wire/sources.md');

  it('are facts about the wire that the page lists', () => {
    const sections = new Set([...sources.matchAll(/(?:\| |, )(\d+(?:\.\d+)?) /g)].map(([, number]) => number));
    expect(sections.size).toBeGreaterThan(80);
    expect(unknown(/WIRE (\d+(?:\.\d+)?)/g, (number) => sections.has(number))).toEqual([]);
  });

  it('are losses that the page describes', () => {
    expect(unknown(/\b([RW]\d{1,2})\b/g, (number) => sources.includes(`\n| ${number} |`))).toEqual([]);
  });

  it('are rows of the fault matrix and of the security list', () => {
    expect(unknown(/\b(M\d{1,2}b?)\b/g, (number) => page('reliability.md').includes(`| ${number} |`))).toEqual([]);
    expect(unknown(/RELIABILITY[^)]*?\b(S\d{1,2})\b/g, (number) => page('security.md').includes(`| ${number} |`))).toEqual([]);
  });
});
