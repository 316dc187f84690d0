/** The tables, described for people in docs/wire/sqlite.md. */
import { BrokerError } from '../../errors.js';
import type { SqliteConnection } from '../sqlite.js';

/** "ctq1": so that `file` and we can tell our databases from other programs'. */
const APPLICATION_ID = 0x63747131;
const VERSION = 1;

/**
 * A message is ready (no owner, not due later), owned, or parked (due later); each state has a partial
 * index, so that finding the next one or counting costs the same however many there are of the others.
 *
 * AUTOINCREMENT: a plain key is used again as soon as the table runs empty, and then a late answer
 * would meet somebody else's message.
 *
 * Line-up: `step`, then `place`, then `id`. `place` is 0 unless the message was put to the front.
 */
const TABLES = `
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  step INTEGER NOT NULL,
  place INTEGER NOT NULL DEFAULT 0,
  owner INTEGER,
  take INTEGER NOT NULL DEFAULT 0,
  redeliveries INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  published_at INTEGER NOT NULL,
  envelope NOT NULL CHECK (typeof(envelope) IN ('text', 'blob'))
);
CREATE INDEX message_ready ON message (queue, step, place, id) WHERE owner IS NULL AND due_at IS NULL;
CREATE INDEX message_owned ON message (owner) WHERE owner IS NOT NULL;
CREATE INDEX message_parked ON message (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE owner (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  pid INTEGER NOT NULL,
  beat INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER NOT NULL
);

CREATE TABLE queue (
  name TEXT PRIMARY KEY,
  durable INTEGER NOT NULL,
  holder TEXT,
  expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE binding (
  exchange TEXT NOT NULL,
  queue TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  type TEXT NOT NULL,
  PRIMARY KEY (exchange, queue, routing_key)
) WITHOUT ROWID;
CREATE INDEX binding_queue ON binding (queue);

CREATE TABLE revoked (
  id TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_expiry ON revoked (expires_at);

CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  reason TEXT NOT NULL,
  redeliveries INTEGER NOT NULL,
  published_at INTEGER NOT NULL,
  died_at INTEGER NOT NULL,
  envelope NOT NULL
);
CREATE INDEX dead_letter_queue ON dead_letter (queue, id);

CREATE TABLE result (
  id INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  expires_at INTEGER,
  meta TEXT NOT NULL
);
CREATE INDEX result_expiry ON result (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE chord (
  group_id TEXT PRIMARY KEY,
  size INTEGER,
  extra INTEGER NOT NULL DEFAULT 0,
  reported INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX chord_expiry ON chord (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE chord_part (
  group_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  group_index INTEGER,
  status TEXT NOT NULL,
  result TEXT NOT NULL,
  PRIMARY KEY (group_id, task_id)
);

CREATE TABLE task_group (
  group_id TEXT PRIMARY KEY,
  expires_at INTEGER,
  tree TEXT NOT NULL
);
CREATE INDEX task_group_expiry ON task_group (expires_at) WHERE expires_at IS NOT NULL;
`;

interface Pragmas {
  readonly application_id: number;
  readonly user_version: number;
}

/**
 * Makes the tables in an empty database. Several processes may do it at once: one does, the others find it done.
 *
 * @throws BrokerError when the file is another program's database, or a newer ctq's.
 */
export function ensureSchema(db: SqliteConnection): void {
  if (isCurrent(db)) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    if (!isCurrent(db)) {
      db.exec(TABLES);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function isCurrent(db: SqliteConnection): boolean {
  const { application_id: application, user_version: version } = db.get<Pragmas>(
    'SELECT application_id, user_version FROM pragma_application_id, pragma_user_version',
  ) ?? { application_id: 0, user_version: 0 };
  if (application === APPLICATION_ID && version === VERSION) return true;
  if (application === APPLICATION_ID && version > VERSION) {
    throw new BrokerError('CTQ_BROKER_REFUSED', `${db.path} was made by a newer version of ctq`, {
      hint: 'update ctq, or name another file',
    });
  }
  const { tables } = db.get<{ tables: number }>('SELECT count(*) AS tables FROM sqlite_schema') ?? { tables: 0 };
  if (application !== 0 || version !== 0 || tables > 0) {
    throw new BrokerError('CTQ_BROKER_REFUSED', `${db.path} is another program's database`, {
      hint: 'name another file: --broker sqlite:///path/to/ctq.db',
    });
  }
  return false;
}
