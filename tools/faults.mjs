/**
 * `npm run test:faults`: the fault matrix of docs/reliability.md, measured with real servers and real processes (test/faults/matrix).
 * It is TypeScript, and Node 20 runs none, so it is bundled first.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { TEXTS } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'node_modules', '.cache', 'ctq-faults');
const outfile = join(folder, `matrix-${process.pid}.mjs`);

mkdirSync(folder, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: ['test/faults/matrix/main.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  loader: TEXTS,
  define: { __CTQ_VERSION__: '"0"', 'import.meta.url': JSON.stringify(new URL('../test/support/bundle.js', import.meta.url).href) },
  logLevel: 'warning',
});
const program = spawn(process.execPath, ['--max-old-space-size=4096', outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => program.kill(signal));
program.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
