/**
 * Servers and programs that some suites need. Where one is missing, its suites are skipped with one
 * loud line; in CI that is a failure, because a skipped promise is an unkept one.
 */
import { describe, it, test } from 'vitest';
import { findCeleryPython, findCryptographyPython, findDjangoPython, findFlaskPython } from './python-celery.js';
import { findOnPath } from './find-on-path.js';
import { findRabbitServer } from './rabbitmq-server.js';
import { findRedisServer } from './redis-server.js';
import { findMariadb, findPostgres } from './sql-servers.js';

const NEEDS = {
  redis: { find: findRedisServer, remedy: 'install redis-server (Debian) or redis (Homebrew), or run "node tools/setup.mjs --test"' },
  python: { find: findCeleryPython, remedy: 'install python3-celery and python3-redis, or run "node tools/setup.mjs --test"' },
  flask: { find: findFlaskPython, remedy: 'install python3-flask beside python3-celery, or run "node tools/setup.mjs --test"' },
  django: { find: findDjangoPython, remedy: 'install python3-django beside python3-celery, or run "node tools/setup.mjs --test"' },
  rabbitmq: {
    find: findRabbitServer,
    remedy: 'install rabbitmq-server (Debian) or rabbitmq (Homebrew), or run "node tools/setup.mjs --test"',
  },
  postgres: {
    find: findPostgres,
    remedy: 'install postgresql (Debian, Homebrew), or run "node tools/setup.mjs --test"',
  },
  mariadb: { find: findMariadb, remedy: 'install mariadb-server (Debian) or mariadb (Homebrew), or run "node tools/setup.mjs --test"' },
  memcached: program('memcached', 'memcached'),
  bash: program('bash', 'bash'),
  zsh: program('zsh', 'zsh'),
  fish: program('fish', 'fish'),
  mandb: program('mandb', 'man-db'),
  openssl: program('openssl', 'openssl'),
  'systemd-analyze': program('systemd-analyze', 'systemd'),
  cryptography: {
    find: findCryptographyPython,
    remedy: 'install python3-cryptography beside python3-celery, or run "node tools/setup.mjs --test"',
  },
} as const;

function program(name: string, packages: string): { readonly find: () => string | undefined; readonly remedy: string } {
  return { find: () => findOnPath(name), remedy: `install ${packages}, or run "node tools/setup.mjs --test"` };
}

export type Need = keyof typeof NEEDS;

/** What is missing, in words, or undefined. */
export function missing(needs: readonly Need[]): string | undefined {
  const absent = needs.filter((need) => NEEDS[need].find() === undefined);
  return absent.length === 0 ? undefined : absent.map((need) => `no ${need}: ${NEEDS[need].remedy}`).join('; ');
}

/**
 * `describe` for suites that need servers: `describeWith('redis', 'the Redis broker', () => …)`,
 * `describeWith(['redis', 'python'], …)`.
 */
export function describeWith(needs: Need | readonly Need[], name: string, suite: () => void): void {
  describeWhere(describe, needs, name, suite);
}

/** As {@link describeWith}, for tests that mostly wait, each for servers of its own: they run beside one another. */
export function describeBeside(needs: Need | readonly Need[], name: string, suite: () => void): void {
  describeWhere(describe.concurrent, needs, name, suite);
}

function describeWhere(
  how: (name: string, suite: () => void) => void,
  needs: Need | readonly Need[],
  name: string,
  suite: () => void,
): void {
  const problem = missing(typeof needs === 'string' ? [needs] : needs);
  if (problem === undefined) {
    how(name, suite);
    return;
  }
  if (process.env['CI'] !== undefined) {
    // One failure here, and not of the whole file: its other suites can still tell something.
    describe(name, () => {
      it('has what it needs', () => {
        throw new Error(`${name} cannot run (${problem})`);
      });
    });
    return;
  }
  process.stderr.write(`\nSKIPPED: ${name} (${problem})\n`);
  describe.skip(`${name} (skipped: ${problem})`, suite);
}

/**
 * A case that cannot hold everywhere: whole, and switched off where there is a reason, which then ends its title.
 * tools/test.mjs accepts no other skip in CI.
 */
export function testUnless(
  reason: string | undefined,
  title: string,
  run: () => void | Promise<void>,
  options: { readonly timeout?: number } = {},
): void {
  test.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, options, run);
}

/** Reasons for {@link testUnless}. */
export const NOT_ROOT = process.getuid?.() === 0 ? undefined : 'only root can give something to somebody else';
export const IS_ROOT = process.getuid?.() === 0 ? 'root is refused nothing' : undefined;
export const NOT_LINUX = process.platform === 'linux' ? undefined : `/proc is Linux’s, and this is ${process.platform}`;
