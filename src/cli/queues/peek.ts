/** `ctq queues peek`: the messages of a queue, decoded where they lie. Nothing of them is run. */
import type { StoredMessage } from '../../estate/messages.js';
import { describeMessage, type MessageDescription } from '../../protocol/message-description.js';
import { isRecord } from '../../protocol/record.js';
import type { TerminalStream } from '../context.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { durationText, relativeTime } from '../output/relative-time.js';
import { type Cell, tableText } from '../output/table.js';
import { isTerminal } from '../output/terminal.js';

/** A UUID has 36 characters. */
const LONGEST_WHOLE = 40;

/** One message, as `--json` prints it; null where it does not say. */
export interface PeekedDocument {
  readonly queue: string;
  readonly place: StoredMessage['place'];
  readonly priority: number;
  readonly position: number;
  /** Seconds since it was sent. */
  readonly age: number | null;
  /** When a delayed one is due. */
  readonly due_at: string | null;
  readonly eta: string | null;
  readonly bytes: number;
  readonly id: string | null;
  readonly task: string | null;
  readonly args: unknown;
  readonly kwargs: unknown;
  /** Everything else that the message says; null when it is none. */
  readonly message: MessageDescription | null;
}

export async function peekedDocument(stored: StoredMessage, nowMs: number): Promise<PeekedDocument> {
  const { queue, place, priority, position, publishedAtMs, dueAtMs, raw, message } = stored;
  const described = message === undefined ? undefined : await describeMessage(message);
  const eta = described?.headers['eta'];
  return {
    ...{ queue, place, priority, position },
    age: publishedAtMs === undefined ? null : Math.max(0, Math.round((nowMs - publishedAtMs) / 1000)),
    due_at: dueAtMs === undefined ? null : new Date(dueAtMs).toISOString(),
    eta: typeof eta === 'string' ? eta : null,
    bytes: raw.byteLength,
    ...{ id: described?.id ?? null, task: described?.task ?? null, args: described?.args ?? null, kwargs: described?.kwargs ?? null },
    message: described ?? null,
  };
}

export async function peekText(documents: readonly PeekedDocument[], nowMs: number, stream: TerminalStream): Promise<string> {
  const columns: readonly (readonly [heading: string, cell: (one: PeekedDocument) => Cell])[] = [
    ['PLACE', (one) => (one.place === 'delayed' ? 'delayed' : `${one.priority}/${one.position}`)],
    ['ID', (one) => one.id ?? ''],
    ['TASK', (one) => one.task ?? ''],
    ['AGE', ({ age }) => (age === null ? { shown: '', plain: '' } : { shown: durationText(age * 1000), plain: String(age) })],
    ['ETA', (one) => waitsUntil(one, nowMs)],
    ['ARGUMENTS', argumentsText],
  ];
  // Where nothing waits for its time the room is better used; a pipe always has all columns.
  const isIdle = isTerminal(stream) && documents.every((one) => waitsUntil(one, nowMs) === '');
  const shown = columns.filter(([heading]) => heading !== 'ETA' || !isIdle);
  const rows = documents.map((one) => shown.map(([, cell]) => cell(one)));
  const headings = shown.map(([heading]) => heading);
  // An id is there to be copied; one that somebody chose may be as long as a book.
  const isLong = documents.some(({ id }) => (id ?? '').length > LONGEST_WHOLE);
  return tableText(headings, rows, stream, { flexible: ['ARGUMENTS', 'TASK', ...(isLong ? ['ID'] : [])] });
}

function waitsUntil({ due_at: dueAt, eta }: PeekedDocument, nowMs: number): Cell {
  const at = dueAt ?? eta;
  if (at === null) return '';
  const atMs = Date.parse(at);
  return Number.isNaN(atMs) ? at : { shown: relativeTime(atMs, nowMs), plain: at };
}

/** `[1,2] {"x":3}`, as they are typed for `ctq send`; of a body that is not read, why. */
function argumentsText({ args, kwargs, message, bytes }: PeekedDocument): string {
  if (message === null) return `no message: ${countText(bytes, 'byte')}`;
  if (message.pickle !== null) return `pickle, not read: ${countText(message.body_bytes, 'byte')}`;
  if (message.problem !== null) return message.problem;
  const named = isRecord(kwargs) && Object.keys(kwargs).length > 0 ? ` ${jsonText(kwargs)}` : '';
  return `${jsonText(args ?? [])}${named}`;
}
