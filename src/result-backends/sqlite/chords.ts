/** Groups and the parts of chords in the SQLite file. */
import type { SqliteConnection } from '../../connections/sqlite.js';
import { parseJson, stringifyJson } from '../../protocol/kombu-json.js';
import { isResultTree, type ResultTree } from '../../protocol/result-meta.js';
import type { ChordPart, ChordStore } from '../../result-backend.js';
import { inResultOrder } from '../chord-order.js';
import { expiryOf } from './rows.js';

interface CountRow {
  /** Null until the sender has told it. */
  readonly size: number | null;
  readonly extra: number;
  readonly reported: number;
}

interface PartRow {
  readonly task_id: string;
  readonly group_index: number | null;
  readonly status: string;
  readonly result: string;
}

/**
 * Notes how a part ended, inside a transaction of the caller's; gives all parts when none is missing.
 * The chord's row counts them, so that a chord of n parts does not cost n² rows.
 */
export function reportPart(db: SqliteConnection, part: ChordPart, expiresAt: number | null): readonly ChordPart[] | undefined {
  const { groupId, taskId, groupIndex, status } = part;
  const result = stringifyJson(part.result);
  touchChord(db, groupId, expiresAt);
  const again = db.run(
    'UPDATE chord_part SET group_index = ?, status = ?, result = ? WHERE group_id = ? AND task_id = ?',
    ...[groupIndex, status, result, groupId, taskId],
  );
  if (again === 0) {
    db.run(
      'INSERT INTO chord_part (group_id, task_id, group_index, status, result) VALUES (?, ?, ?, ?, ?)',
      ...[groupId, taskId, groupIndex, status, result],
    );
    db.run('UPDATE chord SET reported = reported + 1 WHERE group_id = ?', groupId);
  }
  const counts = db.get<CountRow>('SELECT size, extra, reported FROM chord WHERE group_id = ?', groupId);
  if (counts === undefined || counts.size === null || counts.reported < counts.size + counts.extra) return undefined;
  return inResultOrder(
    db
      .all<PartRow>('SELECT task_id, group_index, status, result FROM chord_part WHERE group_id = ?', groupId)
      .map((row) => ({ groupId, taskId: row.task_id, groupIndex: row.group_index, status: row.status, result: parseJson(row.result) })),
  );
}

/** Removes the counters; false when they were gone already. */
export function closeChord(db: SqliteConnection, groupId: string): boolean {
  db.run('DELETE FROM chord_part WHERE group_id = ?', groupId);
  return db.run('DELETE FROM chord WHERE group_id = ?', groupId) > 0;
}

/** Removes what has expired, at most `limit` chords and groups; returns how many. */
export function sweepChords(db: SqliteConnection, nowMs: number, limit: number): number {
  const expired = db.all<{ group_id: string }>('SELECT group_id FROM chord WHERE expires_at <= ? LIMIT ?', nowMs, limit);
  for (const { group_id: groupId } of expired) closeChord(db, groupId);
  return (
    expired.length +
    db.run('DELETE FROM task_group WHERE group_id IN (SELECT group_id FROM task_group WHERE expires_at <= ? LIMIT ?)', nowMs, limit)
  );
}

/** Every sign of life keeps the counters for as long again. */
function touchChord(db: SqliteConnection, groupId: string, expiresAt: number | null): void {
  db.run(
    'INSERT INTO chord (group_id, expires_at) VALUES (?, ?) ON CONFLICT (group_id) DO UPDATE SET expires_at = excluded.expires_at',
    groupId,
    expiresAt,
  );
}

export interface SqliteChordsOptions {
  /** Seconds; 0 or null keeps counters and groups for ever. */
  readonly resultExpires: number | null;
  write<T>(work: (db: SqliteConnection) => T): Promise<T>;
  read<T>(work: (db: SqliteConnection) => T): Promise<T>;
}

export class SqliteChords implements ChordStore {
  readonly #options: SqliteChordsOptions;

  constructor(options: SqliteChordsOptions) {
    this.#options = options;
  }

  setSize(groupId: string, size: number): Promise<void> {
    return this.#write((db, expiresAt) => {
      touchChord(db, groupId, expiresAt);
      db.run('UPDATE chord SET size = ? WHERE group_id = ?', size, groupId);
    });
  }

  grow(groupId: string): Promise<void> {
    return this.#write((db, expiresAt) => {
      touchChord(db, groupId, expiresAt);
      db.run('UPDATE chord SET extra = extra + 1 WHERE group_id = ?', groupId);
    });
  }

  report(part: ChordPart): Promise<readonly ChordPart[] | undefined> {
    return this.#write((db, expiresAt) => reportPart(db, part, expiresAt));
  }

  close(groupId: string): Promise<void> {
    return this.#write((db) => void closeChord(db, groupId));
  }

  saveGroup(groupId: string, tree: ResultTree): Promise<void> {
    const text = stringifyJson(tree);
    return this.#write((db, expiresAt) => {
      db.run('INSERT OR REPLACE INTO task_group (group_id, expires_at, tree) VALUES (?, ?, ?)', groupId, expiresAt, text);
    });
  }

  async loadGroup(groupId: string): Promise<ResultTree | undefined> {
    const row = await this.#options.read((db) =>
      db.get<{ tree: string }>(
        'SELECT tree FROM task_group WHERE group_id = ? AND (expires_at IS NULL OR expires_at > ?)',
        groupId,
        Date.now(),
      ),
    );
    if (row === undefined) return undefined;
    const tree = parseJson(row.tree);
    return isResultTree(tree) ? tree : undefined;
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#write((db) => void db.run('DELETE FROM task_group WHERE group_id = ?', groupId));
  }

  #write<T>(work: (db: SqliteConnection, expiresAt: number | null) => T): Promise<T> {
    return this.#options.write((db) => work(db, expiryOf(this.#options.resultExpires, Date.now())));
  }
}
