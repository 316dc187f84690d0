/** What operators and workers tell each other through the file; docs/wire/sqlite.md describes each table. */
import type { SqliteConnection } from '../../connections/sqlite.js';
import { type ConsumerAbout, readAbout, stoppedNodes } from '../about.js';

const TABLES = `
CREATE TABLE IF NOT EXISTS paused_queue (name TEXT PRIMARY KEY, stopped TEXT NOT NULL DEFAULT '[]') WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owner_about (uuid TEXT PRIMARY KEY, about TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside (
  removal TEXT NOT NULL,
  number INTEGER NOT NULL,
  removed_at INTEGER NOT NULL,
  id INTEGER NOT NULL,
  queue TEXT NOT NULL,
  step INTEGER NOT NULL,
  place INTEGER NOT NULL,
  take INTEGER NOT NULL,
  redeliveries INTEGER NOT NULL,
  due_at INTEGER,
  published_at INTEGER NOT NULL,
  envelope NOT NULL,
  PRIMARY KEY (removal, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removal (id TEXT PRIMARY KEY, restored_from INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Made by the first who needs them. */
const prepared = new WeakSet<SqliteConnection>();

/** Before a write; inside its transaction. */
export function prepareDesk(db: SqliteConnection): void {
  if (prepared.has(db)) return;
  db.exec(TABLES);
  prepared.add(db);
}

/** Before a read: false when nobody has written anything of this kind yet. */
export function hasDesk(db: SqliteConnection): boolean {
  if (prepared.has(db)) return true;
  const found = db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'removal'") !== undefined;
  if (found) prepared.add(db);
  return found;
}

export function pausedQueues(db: SqliteConnection): string[] {
  if (!hasDesk(db)) return [];
  return db.all<{ name: string }>('SELECT name FROM paused_queue ORDER BY name').map(({ name }) => name);
}

export function pauseQueues(db: SqliteConnection, names: readonly string[]): void {
  prepareDesk(db);
  for (const name of names) db.run('INSERT OR IGNORE INTO paused_queue (name) VALUES (?)', name);
}

/** Who was told to stop because they do not look here. */
export function noteStopped(db: SqliteConnection, name: string, nodes: readonly string[]): void {
  prepareDesk(db);
  const before = stoppedNodes(db.get<{ stopped: string }>('SELECT stopped FROM paused_queue WHERE name = ?', name)?.stopped ?? null);
  db.run('UPDATE paused_queue SET stopped = ? WHERE name = ?', JSON.stringify([...new Set([...before, ...nodes])]), name);
}

/** undefined when it is not paused. */
export function stoppedFrom(db: SqliteConnection, name: string): readonly string[] | undefined {
  if (!hasDesk(db)) return undefined;
  const row = db.get<{ stopped: string }>('SELECT stopped FROM paused_queue WHERE name = ?', name);
  return row === undefined ? undefined : stoppedNodes(row.stopped);
}

export function resumeQueues(db: SqliteConnection, names: readonly string[]): void {
  if (!hasDesk(db)) return;
  for (const name of names) db.run('DELETE FROM paused_queue WHERE name = ?', name);
}

/** Says it of a consumer, and forgets those that are gone. */
export function tellAbout(db: SqliteConnection, ownerUuid: string, about: string): void {
  prepareDesk(db);
  db.run('INSERT OR REPLACE INTO owner_about (uuid, about) VALUES (?, ?)', ownerUuid, about);
  db.run('DELETE FROM owner_about WHERE uuid NOT IN (SELECT uuid FROM owner)');
}

/** Of those that live. */
export function abouts(db: SqliteConnection): ConsumerAbout[] {
  if (!hasDesk(db)) return [];
  return db
    .all<{ about: string }>('SELECT about FROM owner_about JOIN owner USING (uuid)')
    .map(({ about }) => readAbout(about))
    .filter((about) => about !== undefined);
}
