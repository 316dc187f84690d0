/**
 * Identities of one moment: task ids and delivery tags, and the oid.
 *
 * The oid is where replies to this process go: the `reply_to` of task messages, the routing key of
 * remote-control replies and the name of the `rpc://` reply queue. Celery derives a UUID3 from node,
 * pid and thread; receivers only compare it, so a random one does (WIRE 1.3).
 */
import { randomUUID } from 'node:crypto';

let oid: string | undefined;

export function processOid(): string {
  oid ??= randomUUID();
  return oid;
}

/** A random UUID4 in lower case, as Celery's task ids (WIRE 1.2). */
export function newId(): string {
  return randomUUID();
}
