/** A message on its way into the file: read by nobody, so its text can be made before the transaction. */
import { randomUUID } from 'node:crypto';
import type { Route } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { encodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { priorityStep } from '../priority.js';
import { insertMessage } from './messages.js';
import { targetsOf } from './queues.js';

export interface PlacedMessage {
  readonly route: Route;
  readonly step: number;
  readonly envelope: string;
}

/** @throws ProtocolError for a message that cannot be written. */
export function place(message: Message, route: Route): PlacedMessage {
  const deliveryInfo = { exchange: route.exchange.name, routingKey: route.routingKey };
  return {
    route,
    step: priorityStep(message.properties.priority),
    envelope: encodeEnvelope(message, { deliveryTag: randomUUID(), deliveryInfo }),
  };
}

/** Puts it into every queue that its route reaches; returns their names. */
export function insertPlaced(db: SqliteConnection, { route, step, envelope }: PlacedMessage, nowMs: number): readonly string[] {
  const targets = [...targetsOf(db, route)];
  for (const queue of targets) insertMessage(db, { queue, step, envelope }, nowMs);
  return targets;
}
