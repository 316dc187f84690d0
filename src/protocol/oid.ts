/**
 * The oid: where replies to this process go. It is the `reply_to` of task messages, the routing key of
 * remote-control replies and the name of the `rpc://` reply queue. Celery derives a UUID3 from node,
 * pid and thread; receivers only compare it, so a random one does (WIRE 1.3).
 */
import { randomUUID } from 'node:crypto';

let oid: string | undefined;

export function processOid(): string {
  oid ??= randomUUID();
  return oid;
}
