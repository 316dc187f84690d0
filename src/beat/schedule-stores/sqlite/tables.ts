/** Beat's tables in the broker's file (docs/wire/sqlite.md), made by the first beat that needs them. */
import type { SqliteConnection } from '../../../connections/sqlite.js';

/**
 * `beat_group`: one row for each app. `attendance` grows with each time the leader shows up; a beat that sees it
 * stand still takes over. The clock on the wall is not asked, for somebody may set it.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS beat_group (
  scope TEXT PRIMARY KEY,
  leader TEXT,
  leader_name TEXT,
  term INTEGER NOT NULL DEFAULT 0,
  attendance INTEGER NOT NULL DEFAULT 0,
  covered_since INTEGER,
  covered_until INTEGER,
  revision INTEGER NOT NULL DEFAULT 0,
  timezone TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS beat_entry (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  definition TEXT,
  paused INTEGER NOT NULL DEFAULT 0,
  last_run_at INTEGER,
  total_run_count INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, name)
) WITHOUT ROWID;
`;

export function ensureBeatTables(db: SqliteConnection, scope: string): void {
  const exists = db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'beat_entry'") !== undefined;
  if (!exists) db.exec(TABLES);
  db.run('INSERT OR IGNORE INTO beat_group (scope) VALUES (?)', scope);
}

/** undefined while nobody has made the tables. */
export function hasBeatTables(db: SqliteConnection): boolean {
  return db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'beat_entry'") !== undefined;
}

export interface GroupRow {
  readonly leader: string | null;
  readonly leader_name: string | null;
  readonly term: number;
  readonly attendance: number;
  readonly covered_since: number | null;
  readonly covered_until: number | null;
  readonly revision: number;
  readonly timezone: string | null;
}

export interface EntryRow {
  readonly name: string;
  readonly definition: string | null;
  readonly paused: number;
  readonly last_run_at: number | null;
  readonly total_run_count: number;
}
