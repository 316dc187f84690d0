/** A real set-up of sentinels: servers that follow one master, and as many sentinels that watch over them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { OwnedProcess } from './owned-process.js';
import { findRedisServer, freePort, type RedisServer, startRedis } from './redis-server.js';
import { redisCommands } from './resp.js';
import { tmpFolder } from './tmp.js';

export interface SentinelOptions {
  /** Of servers and sentinels together. */
  readonly count: number;
  /** Of the servers. */
  readonly password: string;
  readonly sentinelPassword: string;
}

export const MASTER_NAME = 'mymaster';

/** A master counts as down after so long: soon enough for a test, and no machine that stands still for a moment makes a fail-over of its own. */
const DOWN_AFTER_MS = 2_000;

export class RedisSentinels {
  readonly servers: readonly RedisServer[];
  readonly #options: SentinelOptions;
  readonly #sentinels: readonly { readonly port: number; readonly process: OwnedProcess }[];

  constructor(
    servers: readonly RedisServer[],
    sentinels: readonly { readonly port: number; readonly process: OwnedProcess }[],
    options: SentinelOptions,
  ) {
    this.servers = servers;
    this.#sentinels = sentinels;
    this.#options = options;
  }

  /** `sentinel://:<password>@a;b;c/0`, the nodes as Celery's users write them. */
  get url(): string {
    return `sentinel://${this.#sentinels.map(({ port }) => `:${encodeURIComponent(this.#options.password)}@127.0.0.1:${port}`).join(';sentinel://')}/0`;
  }

  get transportOptions(): Readonly<Record<string, unknown>> {
    return { master_name: MASTER_NAME, sentinel_kwargs: { password: this.#options.sentinelPassword } };
  }

  /** What the majority of the sentinels calls the master. */
  async master(): Promise<RedisServer> {
    const ports = await Promise.all(this.#sentinels.map((sentinel) => this.#ask(sentinel.port, 'get-master-addr-by-name', MASTER_NAME)));
    const votes = ports.map((reply) => Number((reply as string[])[1]));
    const server = this.servers.find(({ port }) => votes.filter((vote) => vote === port).length * 2 > votes.length);
    if (server === undefined) throw new Error(`the sentinels do not agree on a master: ${votes.join(', ')}`);
    return server;
  }

  /** Everybody knows everybody, and all servers follow the master. */
  async settled(): Promise<void> {
    const others = this.#options.count - 1;
    await eventually(
      async () => {
        for (const { port } of this.#sentinels) {
          const facts = (await this.#ask(port, 'master', MASTER_NAME)) as string[];
          const fact = (name: string): number => Number(facts[facts.indexOf(name) + 1]);
          if (fact('num-slaves') < others || fact('num-other-sentinels') < others) return false;
        }
        const info = String(await (await this.master()).command('INFO', 'replication'));
        return info.split('state=online').length === this.servers.length;
      },
      { timeoutMs: 30_000, intervalMs: 100 },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sentinels.map(({ process }) => process.kill()));
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  async #ask(port: number, ...words: readonly string[]): Promise<unknown> {
    const [, reply] = await redisCommands(port, [
      ['AUTH', this.#options.sentinelPassword],
      ['SENTINEL', ...words],
    ]);
    return reply;
  }
}

/** Resolves when all know each other; `servers[0]` is the master then. */
export async function startRedisSentinels(options: SentinelOptions): Promise<RedisSentinels> {
  const { count, password, sentinelPassword } = options;
  const first = await startRedis({ password, args: ['--masterauth', password] });
  const others = Array.from({ length: count - 1 }, () =>
    startRedis({ password, args: ['--masterauth', password, '--replicaof', '127.0.0.1', String(first.port)] }),
  );
  const servers = [first, ...(await Promise.all(others))];
  const sentinels: { port: number; process: OwnedProcess }[] = [];
  for (let node = 0; node < count; node += 1) {
    const port = await freePort();
    const config = join(tmpFolder(), 'sentinel.conf');
    writeFileSync(
      config,
      [
        ...[`port ${port}`, 'bind 127.0.0.1', `requirepass ${sentinelPassword}`],
        `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${first.port} ${Math.floor(count / 2) + 1}`,
        `sentinel auth-pass ${MASTER_NAME} ${password}`,
        `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
        // Twice this passes before the next fail-over is tried.
        `sentinel failover-timeout ${MASTER_NAME} 2000`,
        `sentinel sentinel-pass ${sentinelPassword}`,
      ].join('\n'),
    );
    const process = new OwnedProcess(findRedisServer() as string, [config, '--sentinel']);
    await process.waitForOutput(/\+monitor master/);
    sentinels.push({ port, process });
  }
  const all = new RedisSentinels(servers, sentinels, options);
  await all.settled();
  return all;
}
