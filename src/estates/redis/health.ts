import { ownersKey } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { SilentConsumer, StoreHealth } from '../../estate/health.js';
import type { RedisStore } from './store.js';

/** Renewed every second, struck off by others after seven (lease-keeper.ts): whoever stands here for longer has nobody to do it. */
const SILENT_AFTER_MS = 15_000;

export async function redisHealth(store: RedisStore): Promise<StoreHealth> {
  return store.read(async (connection) => {
    const { serverMs, roundTripMs, clockSkewMs } = await timed(connection);
    const [info, snapshots, owners] = await Promise.all([
      connection.call('info', []),
      savePoints(connection),
      connection.call('zrange', [ownersKey(store.layout), '0', '-1', 'WITHSCORES']),
    ]);
    const facts = infoFacts(String(info));
    const maxBytes = Number(facts.get('maxmemory') ?? 0);
    const role = facts.get('role');
    const failed = failedWrite(facts);
    return {
      engine: facts.get('server_name') === 'valkey' ? 'valkey' : 'redis',
      version: facts.get('valkey_version') ?? facts.get('redis_version') ?? '',
      roundTripMs,
      clockSkewMs,
      ...optional('usedBytes', numberOf(facts.get('used_memory'))),
      ...(maxBytes > 0 ? { maxBytes } : {}),
      ...optional('evictionPolicy', facts.get('maxmemory_policy')),
      ...optional('persistence', persistenceOf(facts, snapshots)),
      ...optional('persistenceFailed', failed),
      ...(role === undefined ? {} : { role: role === 'master' ? 'master' : 'replica' }),
      ...optional('connectedClients', numberOf(facts.get('connected_clients'))),
      visibilityTimeoutS: store.layout.visibilityTimeoutS,
      silentConsumers: silentAmong(owners as readonly string[], serverMs),
    };
  });
}

/** Other databases that hold anything. */
export async function redisNeighbours(store: RedisStore, db: number): Promise<readonly string[]> {
  const info = String(await store.read((connection) => connection.call('info', ['keyspace'])));
  return [...info.matchAll(/^db(\d+):keys=(\d+)/gm)]
    .filter(([, number]) => Number(number) !== db)
    .map(([, number, keys]) => `database ${number} of this server has ${keys} key${keys === '1' ? '' : 's'}`);
}

async function timed(connection: RedisConnection): Promise<{ serverMs: number; roundTripMs: number; clockSkewMs: number }> {
  const before = performance.now();
  const sentAtMs = Date.now();
  const [seconds, microseconds] = (await connection.call('time', [])) as readonly [string, string];
  const roundTripMs = performance.now() - before;
  const serverMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
  // Half way there is when it looked at its clock, give or take the other half.
  return { serverMs, roundTripMs, clockSkewMs: serverMs - (sentAtMs + roundTripMs / 2) };
}

/** Managed servers refuse CONFIG: then nobody knows. */
async function savePoints(connection: RedisConnection): Promise<string | undefined> {
  try {
    const reply = await connection.call('config', ['get', 'save']);
    return Array.isArray(reply) ? String(reply[1] ?? '') : undefined;
  } catch {
    return undefined;
  }
}

function infoFacts(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}

function persistenceOf(facts: ReadonlyMap<string, string>, snapshots: string | undefined): StoreHealth['persistence'] {
  const appends = facts.get('aof_enabled') === '1';
  if (snapshots === undefined) return appends ? ['append-only file'] : undefined;
  return [...(appends ? (['append-only file'] as const) : []), ...(snapshots === '' ? [] : (['snapshots'] as const))];
}

function failedWrite(facts: ReadonlyMap<string, string>): string | undefined {
  if (facts.get('aof_enabled') === '1' && facts.get('aof_last_write_status') === 'err') return 'the append-only file';
  return facts.get('rdb_last_bgsave_status') === 'err' ? 'the last snapshot' : undefined;
}

function silentAmong(owners: readonly string[], serverMs: number): readonly SilentConsumer[] {
  const silent: SilentConsumer[] = [];
  for (let at = 0; at + 1 < owners.length; at += 2) {
    const silentMs = serverMs - Number(owners[at + 1]) * 1000;
    if (silentMs >= SILENT_AFTER_MS) silent.push({ name: owners[at] as string, silentMs });
  }
  return silent;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text);
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
