/** A row of `message` as an operator sees it. */
import { rawBytes } from '../../brokers/sqlite/envelope.js';
import type { StoredMessage } from '../../estate/messages.js';
import { readMessage } from '../stored.js';

export interface MessageRow {
  readonly id: number;
  readonly queue: string;
  readonly step: number;
  readonly place: number;
  readonly take: number;
  readonly redeliveries: number;
  readonly due_at: number | null;
  readonly published_at: number;
  readonly envelope: unknown;
}

export const MESSAGE_COLUMNS = 'id, queue, step, place, take, redeliveries, due_at, published_at, envelope';

export function storedMessage(row: MessageRow, position: number): StoredMessage {
  const raw = rawBytes(row.envelope);
  const { id, place, take, redeliveries } = row;
  return {
    ...{ queue: row.queue, priority: row.step, position, raw, message: readMessage(raw), publishedAtMs: row.published_at },
    ...(row.due_at === null ? { place: 'ready' } : { place: 'delayed', dueAtMs: row.due_at }),
    whereabouts: { id, place, take, redeliveries, form: typeof row.envelope === 'string' ? 'text' : 'blob' },
  };
}
