/** docs/security.md promises; what it names as proof must be there. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readSourceModules } from './support/source-modules.js';

const page = fileURLToPath(new URL('../docs/security.md', import.meta.url));
const rows = readFileSync(page, 'utf8')
  .split('\n')
  .filter((line) => /^\| S\d/.test(line))
  .map((line) => line.split(' | '));

describe('docs/security.md', () => {
  it('has a row for each of the 25 points, with a state', () => {
    expect(rows.map(([name]) => name?.replace('| ', ''))).toEqual(Array.from({ length: 25 }, (_, at) => `S${at + 1}`));
    expect(rows.map((row) => row.at(-1)).filter((state) => !/^(kept|partly|open) \|$/.test(state ?? ''))).toEqual([]);
  });

  it.each(rows.map((row) => [row[0]?.replace('| ', '') ?? '', row] as const))(
    'names for %s files and tests that are there',
    (_name, row) => {
      const proofs = [...(row[3] ?? '').matchAll(/\]\((?<file>[^)]+)\): “(?<title>[^”]+)”/g)];
      expect(proofs.length).toBeGreaterThan(0);
      for (const { groups } of proofs) {
        const file = join(dirname(page), groups?.['file'] ?? '');
        expect(existsSync(file), file).toBe(true);
        expect(readFileSync(file, 'utf8')).toContain(groups?.['title']);
      }
      for (const [, path = ''] of (row[2] ?? '').matchAll(/`([^`]+)`/g)) {
        expect(existsSync(join(dirname(page), '..', path)), path).toBe(true);
      }
    },
  );
});

describe('the program', () => {
  it('starts no shell', () => {
    // `exec` takes a command line, and so does `spawn` with `shell`.
    const shell = /\bexec(?:Sync)?\b[^;]*from 'node:child_process'|\bshell: *(?:true|['"`]\/|process)/;
    const found = readSourceModules().flatMap(({ path, lines }) =>
      lines.flatMap((text, at) => (shell.test(text) ? [`${path}:${at + 1}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
