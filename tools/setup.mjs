/**
 * Brings a bare clone to a working state; does nothing, quickly, when all is there.
 *
 *   node tools/setup.mjs           the npm packages and dist/
 *   node tools/setup.mjs --test    also redis-server, rabbitmq-server and a Python with Celery, for the tests
 *
 * Plain Node without packages, because it runs before there are any. What it may not install (no root,
 * no sudo without a password, no known package manager, or CTQ_NO_SYSTEM_INSTALL is set) it names, and
 * goes on: the suites that need it are then skipped on a developer's machine, and fail in CI.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const venv = join(root, '.venv-test');
/** Goes with node_modules, so a fresh install tries again. */
const triedMark = join(root, 'node_modules', '.ctq-setup-tried');

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Runs a program with its output on our stderr, for stdout belongs to the caller. */
function run(command, args, options = {}) {
  say(`$ ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (error !== undefined) say(error.message);
  return status === 0;
}

/** Runs a program for its exit code alone. */
function succeeds(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: 'ignore', timeout: 60_000 }).status === 0;
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)));
}

function checkNode() {
  const { engines } = readJson(join(root, 'package.json'));
  const wanted = /(\d+)\.(\d+)/.exec(engines.node);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > Number(wanted[1]) || (major === Number(wanted[1]) && minor >= Number(wanted[2]))) return;
  throw new Error(`this is Node ${process.versions.node}, and ctq needs ${engines.node}`);
}

/**
 * Compares what is installed with what the lockfile says, entry by entry. Times would not do: a
 * checkout touches the lockfile, and npm itself writes it after the packages.
 */
function packagesAreCurrent() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (wanted === undefined) throw new Error('package-lock.json is missing: this is not a complete checkout');
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed[path];
    // Packages for other systems stay away.
    if (present === undefined) return entry.optional === true || entry.devOptional === true;
    return present.version === entry.version && existsSync(join(root, path));
  });
}

function installPackages() {
  if (packagesAreCurrent()) return;
  // The npm that runs us, if one does. Whatever the environment says (NODE_ENV=production …), a checkout needs all of them.
  const npm = /npm-cli\.c?js$/.test(process.env.npm_execpath ?? '') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = [...npm.slice(1), 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  if (!run(npm[0], args)) throw new Error('npm could not install the packages: see above');
}

function buildWhenStale() {
  const built = spawnSync(process.execPath, [join(root, 'tools', 'build.mjs'), '--if-stale'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) throw new Error('src/ does not build: see above');
}

// --- what the tests need from the system ---

/** Python modules that the interop tests use: without the first two there are none, without the others a few cases less. */
const PYTHON_NEEDED = ['celery', 'redis'];
const PYTHON_DATABASES = ['sqlalchemy', 'psycopg2', 'pymysql', 'memcache'];
const PYTHON_WANTED = [
  ...PYTHON_NEEDED,
  'amqp',
  'yaml',
  'msgpack',
  'brotli',
  'zstandard',
  'flask',
  'django',
  'cryptography',
  ...PYTHON_DATABASES,
];
const DEBIAN = {
  redis: ['redis-server'],
  rabbitmq: ['rabbitmq-server'],
  python: [
    'python3-celery',
    'python3-redis',
    'python3-yaml',
    'python3-msgpack',
    'python3-brotli',
    'python3-zstandard',
    'python3-flask',
    'python3-django',
    'python3-cryptography',
    ...PYTHON_DATABASES.map((name) => `python3-${name}`),
  ],
  postgres: ['postgresql'],
  mariadb: ['mariadb-server'],
};
/** Programs that read what we generate for them, and others that tests run by their names; and their Debian packages. */
const READERS = {
  bash: 'bash',
  zsh: 'zsh',
  fish: 'fish',
  mandb: 'man-db',
  openssl: 'openssl',
  'systemd-analyze': 'systemd',
  memcached: 'memcached',
  faketime: 'faketime',
};

function missingReaders() {
  return Object.keys(READERS).filter((name) => !onPath(name));
}

function redisIsThere() {
  return onPath('redis-server') || onPath('valkey-server');
}

/** The same places as `test/support/rabbitmq-server.ts`: Debian's own is not on everybody's PATH. */
function rabbitIsThere() {
  const places = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'];
  return onPath('rabbitmq-server') || places.some((folder) => existsSync(join(folder, 'rabbitmq-server')));
}

/** The same places as `test/support/sql-servers.ts`. */
function databaseIsThere(name) {
  if (name === 'mariadb') return ['mariadbd', 'mysqld'].some((program) => onPath(program) || existsSync(join('/usr/sbin', program)));
  return onPath('createdb') || (existsSync('/usr/lib/postgresql') && readdirSync('/usr/lib/postgresql').length > 0);
}

function missingDatabases() {
  return ['postgres', 'mariadb'].filter((name) => !databaseIsThere(name));
}

/** The same candidates in the same order as `test/support/python-celery.ts`. */
function pythonWith(modules) {
  const fromPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'python3'));
  const candidates = [process.env.CTQ_TEST_PYTHON ?? '', join(venv, 'bin', 'python'), '/usr/bin/python3', ...fromPath];
  return [...new Set(candidates)].find((path) => path !== '' && existsSync(path) && succeeds(path, ['-c', `import ${modules.join(', ')}`]));
}

/** How to become root without a question; undefined when we may not. */
function rootCommand() {
  if (process.getuid?.() === 0) return [];
  return onPath('sudo') && succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined;
}

function installWithApt(packages) {
  const become = rootCommand();
  if (become === undefined) return false;
  const apt = (...args) => {
    const words = [
      ...become,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      '-y',
      '-o',
      'DPkg::Lock::Timeout=300',
      '-o',
      'Acquire::Retries=3',
      ...args,
    ];
    return run(words[0], words.slice(1));
  };
  // An update that fails in part still leaves usable lists.
  apt('update');
  const redisWasThere = redisIsThere();
  const rabbitWasThere = rabbitIsThere();
  const others = { postgresql: databaseIsThere('postgres'), mariadb: databaseIsThere('mariadb'), memcached: onPath('memcached') };
  // One package that a release does not have must not keep the others away.
  const done =
    apt('install', '--no-install-recommends', ...packages) ||
    packages.map((name) => apt('install', '--no-install-recommends', name)).every(Boolean);
  if (!redisWasThere && redisIsThere()) stopSystemService(become, 'redis-server');
  if (!rabbitWasThere && rabbitIsThere()) stopSystemService(become, 'rabbitmq-server');
  for (const [name, wasThere] of Object.entries(others)) if (!wasThere) stopSystemService(become, name);
  return done;
}

/** Debian starts a server on its default port when the package arrives. Tests run their own, so it need not stay. */
function stopSystemService(become, name) {
  const stop = existsSync('/run/systemd/system') ? ['systemctl', 'disable', '--now', name] : ['service', name, 'stop'];
  const [command, ...args] = [...become, ...stop];
  if (onPath(stop[0])) succeeds(command, args);
}

/** A private environment below the checkout, from the first python3 that can make one. */
function installWithVenv() {
  if (!onPath('python3')) return false;
  if (!run('python3', ['-m', 'venv', venv])) return false;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1', '--timeout', '20'];
  const done = run(join(venv, 'bin', 'python'), [
    ...pip,
    'celery[redis]',
    'pyyaml',
    'msgpack',
    'brotli',
    'zstandard',
    'flask',
    'django',
    ...['cryptography', 'sqlalchemy', 'psycopg2-binary', 'pymysql', 'python-memcached'],
  ]);
  if (!done) rmSync(venv, { recursive: true, force: true });
  return done;
}

function installTestServers() {
  const state = () => ({
    redis: redisIsThere(),
    rabbitmq: rabbitIsThere(),
    python: pythonWith(PYTHON_WANTED) !== undefined,
    readers: missingReaders().length === 0,
    databases: missingDatabases().length === 0,
  });
  let have = state();
  if (have.redis && have.rabbitmq && have.python && have.readers && have.databases) return;
  // Where a module that only a few cases want is not to be had, one try is enough.
  const enough = have.redis && have.rabbitmq && pythonWith(PYTHON_NEEDED) !== undefined;
  if (enough && existsSync(triedMark)) return;
  writeFileSync(triedMark, '');
  if (process.env.CTQ_NO_SYSTEM_INSTALL) {
    say('CTQ_NO_SYSTEM_INSTALL is set: nothing is installed outside this folder');
  } else if (onPath('apt-get')) {
    const readers = missingReaders().map((name) => READERS[name]);
    installWithApt([
      ...(have.redis ? [] : DEBIAN.redis),
      ...(have.rabbitmq ? [] : DEBIAN.rabbitmq),
      ...(have.python ? [] : DEBIAN.python),
      ...missingDatabases().flatMap((name) => DEBIAN[name]),
      ...readers,
    ]);
  } else if (onPath('brew')) {
    // bash and zsh come with the system.
    const programs = ['fish', 'memcached'].filter((name) => !onPath(name));
    const databases = missingDatabases().map((name) => (name === 'postgres' ? 'postgresql' : name));
    const formulae = [...(have.redis ? [] : ['redis']), ...(have.rabbitmq ? [] : ['rabbitmq']), ...programs, ...databases];
    if (formulae.length > 0) run('brew', ['install', ...formulae]);
  }
  have = state();
  if (!have.python && pythonWith(PYTHON_NEEDED) === undefined) installWithVenv();
  reportMissing(state());
}

function reportMissing(have) {
  const consequence = process.env.CI ? 'their suites FAIL' : 'their suites are skipped';
  if (!have.redis) {
    say(
      `MISSING redis-server; ${consequence}. Install it: apt-get install redis-server · brew install redis · dnf install valkey · apk add redis`,
    );
  }
  if (!have.rabbitmq) {
    say(`MISSING rabbitmq-server; ${consequence}. Install it: apt-get install rabbitmq-server · brew install rabbitmq`);
  }
  const databases = missingDatabases();
  if (databases.length > 0)
    say(
      `MISSING ${databases.join(', ')}; ${consequence}. Install it: apt-get install ${databases.flatMap((name) => DEBIAN[name]).join(' ')}`,
    );
  const readers = missingReaders();
  if (readers.length > 0)
    say(`MISSING ${readers.join(', ')}; ${consequence}. Install it: apt-get install ${readers.map((name) => READERS[name]).join(' ')}`);
  if (have.python) return;
  if (pythonWith(PYTHON_NEEDED) === undefined) {
    say(
      `MISSING a Python with celery and redis; ${consequence}. Install it: apt-get install ${DEBIAN.python.join(' ')}; ` +
        `or python3 -m venv .venv-test && .venv-test/bin/pip install 'celery[redis]' pyyaml msgpack flask cryptography; or point CTQ_TEST_PYTHON at one that has them`,
    );
  } else {
    const absent = PYTHON_WANTED.filter((name) => pythonWith([...PYTHON_NEEDED, name]) === undefined);
    say(`this Python's Celery lacks ${absent.join(', ')}: cases that need it say so`);
  }
}

/** Throws when the checkout cannot work; what only tests need is reported instead. */
export function setup(options = {}) {
  checkNode();
  installPackages();
  if (options.build !== 'skip') buildWhenStale();
  if (options.test) installTestServers();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    setup({ test: process.argv.includes('--test') });
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
