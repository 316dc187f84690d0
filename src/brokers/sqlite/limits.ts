/** Limits that all processes share which have the file open; one machine, so its clock is everybody's. */
import type { SlotGrant, SlotWish } from '../../execution/slot-line.js';
import { reserveSlots } from '../../execution/slot-line.js';
import type { PermitTerms } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';

const TABLES = `
CREATE TABLE IF NOT EXISTS rate_line (name TEXT PRIMARY KEY, next_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS permit (name TEXT NOT NULL, holder TEXT NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (name, holder)) WITHOUT ROWID;
`;

/** Made by the first who limits anything: most files never have them. */
const prepared = new WeakSet<SqliteConnection>();

function prepare(db: SqliteConnection): void {
  if (prepared.has(db)) return;
  db.exec(TABLES);
  prepared.add(db);
}

export function reserveInLine(db: SqliteConnection, name: string, wish: SlotWish, nowMs: number): SlotGrant {
  prepare(db);
  const line = { nextMs: db.get<{ next_at: number }>('SELECT next_at FROM rate_line WHERE name = ?', name)?.next_at ?? 0 };
  const grant = reserveSlots(line, wish, nowMs);
  db.run(
    'INSERT INTO rate_line (name, next_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at',
    name,
    line.nextMs,
  );
  return grant;
}

export function acquirePermits(
  db: SqliteConnection,
  name: string,
  holders: readonly string[],
  { limit, leaseMs }: PermitTerms,
  nowMs: number,
): readonly string[] {
  prepare(db);
  db.run(
    `DELETE FROM permit WHERE name = ?
       AND (expires_at <= ? OR instr(holder, ':') > 0 AND substr(holder, 1, instr(holder, ':') - 1) NOT IN (SELECT uuid FROM owner))`,
    name,
    nowMs,
  );
  let free = limit - (db.get<{ count: number }>('SELECT count(*) AS count FROM permit WHERE name = ?', name)?.count ?? 0);
  return holders.filter((holder) => {
    const has = db.get('SELECT 1 AS one FROM permit WHERE name = ? AND holder = ?', name, holder) !== undefined;
    if (!has && free <= 0) return false;
    if (!has) free -= 1;
    db.run('INSERT OR REPLACE INTO permit (name, holder, expires_at) VALUES (?, ?, ?)', name, holder, Math.ceil(nowMs + leaseMs));
    return true;
  });
}

export function releasePermits(db: SqliteConnection, name: string, holders: readonly string[]): void {
  prepare(db);
  for (const holder of holders) db.run('DELETE FROM permit WHERE name = ? AND holder = ?', name, holder);
}
