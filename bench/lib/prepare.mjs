/** Brings a checkout to where it can be measured: ctq built, the peers installed beside it. Loads no package itself. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../../tools/setup.mjs';
import { stopWith } from './options.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));

export function prepare() {
  try {
    setup({ test: true });
  } catch (error) {
    stopWith(1, `bench: ${error.message}`);
  }
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  if (Object.keys(dependencies).every((name) => existsSync(join(here, 'node_modules', name)))) return;
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: 'inherit' });
  if (status !== 0) stopWith(1, 'bench: npm could not install the peers: see above');
}
