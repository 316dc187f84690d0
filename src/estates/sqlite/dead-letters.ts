import { priorityStep } from '../../brokers/priority.js';
import { insertMessage } from '../../brokers/sqlite/messages.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { DeadLetter, DeadLetterDesk, SendAgain, StoredFailure } from '../../estate/dead-letters.js';
import { failedLetter, failureIn, messageIn } from '../dead-letter-text.js';
import type { SqliteReader } from './store.js';

/** Messages may be large. */
const PAGE = 100;
const RESULTS_PAGE = 500;

interface FailedRow {
  readonly task_id: string;
  readonly failed_at: number;
  readonly about: string;
  readonly envelope: unknown;
}

interface RefusedRow {
  readonly id: number;
  readonly queue: string;
  readonly reason: string;
  readonly died_at: number;
  readonly envelope: unknown;
}

export function sqliteDeadLetterDesk(store: SqliteReader): DeadLetterDesk {
  return {
    async *list(signal) {
      // The table is made by the first failure.
      if (await store.read(hasFailedTasks)) {
        for (let from = 0, full = true; full; from += PAGE) {
          signal?.throwIfAborted();
          const rows = await store.read((db) =>
            db.all<FailedRow>('SELECT * FROM failed_task ORDER BY failed_at DESC, task_id LIMIT ? OFFSET ?', PAGE, from),
          );
          if (rows.length > 0) yield rows.map(failedOf);
          full = rows.length === PAGE;
        }
      }
      for (let before = Number.MAX_SAFE_INTEGER, full = true; full; ) {
        signal?.throwIfAborted();
        const rows = await store.read((db) =>
          db.all<RefusedRow>(
            'SELECT id, queue, reason, died_at, envelope FROM dead_letter WHERE id < ? ORDER BY id DESC LIMIT ?',
            before,
            PAGE,
          ),
        );
        if (rows.length > 0) yield rows.map(refusedOf);
        before = rows.at(-1)?.id ?? 0;
        full = rows.length === PAGE;
      }
    },
    counts: (sinceMs) =>
      store.read((db) => {
        const known = hasFailedTasks(db)
          ? db.get<{ failed: number; since: number }>(
              'SELECT count(*) AS failed, count(*) FILTER (WHERE failed_at >= ?) AS since FROM failed_task',
              sinceMs,
            )
          : undefined;
        const rows = db.all<{ queue: string; count: number }>('SELECT queue, count(*) AS count FROM dead_letter GROUP BY queue');
        return {
          ...{ failed: known?.failed ?? 0, failedSince: known?.since ?? 0 },
          refused: new Map(rows.map(({ queue, count }) => [queue, count])),
        };
      }),
    find: (taskId) =>
      store.read((db) => {
        const row = hasFailedTasks(db) ? db.get<FailedRow>('SELECT * FROM failed_task WHERE task_id = ?', taskId) : undefined;
        return row === undefined ? undefined : failedOf(row);
      }),
    async *failures(signal) {
      for (let after = 0, full = true; full; ) {
        signal?.throwIfAborted();
        const from = after;
        const rows = await store.read((db) =>
          db.all<{ id: number; task_id: string; meta: string }>(
            `SELECT id, task_id, meta FROM result WHERE id > ? AND status = 'FAILURE' AND ${ALIVE} ORDER BY id LIMIT ?`,
            from,
            Date.now(),
            RESULTS_PAGE,
          ),
        );
        const found = rows.flatMap((row) => failureOf(row.task_id, row.meta));
        if (found.length > 0) yield found;
        after = rows.at(-1)?.id ?? 0;
        full = rows.length === RESULTS_PAGE;
      }
    },
    findFailure: (taskId) =>
      store.read((db) => {
        const row = db.get<{ meta: string }>(`SELECT meta FROM result WHERE task_id = ? AND ${ALIVE}`, taskId, Date.now());
        return failureOf(taskId, row?.meta)[0];
      }),
    isChordOpen: (groupId) => store.read((db) => db.get('SELECT 1 FROM chord WHERE group_id = ?', groupId) !== undefined),
    sendAgain: (again) => store.write((db) => sendAgain(db, again)),
    remove: (letter) => store.write((db) => takeOut(db, letter)),
  };
}

const ALIVE = '(expires_at IS NULL OR expires_at > ?)';

function hasFailedTasks(db: SqliteConnection): boolean {
  return db.get("SELECT 1 FROM sqlite_schema WHERE name = 'failed_task'") !== undefined;
}

function sendAgain(db: SqliteConnection, { letter, failure, queue, priority, envelope }: SendAgain): 'sent' | 'gone' {
  const stored =
    failure !== undefined && db.get<{ meta: string }>('SELECT meta FROM result WHERE task_id = ?', failure.taskId)?.meta === failure.seen;
  if (letter === undefined ? failure !== undefined && !stored : !takeOut(db, letter)) return 'gone';
  insertMessage(db, { queue, step: priorityStep(priority), envelope }, Date.now());
  if (stored) db.run("UPDATE result SET status = 'RETRY', meta = ? WHERE task_id = ?", failure.now, failure.taskId);
  return 'sent';
}

function takeOut(db: SqliteConnection, letter: DeadLetter): boolean {
  if (letter.kind === 'refused') return db.run('DELETE FROM dead_letter WHERE id = ?', Number(letter.key)) > 0;
  return hasFailedTasks(db) && db.run('DELETE FROM failed_task WHERE task_id = ? AND failed_at = ?', letter.key, letter.atMs) > 0;
}

function failedOf({ task_id: taskId, failed_at: atMs, about, envelope }: FailedRow): DeadLetter {
  return failedLetter(taskId, about, textOf(envelope), atMs);
}

function refusedOf({ id, queue, reason, died_at: atMs, envelope }: RefusedRow): DeadLetter {
  const text = textOf(envelope);
  return { kind: 'refused', key: String(id), queue, reason, note: undefined, atMs, text, message: messageIn(text) };
}

/** A foreign program may have put bytes there. */
function textOf(envelope: unknown): string {
  return envelope instanceof Uint8Array ? Buffer.from(envelope).toString('utf8') : String(envelope);
}

function failureOf(taskId: string, text: string | undefined): readonly StoredFailure[] {
  const failure = text === undefined ? undefined : failureIn(taskId, text);
  return failure === undefined ? [] : [failure];
}
