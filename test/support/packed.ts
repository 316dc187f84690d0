/** The tarball that npm would publish, and an empty folder that it is installed into. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './ctq-process.js';
import { tmpFolder, writeFiles } from './tmp.js';

/** What the package is made of and with: enough of a checkout for `npm pack` to build it. */
const SOURCES = [
  ...['src', 'bin', 'completions', 'man', 'tools', 'package.json', 'package-lock.json', 'tsconfig.json'],
  ...['docs', 'examples', 'bench/results', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
];

export interface Tarball {
  readonly file: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly paths: readonly string[];
}

/** A copy of the sources, so that a build that somebody runs from is left alone. */
function copySources(): string {
  const folder = tmpFolder();
  for (const path of SOURCES) cpSync(join(projectRoot, path), join(folder, path), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** A folder with what is packed, built anew. */
export function buildElsewhere(): string {
  const folder = copySources();
  npm(['run', '--silent', 'prepack'], folder);
  return folder;
}

export function packTarball(): Tarball {
  const folder = copySources();
  npm(['pack', '--loglevel=error'], folder);
  const name = readdirSync(folder).find((entry) => entry.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack made no tarball');
  const file = join(folder, name);
  const listing = JSON.parse(npm(['pack', file, '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], folder)) as [
    { size: number; unpackedSize: number; files: { path: string }[] },
  ];
  const [{ unpackedSize, files }] = listing;
  return { file, packedBytes: statSync(file).size, unpackedBytes: unpackedSize, paths: files.map(({ path }) => path) };
}

/** An empty project with the package and nothing else: no install script is run, so nothing can be compiled. */
export function installTarball({ file }: Tarball): string {
  const folder = tmpFolder();
  writeFiles(folder, { 'package.json': JSON.stringify({ name: 'empty', private: true, version: '1.0.0' }) });
  npm(['install', file, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], folder);
  return folder;
}

/** Where the builds of Node are kept between runs; goes with node_modules. */
const BUILDS = join(projectRoot, 'node_modules', '.cache', 'ctq-node-builds');

/** @param wanted - `22` for the newest of that line, or a version. @returns The reason, when npm cannot give it. */
export function nodeBuild(wanted: string): { readonly program: string; readonly version: string } | { readonly missing: string } {
  if (`${process.versions.node}.`.startsWith(`${wanted}.`)) return { program: process.execPath, version: process.version };
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(BUILDS, wanted);
  const program = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  try {
    if (statSync(program, { throwIfNoEntry: false }) === undefined) {
      mkdirSync(folder, { recursive: true });
      writeFiles(folder, { 'package.json': '{"private":true}' });
      npm(['install', `${name}@${wanted}`, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], folder);
    }
    return { program, version: execFileSync(program, ['--version'], { encoding: 'utf8' }).trim() };
  } catch (error) {
    return { missing: `npm has no ${name}@${wanted} for us: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300)}` };
  }
}

/** npm without what a surrounding `npm test` tells it by its environment. */
export function npm(args: readonly string[], cwd: string): string {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?:lifecycle_|package_|config_local_prefix)/.test(name)),
  );
  return execFileSync('npm', args, { cwd, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 });
}
