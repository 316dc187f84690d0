/** Who holds messages. An owner lives as long as its beat goes on; see `lease-store.ts`. */
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { ReturnCause } from '../../broker.js';
import { giveBackAll } from './messages.js';

export interface OwnerIdentity {
  readonly uuid: string;
  /** For people: the worker's nodename. */
  readonly name: string;
}

/** The number under which an owner's messages are marked; undefined when it was taken over or never came. */
export function findOwner(db: SqliteConnection, uuid: string): number | undefined {
  return db.get<{ id: number }>('SELECT id FROM owner WHERE uuid = ?', uuid)?.id;
}

/** Registers an owner, unless it is there. Numbers are never used twice: what marks a message names one life. */
export function ensureOwner(db: SqliteConnection, { uuid, name }: OwnerIdentity, nowMs: number): number {
  const known = findOwner(db, uuid);
  if (known !== undefined) return known;
  db.run('INSERT INTO owner (uuid, name, pid, started_at) VALUES (?, ?, ?, ?)', uuid, name, process.pid, nowMs);
  return findOwner(db, uuid) as number;
}

/** Gives back what it holds and forgets it; returns how many messages went back. */
export function dismissOwner(db: SqliteConnection, owner: number, after: ReturnCause): number {
  const returned = giveBackAll(db, owner, after);
  db.run('DELETE FROM owner WHERE id = ?', owner);
  return returned;
}
