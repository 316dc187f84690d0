/** Real PostgreSQL and MariaDB servers of a test's own: private ports and folders, gone afterwards. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { eventually } from './eventually.js';
import { findOnPath } from './find-on-path.js';
import { OwnedProcess } from './owned-process.js';
import { freePort } from './redis-server.js';
import { tmpFolder } from './tmp.js';

export interface SqlServer {
  /** Makes an empty database: `postgresql://…`, `mysql://…`. */
  newDatabase(): string;
  /** SIGKILL, and a start on the same port and folder. What was committed is there: it was given to the system, if not to the disk. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The folder of the programs; Debian keeps them out of PATH. */
export function findPostgres(): string | undefined {
  const onPath = findOnPath('createdb');
  const folders = onPath === undefined ? [] : [dirname(onPath)];
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
    folders.unshift(...versions.map((version) => join('/usr/lib/postgresql', version, 'bin')));
  } catch {
    // Elsewhere they are in PATH.
  }
  return folders.find((folder) => ['initdb', 'postgres', 'createdb'].every((name) => existsSync(join(folder, name))));
}

export function findMariadb(): string | undefined {
  return ['mariadbd', 'mysqld'].map((name) => findOnPath(name) ?? findInSbin(name)).find((path) => path !== undefined);
}

function findInSbin(name: string): string | undefined {
  try {
    return readdirSync('/usr/sbin').includes(name) ? join('/usr/sbin', name) : undefined;
  } catch {
    return undefined;
  }
}

const NOBODY = 65_534;
let databases = 0;

/** PostgreSQL refuses to run as root, as containers do. */
function unprivileged(folder: string): string[] {
  if (process.getuid?.() !== 0) return [];
  chownSync(folder, NOBODY, NOBODY);
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
}

/** At once, for it is large; what PostgreSQL's processes still write while they notice that it is gone goes with the test file. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

function run(words: readonly string[]): void {
  const [program = '', ...args] = words;
  execFileSync(program, args, { stdio: 'pipe' });
}

function launch(words: readonly string[]): OwnedProcess {
  const [program = '', ...args] = words;
  return new OwnedProcess(program, args);
}

export async function startPostgres(): Promise<SqlServer> {
  const bin = findPostgres() as string;
  const [folder, port] = [tmpFolder(), await freePort()];
  const become = unprivileged(folder);
  const data = join(folder, 'data');
  run([...become, join(bin, 'initdb'), '-D', data, '-U', 'ctq', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
  const options = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`, '-c', 'fsync=off'];
  const words = [...become, join(bin, 'postgres'), '-D', data, '-p', String(port), ...options];
  let server = launch(words);
  const ready = (): Promise<unknown> => server.waitForOutput(/ready to accept connections/, 60_000);
  await ready();
  return {
    newDatabase() {
      databases += 1;
      run([join(bin, 'createdb'), '-h', '127.0.0.1', '-p', String(port), '-U', 'ctq', `ctq${databases}`]);
      return `postgresql://ctq@127.0.0.1:${port}/ctq${databases}`;
    },
    async restart() {
      await server.kill();
      server = launch(words);
      await ready();
    },
    async stop() {
      await server.kill();
      remove(folder);
    },
  };
}

export async function startMariadb(): Promise<SqlServer> {
  const program = findMariadb() as string;
  const [folder, port] = [tmpFolder(), await freePort()];
  const become = unprivileged(folder);
  const data = join(folder, 'data');
  run([
    ...[...become, 'mariadb-install-db', '--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
    '--skip-name-resolve',
  ]);
  const words = [
    ...[...become, program, '--no-defaults', `--datadir=${data}`, `--socket=${join(folder, 'socket')}`, `--port=${port}`],
    ...['--bind-address=127.0.0.1', '--innodb-flush-log-at-trx-commit=2', '--skip-name-resolve'],
  ];
  let server = launch(words);
  const ready = (): Promise<unknown> => server.waitForOutput(/ready for connections/, 60_000);
  await ready();
  return {
    newDatabase() {
      databases += 1;
      const client = ['mariadb', '--no-defaults', `--socket=${join(folder, 'socket')}`, '-u', 'root', '-e'];
      run([...client, `CREATE DATABASE ctq${databases} CHARACTER SET utf8mb4`]);
      return `mysql://root@127.0.0.1:${port}/ctq${databases}`;
    },
    async restart() {
      await server.kill();
      server = launch(words);
      await ready();
    },
    async stop() {
      await server.kill();
      remove(folder);
    },
  };
}

function answers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

/** `host:port`. */
export async function startMemcached(): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const server = launch(['memcached', '-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user]);
  await eventually(() => answers(port));
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      await server.kill();
    },
  };
}
