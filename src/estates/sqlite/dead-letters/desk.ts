/** The desk for dead letters in an SQLite file: its three drawers, and the step that takes from one of them and sends. */
import { priorityStep } from '../../../brokers/priority.js';
import { insertMessage } from '../../../brokers/sqlite/messages.js';
import type { SqliteConnection } from '../../../connections/sqlite.js';
import type { DeadLetter, DeadLetterDesk, SendAgain } from '../../../estate/dead-letters.js';
import type { SqliteReader } from '../store.js';
import { failedCounts, failedTasks, findFailedTask, removeFailedTask } from './failed-tasks.js';
import { refusedCounts, refusedMessages, removeRefusedMessage } from './refused-messages.js';
import { findStoredFailure, isStillStored, markAsSentAgain, storedFailures } from './stored-failures.js';

export function sqliteDeadLetterDesk(store: SqliteReader): DeadLetterDesk {
  return {
    async *list(signal) {
      yield* failedTasks(store, signal);
      yield* refusedMessages(store, signal);
    },
    counts: (sinceMs) => store.read((db) => ({ ...failedCounts(db, sinceMs), refused: refusedCounts(db) })),
    find: (taskId) => store.read((db) => findFailedTask(db, taskId)),
    failures: (signal) => storedFailures(store, signal),
    findFailure: (taskId) => store.read((db) => findStoredFailure(db, taskId)),
    isChordOpen: (groupId) => store.read((db) => db.get('SELECT 1 FROM chord WHERE group_id = ?', groupId) !== undefined),
    sendAgain: (again) => store.write((db) => sendAgain(db, again)),
    remove: (letter) => store.write((db) => takeOut(db, letter)),
  };
}

function sendAgain(db: SqliteConnection, { letter, failure, queue, priority, envelope }: SendAgain): 'sent' | 'gone' {
  const stored = failure !== undefined && isStillStored(db, failure);
  if (letter === undefined ? failure !== undefined && !stored : !takeOut(db, letter)) return 'gone';
  insertMessage(db, { queue, step: priorityStep(priority), envelope }, Date.now());
  if (stored) markAsSentAgain(db, failure);
  return 'sent';
}

function takeOut(db: SqliteConnection, letter: DeadLetter): boolean {
  return letter.kind === 'refused' ? removeRefusedMessage(db, letter) : removeFailedTask(db, letter);
}
