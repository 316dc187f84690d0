/**
 * Writes package-lock.json for what package.json says: `npm run lock`, after every `npm install <package>`.
 *
 * Two habits of npm make this a program. Beside a filled node_modules, and without download addresses
 * (`omit-lockfile-registry-resolved`), it forgets the versions of packages for other systems; so it
 * works in an empty folder here. And where its registry is a mirror that does not hold the binaries
 * for every system, it leaves those packages out; `npm ci` then refuses the file for that reason. They
 * are added: version and system are known from the package that asks for them, only the checksum is not.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `@oxlint/binding-linux-arm64-musl`, `@biomejs/cli-darwin-x64`: what their names say is what their os, cpu and libc are. */
const PLATFORM =
  /(?:^|[/-])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-(gnu|musl|msvc|gnueabihf|musleabihf|eabi))?$/;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ctq-lock-'));
const lockfile = join(folder, 'package-lock.json');

function addOtherSystems(packages) {
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (packages[`${path}/node_modules/${name}`] !== undefined || packages[`node_modules/${name}`] !== undefined) continue;
      const platform = PLATFORM.exec(name);
      if (platform === null || !/^\d+\.\d+\.\d+\S*$/.test(version)) throw new Error(`npm left out ${name}@${version}, wanted by ${path}`);
      const [, os, cpu, abi = ''] = platform;
      const libc = abi.startsWith('musl') ? ['musl'] : abi.startsWith('gnu') ? ['glibc'] : undefined;
      packages[`node_modules/${name}`] = { version, cpu: [cpu], ...(dev && { dev }), ...(libc && { libc }), optional: true, os: [os] };
    }
  }
}

function sortedByPath(packages) {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
}

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
  const lock = JSON.parse(readFileSync(lockfile, 'utf8'));
  addOtherSystems(lock.packages);
  lock.packages = sortedByPath(lock.packages);
  const damaged = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== '' && (entry.version === undefined || entry.resolved !== undefined),
  );
  if (damaged.length > 0) throw new Error(`npm left out a version or wrote an address: ${damaged.map(([path]) => path).join(', ')}`);
  writeFileSync(join(root, 'package-lock.json'), `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`package-lock.json: ${Object.keys(lock.packages).length - 1} packages`);
} catch (error) {
  console.error(`lock: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
