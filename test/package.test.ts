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
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(projectRoot, name), 'utf8')) as T;
}

describe('package-lock.json', () => {
  const entries = Object.entries(readJson<{ packages: Record<string, LockEntry> }>('package-lock.json').packages).filter(
    ([path]) => path !== '',
  );

  it('names a version and a checksum for every package; without a checksum only those for other systems', () => {
    expect(entries.length).toBeGreaterThan(50);
    expect(entries.filter(([, entry]) => entry.version === undefined).map(([path]) => path)).toEqual([]);
    const forSomeSystem = (entry: LockEntry): boolean => entry.optional === true && entry.os !== undefined;
    expect(entries.filter(([, entry]) => entry.integrity === undefined && !forSomeSystem(entry)).map(([path]) => path)).toEqual([]);
  });

  it('has an entry for the binaries of every system, or npm ci refuses it there ("npm run lock" repairs it)', () => {
    const present = new Set(entries.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)));
    const wanted = entries.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
    expect(wanted.filter((name) => !present.has(name))).toEqual([]);
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
      expect.arrayContaining(['bin/ctq.js', 'dist/index.js', 'dist/cli/main.cjs', 'package.json', 'LICENSE', 'README.md']),
    );
    expect(paths).toEqual(
      expect.arrayContaining(['completions/ctq.bash', 'completions/_ctq', 'completions/ctq.fish', 'completions/ctq.ps1', 'man/ctq.1']),
    );
    const workshop = paths.filter((path) => /^(src|test|tools|bench|\.ci)\/|(^|\/)node_modules\//.test(path));
    // Plots, which pages show.
    expect(workshop.filter((path) => !/^bench\/results\/[\w-]+\.svg$/.test(path))).toEqual([]);
  });
});
