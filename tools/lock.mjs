/**
 * Writes package-lock.json for what package.json says: `npm run lock`, after every `npm install <package>`.
 *
 * npm leaves the versions of packages for other systems out of the lockfile when it works beside a
 * filled node_modules and may not write download addresses (`omit-lockfile-registry-resolved`), and
 * `npm ci` then refuses the file. In an empty folder it writes them all.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ctq-lock-'));
const lockfile = join(folder, 'package-lock.json');

try {
  for (const name of ['package.json', '.npmrc']) copyFileSync(join(root, name), join(folder, name));
  if (existsSync(join(root, 'package-lock.json'))) {
    // The versions that were chosen stay; damaged entries are chosen anew.
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    for (const [path, entry] of Object.entries(lock.packages)) if (path !== '' && entry.version === undefined) delete lock.packages[path];
    writeFileSync(lockfile, JSON.stringify(lock));
  }
  const npm = /npm-cli\.c?js$/.test(process.env.npm_execpath ?? '') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const run = spawnSync(npm[0], [...npm.slice(1), 'install', '--package-lock-only', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (run.status !== 0) throw new Error('npm could not make a lockfile: see above');
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8'));
  const damaged = Object.entries(packages).filter(
    ([path, entry]) => path !== '' && (entry.version === undefined || entry.resolved !== undefined),
  );
  if (damaged.length > 0) throw new Error(`npm left out a version or wrote an address: ${damaged.map(([path]) => path).join(', ')}`);
  copyFileSync(lockfile, join(root, 'package-lock.json'));
  console.log(`package-lock.json: ${Object.keys(packages).length - 1} packages`);
} catch (error) {
  console.error(`lock: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
