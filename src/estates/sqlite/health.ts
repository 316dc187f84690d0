import { setTimeout as delay } from 'node:timers/promises';
import type { StoreHealth } from '../../estate/health.js';
import type { SqliteReader } from './store.js';

/** A beat grows by one each second; this long without tells that its owner is dead or frozen. */
const LOOK_AGAIN_MS = 2_500;

interface OwnerRow {
  readonly id: number;
  readonly name: string;
  readonly beat: number;
}

export async function sqliteHealth(store: SqliteReader): Promise<StoreHealth> {
  const before = performance.now();
  const { version, bytes } = await store.read((db) => ({
    version: db.get<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? '',
    bytes: db.get<{ bytes: number }>('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size')?.bytes ?? 0,
  }));
  const roundTripMs = performance.now() - before;
  return {
    engine: 'sqlite',
    version,
    roundTripMs,
    usedBytes: bytes,
    persistence: ['write-ahead log'],
    silentConsumers: await silent(store),
  };
}

async function silent(store: SqliteReader): Promise<StoreHealth['silentConsumers']> {
  const owners = (): Promise<readonly OwnerRow[]> => store.read((db) => db.all<OwnerRow>('SELECT id, name, beat FROM owner'));
  const first = await owners();
  if (first.length === 0) return [];
  await delay(LOOK_AGAIN_MS);
  const later = new Map((await owners()).map((owner) => [owner.id, owner.beat]));
  return first.filter(({ id, beat }) => later.get(id) === beat).map(({ name }) => ({ name, silentMs: LOOK_AGAIN_MS }));
}
