/** Answers of workers as rows: one table for each question, `NODE` first. */
import { isRecord } from '../protocol/record.js';
import type { Reply } from '../remote-control/broadcast.js';
import { jsonText } from './output/json.js';

export interface RemoteTable {
  readonly headings: readonly string[];
  /** Columns that may be cut to fit the screen. */
  readonly flexible: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One node's answer → its cells, without the node's name. */
type Cells = (answer: unknown) => readonly (readonly string[])[];

interface Layout {
  readonly headings: readonly string[];
  readonly cells: Cells;
}

const REQUEST = ['ID', 'TASK', 'ARGS', 'KWARGS'] as const;
const FLEXIBLE = ['ARGS', 'KWARGS', 'TASK', 'NODE', 'QUEUE', 'EXCHANGE', 'ROUTING KEY', 'SETTING', 'FIGURE', 'VALUE', 'ANSWER'] as const;

const LAYOUTS: Readonly<Record<string, Layout>> = {
  active: {
    headings: [...REQUEST, 'STARTED', 'PID'],
    cells: each((task) => [...request(task), started(task), cell(field(task, 'worker_pid'))]),
  },
  reserved: { headings: REQUEST, cells: each(request) },
  scheduled: { headings: ['ETA', ...REQUEST], cells: each((item) => [cell(field(item, 'eta')), ...request(field(item, 'request'))]) },
  query_task: {
    headings: ['STATE', ...REQUEST],
    cells: (answer) =>
      entries(answer).map(([, found]) => {
        const [state, info] = Array.isArray(found) ? (found as unknown[]) : [];
        return [cell(state ?? null)].concat(request(info ?? null));
      }),
  },
  registered: { headings: ['TASK'], cells: each((name) => [cell(name)]) },
  revoked: { headings: ['ID'], cells: each((id) => [cell(id)]) },
  active_queues: {
    headings: ['QUEUE', 'EXCHANGE', 'TYPE', 'ROUTING KEY', 'DURABLE', 'AUTO-DELETE'],
    cells: each((queue) => [
      cell(field(queue, 'name')),
      cell(field(field(queue, 'exchange'), 'name')),
      cell(field(field(queue, 'exchange'), 'type')),
      cell(field(queue, 'routing_key')),
      yesNo(field(queue, 'durable')),
      yesNo(field(queue, 'auto_delete')),
    ]),
  },
  clock: { headings: ['CLOCK'], cells: (answer) => [[cell(field(answer, 'clock'))]] },
  conf: { headings: ['SETTING', 'VALUE'], cells: (answer) => entries(answer).map(([name, value]) => [name, cell(value)]) },
  stats: { headings: ['FIGURE', 'VALUE'], cells: flattened },
  objgraph: { headings: ['FIGURE', 'VALUE'], cells: flattened },
  // They answer nothing when they were obeyed.
  heartbeat: { headings: ['ANSWER'], cells: (answer) => [[answer === null ? 'ok' : cell(unwrapped(answer))]] },
  election: { headings: ['ANSWER'], cells: (answer) => [[answer === null ? 'ok' : cell(unwrapped(answer))]] },
};

const PLAIN: Layout = { headings: ['ANSWER'], cells: (answer) => [[cell(unwrapped(answer)).trimEnd()]] };

export function remoteTable(method: string, replies: readonly Reply[]): RemoteTable {
  const { headings, cells } = (Object.hasOwn(LAYOUTS, method) ? LAYOUTS[method] : undefined) ?? PLAIN;
  const rows = replies.flatMap(({ nodename, value }) => {
    const failure = errorOf(value);
    const shown = failure === undefined ? cells(value) : [[`error: ${failure}`]];
    return shown.map((row) => [nodename].concat(pad(row, headings.length)));
  });
  return { headings: ['NODE', ...headings], rows, flexible: FLEXIBLE };
}

/** Texts of several lines, such as a report, do not fit a table. */
export function remoteTexts(replies: readonly Reply[]): string | undefined {
  const texts = replies.map(({ nodename, value }) => ({ nodename, text: unwrapped(value) }));
  if (!texts.some(({ text }) => typeof text === 'string' && text.trim().includes('\n'))) return undefined;
  return texts.map(({ nodename, text }) => `-> ${nodename}\n${String(text).replace(/^\n+|\n+$/g, '')}\n`).join('\n');
}

/** What a worker refused, and why. */
export function errorOf(answer: unknown): string | undefined {
  if (!isRecord(answer) || Object.keys(answer).length !== 1) return undefined;
  return typeof answer['error'] === 'string' ? answer['error'] : undefined;
}

/** What stands in `{"ok": …}` or `{"error": …}`. */
export function unwrapped(answer: unknown): unknown {
  if (!isRecord(answer) || Object.keys(answer).length !== 1) return answer;
  return 'ok' in answer ? answer['ok'] : answer;
}

function each(row: (item: unknown) => readonly string[]): Cells {
  return (answer) => (Array.isArray(answer) ? answer.map(row) : []);
}

function request(task: unknown): string[] {
  return [cell(field(task, 'id')), cell(field(task, 'name')), cell(field(task, 'args')), cell(field(task, 'kwargs'))];
}

function started(task: unknown): string {
  const at = field(task, 'time_start');
  return typeof at === 'number' && at > 0 && at < 1e11 ? new Date(at * 1000).toISOString() : '';
}

/** `pool.max-concurrency`, `rusage.utime`: nested objects by path. */
function flattened(answer: unknown): readonly (readonly string[])[] {
  const rows: string[][] = [];
  const walk = (value: unknown, path: string): void => {
    if (isRecord(value) && Object.keys(value).length > 0)
      for (const [key, inner] of Object.entries(value)) walk(inner, path === '' ? key : `${path}.${key}`);
    else rows.push([path, cell(value)]);
  };
  walk(answer, '');
  return rows;
}

function pad(row: readonly string[], length: number): readonly string[] {
  return row.length >= length ? row : [...row, ...Array.from({ length: length - row.length }, () => '')];
}

function entries(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function yesNo(value: unknown): string {
  return value === true ? 'yes' : value === false ? 'no' : cell(value);
}

/** A text as it is, nothing for null, else JSON. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : jsonText(value);
}
