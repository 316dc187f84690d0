/** `npm run bench`: installs the peers beside ctq, never into it, and runs the scenarios one after another. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../tools/setup.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

setup({ test: true });
if (!existsSync(join(here, 'node_modules', 'bullmq'))) run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], here);
run(process.execPath, [join(here, 'drain.mjs'), ...process.argv.slice(2)], here);
