/** Runs a program of the tests that is TypeScript: Node 20 runs none, so it is bundled first, and gone afterwards. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { TEXTS } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'node_modules', '.cache', 'ctq-programs');

/** @param flags - Node's own, before the words of our command line. */
export async function runTypescript(entryPoint, flags = []) {
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${entryPoint.replaceAll(/[^a-z]+/g, '-')}-${process.pid}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    loader: TEXTS,
    // Where the captures are, a helper of the tests finds from where it stands.
    define: { __CTQ_VERSION__: '"0"', 'import.meta.url': JSON.stringify(new URL('../test/support/bundle.js', import.meta.url).href) },
    logLevel: 'warning',
  });
  const program = spawn(process.execPath, [...flags, outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => program.kill(signal));
  program.once('exit', (code) => {
    rmSync(outfile, { force: true });
    process.exitCode = code ?? 1;
  });
}
