/** What stands around the code: lockfile, set-up and the package as npm would publish it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from './support/ctq-process.js';

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(projectRoot, name), 'utf8')) as T;
}

describe('package-lock.json', () => {
  const entries = Object.entries(readJson<{ packages: Record<string, LockEntry> }>('package-lock.json').packages).filter(
    ([path]) => path !== '',
  );

  it('names a version and a checksum for every package, those for other systems too ("npm run lock" repairs it)', () => {
    expect(entries.length).toBeGreaterThan(50);
    expect(entries.filter(([, entry]) => entry.version === undefined || entry.integrity === undefined).map(([path]) => path)).toEqual([]);
  });

  it('holds no download addresses', () => {
    expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('says the same as package.json', () => {
    const wanted = readJson<Record<string, unknown>>('package.json');
    const locked = readJson<{ packages: Record<string, Record<string, unknown>> }>('package-lock.json').packages[''];
    for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies'])
      expect(locked?.[kind]).toEqual(wanted[kind]);
  });
});

describe('the published package', () => {
  it('holds the program, the library and its licence, and nothing of the workshop', () => {
    const listing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    const [{ files }] = JSON.parse(listing) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['bin/ctq.js', 'dist/index.js', 'dist/cli/main.js', 'package.json', 'LICENSE', 'README.md']),
    );
    expect(paths.filter((path) => /^(src|test|tools|bench|node_modules|\.ci)\//.test(path))).toEqual([]);
  });
});
