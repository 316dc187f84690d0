/** A real redis-server of a test's own: private port, private folder, gone afterwards. */
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { findOnPath } from './find-on-path.js';
import { OwnedProcess } from './owned-process.js';
import { type Reply, redisCommands } from './resp.js';
import { tmpFolder } from './tmp.js';

export interface RedisOptions {
  /** Default: nothing is written to disk. */
  readonly appendonly?: 'always' | 'everysec';
  readonly password?: string;
  /** The program itself, where it must be one of the two. */
  readonly program?: 'redis-server' | 'valkey-server';
  /** Further arguments of redis-server, e.g. `['--maxmemory', '4mb']`. */
  readonly args?: readonly string[];
}

/** The program, from PATH, or undefined. */
export function findRedisServer(): string | undefined {
  return findOnPath('redis-server') ?? findOnPath('valkey-server');
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #options: RedisOptions;
  #process: OwnedProcess | undefined;

  constructor(port: number, folder: string, options: RedisOptions) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
  }

  get pid(): number {
    if (this.#process === undefined) throw new Error('this redis-server is not running');
    return this.#process.pid;
  }

  /** Database 0, with the password where there is one. */
  get url(): string {
    return this.urlOf(0);
  }

  urlOf(database: number): string {
    const { password } = this.#options;
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `redis://${credentials}127.0.0.1:${this.port}/${database}`;
  }

  get log(): string {
    return this.#process?.output ?? '';
  }

  /** Starts the program and resolves when it answers PING (and has loaded its data). Rejects when the port was taken. */
  async start(): Promise<void> {
    const program = this.#options.program === undefined ? findRedisServer() : findOnPath(this.#options.program);
    if (program === undefined) {
      throw new Error(
        'neither redis-server nor valkey-server is on PATH: run "node tools/setup.mjs --test", or guard the suite with describeWith("redis", …)',
      );
    }
    const { appendonly, password, args = [] } = this.#options;
    const server = new OwnedProcess(
      program,
      [
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--daemonize', 'no'],
        ...(appendonly === undefined ? [] : ['--appendonly', 'yes', '--appendfsync', appendonly]),
        ...(password === undefined ? [] : ['--requirepass', password]),
        ...args,
      ],
      { cwd: this.folder },
    );
    this.#process = server;
    try {
      await this.#answers(server);
    } catch (error) {
      server.killGroup();
      throw error;
    }
  }

  async #answers(server: OwnedProcess): Promise<void> {
    const deadlineMs = performance.now() + 15_000;
    for (;;) {
      if (server.ending !== undefined) throw new Error(`redis-server ended at once:\n${server.output.slice(-2000)}`);
      // Answered even while it reads its data.
      const info = await this.commands([
        ['INFO', 'server'],
        ['INFO', 'persistence'],
      ]).then((parts) => parts.join(''), String);
      // Ours, and not somebody else's that was faster to take the port.
      if (info.includes(`process_id:${server.pid}\r`) && info.includes('\nloading:0\r')) return;
      if (performance.now() > deadlineMs) throw new Error(`redis-server does not answer: ${info}\n${server.output.slice(-2000)}`);
      await delay(10);
    }
  }

  /** SHUTDOWN as an administrator does: with AOF nothing is lost. */
  async stop(): Promise<void> {
    await this.#process?.stop('SIGTERM');
    this.#process = undefined;
  }

  /** SIGKILL, as a crash or the kernel's OOM killer. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  /** Stops it if it runs, starts it again on the same port and folder. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGSTOP: connections stay open and nobody answers. */
  freeze(): void {
    this.#process?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }

  /** One command on a connection of its own, in database 0: `await redis.command('LLEN', 'celery')`. */
  async command(...words: readonly (string | number | Uint8Array)[]): Promise<Reply> {
    const [reply] = await this.commands([words]);
    return reply ?? null;
  }

  /** Several commands over one connection, e.g. beginning with SELECT; the answers in order. */
  async commands(commands: readonly (readonly (string | number | Uint8Array)[])[]): Promise<Reply[]> {
    const { password } = this.#options;
    if (password === undefined) return await redisCommands(this.port, commands);
    return (await redisCommands(this.port, [['AUTH', password], ...commands])).slice(1);
  }
}

/** Starts a redis-server on a free private port. */
export function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return onFreePorts(async () => {
    const server = new RedisServer(await freePort(), tmpFolder(), options);
    await server.start();
    return server;
  });
}

const TAKEN = /address already in use|Address in use|Could not create server TCP|eaddrinuse/i;

/** Tries other ports where somebody else has taken one between its being found free and its being bound. */
export async function onFreePorts<Server>(start: () => Promise<Server>): Promise<Server> {
  let problem: unknown;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (!TAKEN.test(String(error))) throw error;
      problem = error;
    }
  }
  throw problem;
}

/** Below those that systems hand out to connections that go out, any of which may have a port by the time a server wants it. */
const [FIRST_PORT, PORTS] = [12_000, 20_000];

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
