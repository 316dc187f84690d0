/** Groups and the parts of chords in tables of ours: Celery keeps a group as a pickle of its own objects, and counts no parts here. */
import type { SqlDialect, SqlRow, SqlSession, SqlValue } from '../../connections/sql.js';
import { parseJson, stringifyJson } from '../../protocol/kombu-json.js';
import { isResultTree, type ResultTree } from '../../protocol/result-meta.js';
import type { ChordPart, ChordStore } from '../../result-backend.js';
import { inResultOrder } from '../chord-order.js';

export interface SqlChordsOptions {
  transaction<T>(work: (session: SqlSession, dialect: SqlDialect) => Promise<T>): Promise<T>;
  /** Milliseconds since 1970; null for ever. */
  expiresAt(): number | null;
  nowMs(): number;
}

export class SqlChords implements ChordStore {
  readonly #options: SqlChordsOptions;

  constructor(options: SqlChordsOptions) {
    this.#options = options;
  }

  setSize(groupId: string, size: number): Promise<void> {
    return this.#change(groupId, async (session) => {
      await session.query('UPDATE ctq_chord SET size = ? WHERE group_id = ?', [size, groupId]);
    });
  }

  grow(groupId: string): Promise<void> {
    return this.#change(groupId, async (session) => {
      await session.query('UPDATE ctq_chord SET extra = extra + 1 WHERE group_id = ?', [groupId]);
    });
  }

  report(part: ChordPart): Promise<readonly ChordPart[] | undefined> {
    const { groupId, taskId, groupIndex, status } = part;
    const result = stringifyJson(part.result);
    return this.#change(groupId, async (session) => {
      const [before] = await session.query('SELECT 1 AS known FROM ctq_chord_part WHERE group_id = ? AND task_id = ?', [groupId, taskId]);
      if (before === undefined) {
        await session.query('INSERT INTO ctq_chord_part (group_id, task_id, group_index, status, result) VALUES (?, ?, ?, ?, ?)', [
          ...[groupId, taskId, groupIndex, status, result],
        ]);
        await session.query('UPDATE ctq_chord SET reported = reported + 1 WHERE group_id = ?', [groupId]);
      } else {
        await session.query('UPDATE ctq_chord_part SET group_index = ?, status = ?, result = ? WHERE group_id = ? AND task_id = ?', [
          ...[groupIndex, status, result, groupId, taskId],
        ]);
      }
      const [counts] = await session.query('SELECT size, extra, reported FROM ctq_chord WHERE group_id = ?', [groupId]);
      const size = counts?.['size'] ?? null;
      if (counts === undefined || size === null || Number(counts['reported']) < Number(size) + Number(counts['extra'])) return undefined;
      const rows = await session.query('SELECT task_id, group_index, status, result FROM ctq_chord_part WHERE group_id = ?', [groupId]);
      return inResultOrder(rows.map((row) => partOf(groupId, row)));
    });
  }

  close(groupId: string): Promise<void> {
    return this.#options.transaction((session) => closeChords(session, [groupId]));
  }

  saveGroup(groupId: string, tree: ResultTree): Promise<void> {
    const text = stringifyJson(tree);
    return this.#options.transaction(async (session) => {
      await session.query('DELETE FROM ctq_group WHERE group_id = ?', [groupId]);
      await session.query('INSERT INTO ctq_group (group_id, tree, expires_at) VALUES (?, ?, ?)', [
        groupId,
        text,
        this.#options.expiresAt(),
      ]);
    });
  }

  loadGroup(groupId: string): Promise<ResultTree | undefined> {
    return this.#options.transaction(async (session) => {
      const [row] = await session.query('SELECT tree FROM ctq_group WHERE group_id = ? AND (expires_at IS NULL OR expires_at > ?)', [
        ...[groupId, this.#options.nowMs()],
      ]);
      if (row === undefined) return undefined;
      const tree = parseJson(String(row['tree']));
      return isResultTree(tree) ? tree : undefined;
    });
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#options.transaction(async (session) => {
      await session.query('DELETE FROM ctq_group WHERE group_id = ?', [groupId]);
    });
  }

  /** Every sign of life keeps the counters for as long again; it also makes all others who report a part of this chord wait. */
  #change<T>(groupId: string, work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#options.transaction(async (session, dialect) => {
      const values: readonly SqlValue[] = [groupId, this.#options.expiresAt()];
      const keep =
        dialect === 'mysql'
          ? 'ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at)'
          : 'ON CONFLICT (group_id) DO UPDATE SET expires_at = excluded.expires_at';
      await session.query(`INSERT INTO ctq_chord (group_id, extra, reported, expires_at) VALUES (?, 0, 0, ?) ${keep}`, values);
      return work(session);
    });
  }
}

function partOf(groupId: string, row: SqlRow): ChordPart {
  const groupIndex = row['group_index'] ?? null;
  return {
    ...{ groupId, taskId: String(row['task_id']), groupIndex: groupIndex === null ? null : Number(groupIndex) },
    ...{ status: String(row['status']), result: parseJson(String(row['result'])) },
  };
}

export async function closeChords(session: SqlSession, groupIds: readonly string[]): Promise<void> {
  for (const groupId of groupIds) {
    await session.query('DELETE FROM ctq_chord_part WHERE group_id = ?', [groupId]);
    await session.query('DELETE FROM ctq_chord WHERE group_id = ?', [groupId]);
  }
}
