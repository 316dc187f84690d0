/** Statements on the table `failed_task`: tasks that failed for good, with their messages. Inside a transaction of the caller's. */
import type { SqliteConnection } from '../../connections/sqlite.js';
import { encodeFailureNote, type FailureRecord, keptText } from '../../estate/failed-task.js';
import type { Claim } from './messages.js';

const TABLE = `
CREATE TABLE IF NOT EXISTS failed_task (
  task_id TEXT PRIMARY KEY,
  failed_at INTEGER NOT NULL,
  about TEXT NOT NULL,
  step INTEGER NOT NULL,
  envelope NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS failed_task_at ON failed_task (failed_at);
`;

/** Made by the first failure. Not remembered: the transaction that makes it may be rolled back. */
function prepare(db: SqliteConnection): void {
  db.exec(TABLE);
}

/** Copies the message of a delivery; one that is not ours any more keeps nothing. */
export function keepFailed(db: SqliteConnection, { id, take, owner }: Claim, record: FailureRecord): void {
  prepare(db);
  db.run(
    `INSERT OR REPLACE INTO failed_task (task_id, failed_at, about, step, envelope)
     SELECT ?, ?, ?, step, CASE WHEN ? > 0 AND length(CAST(envelope AS BLOB)) > ? THEN '' ELSE envelope END FROM message WHERE id = ? AND take = ? AND owner = ?`,
    ...about(record),
    record.maxBytes,
    record.maxBytes,
    id,
    take,
    owner,
  );
  trim(db, record);
}

/** The same for a message that is in the file no more. */
export function keepFailedText(db: SqliteConnection, record: FailureRecord, step: number, envelope: string): void {
  prepare(db);
  db.run(
    'INSERT OR REPLACE INTO failed_task (task_id, failed_at, about, step, envelope) VALUES (?, ?, ?, ?, ?)',
    ...about(record),
    step,
    keptText(record, envelope),
  );
  trim(db, record);
}

function about({ note }: FailureRecord): [string, number, string] {
  return [note.taskId, Math.trunc(note.atMs), encodeFailureNote(note)];
}

function trim(db: SqliteConnection, { note, kept, keptForS }: FailureRecord): void {
  const { count } = db.get<{ count: number }>('SELECT count(*) AS count FROM failed_task') ?? { count: 0 };
  if (count > kept) {
    db.run('DELETE FROM failed_task WHERE task_id IN (SELECT task_id FROM failed_task ORDER BY failed_at LIMIT ?)', count - kept);
  }
  if (keptForS > 0) db.run('DELETE FROM failed_task WHERE failed_at <= ?', Math.trunc(note.atMs - keptForS * 1000));
}
