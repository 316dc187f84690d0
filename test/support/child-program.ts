/** A TypeScript file of the tests as a process of its own: bundled first, since Node 20 runs no TypeScript. */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { OwnedProcess, type OwnedProcessOptions } from './owned-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Inside the package, so that native modules and our own `dist/` are found. */
const folder = join(root, 'node_modules', '.cache', 'ctq-test');

const built = new Map<string, Promise<string>>();

async function bundle(source: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${basename(source, '.ts')}-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, 'test', source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['@photostructure/sqlite'],
    loader: { '.lua': 'text' },
    define: { __CTQ_VERSION__: '"0"' },
    banner: { js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);" },
    logLevel: 'silent',
  });
  return outfile;
}

/** @param source - Relative to `test/`. */
export async function startProgram(source: string, args: readonly string[], options: OwnedProcessOptions = {}): Promise<OwnedProcess> {
  let file = built.get(source);
  if (file === undefined) {
    file = bundle(source);
    built.set(source, file);
  }
  return new OwnedProcess(process.execPath, [await file, ...args], options);
}
