/**
 * `npm run fuzz [-- --count 1000000 --seed 7 --target worker]`: test/fuzz/main.ts, bundled first, for Node 20 runs no TypeScript.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { TEXTS } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'node_modules', '.cache', 'ctq-fuzz');
const outfile = join(folder, `fuzz-${process.pid}.mjs`);

mkdirSync(folder, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: ['test/fuzz/main.ts'],
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
const program = spawn(process.execPath, [outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => program.kill(signal));
program.once('exit', (code) => {
  rmSync(outfile, { force: true });
  process.exitCode = code ?? 1;
});
