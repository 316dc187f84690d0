/** `ctq queues`: the table, and what `--json` prints. */
import type { QueueView, Rate } from '../../ctq/queue-census.js';
import type { TerminalStream } from '../context.js';
import { durationText } from '../output/relative-time.js';
import { numberText } from '../output/number.js';
import { type Cell, tableText } from '../output/table.js';
import { isTerminal } from '../output/terminal.js';

/** One queue, as `--json` prints it. Null where nobody knows. */
export interface QueueDocument {
  readonly name: string;
  readonly ready: number;
  /** By priority step; on Redis and SQLite the lowest is served first. */
  readonly ready_by_priority: Readonly<Record<string, number>>;
  readonly unacked: number | null;
  readonly delayed: number | null;
  readonly consumers: readonly string[];
  readonly paused: boolean;
  readonly oldest: { readonly age: number; readonly basis: 'header' | 'estimate' } | null;
  readonly finish_rate: RateDocument | null;
  readonly publish_rate: RateDocument | null;
  readonly tasks?: TaskBreakdown;
}

export interface RateDocument {
  readonly per_second: number;
  readonly known: Rate['known'];
}

/** What lies in a queue by the names of the tasks. */
export interface TaskBreakdown {
  /** How many messages were looked at, of how many. */
  readonly sampled: number;
  readonly of: number;
  readonly counts: Readonly<Record<string, number>>;
}

export function queueDocument(view: QueueView, tasks: TaskBreakdown | undefined): QueueDocument {
  return {
    ...{ name: view.name, ready: view.ready },
    ready_by_priority: Object.fromEntries(view.readyByPriority.map(({ priority, count }) => [String(priority), count])),
    ...{ unacked: view.unacked ?? null, delayed: view.delayed ?? null, consumers: view.consumers, paused: view.paused },
    oldest: view.oldest === undefined ? null : { age: Math.round(view.oldest.ageMs) / 1000, basis: view.oldest.basis },
    finish_rate: rateDocument(view.finishRate),
    publish_rate: rateDocument(view.publishRate),
    ...(tasks === undefined ? {} : { tasks }),
  };
}

function rateDocument(rate: Rate | undefined): RateDocument | null {
  return rate === undefined ? null : { per_second: Math.round(rate.perSecond * 10) / 10, known: rate.known };
}

interface Column {
  readonly heading: string;
  readonly cell: (view: QueueView) => Cell;
  /** Left out on a screen when no queue has anything to say there. A pipe gets every column, so that each keeps its place. */
  readonly rare?: (view: QueueView) => boolean;
}

const COLUMNS: readonly Column[] = [
  { heading: 'QUEUE', cell: ({ name }) => name },
  { heading: 'READY', cell: ({ ready }) => ready },
  { heading: 'UNACKED', cell: ({ unacked }) => unacked ?? '' },
  { heading: 'DELAYED', cell: ({ delayed }) => delayed ?? '' },
  { heading: 'WORKERS', cell: ({ consumers }) => consumers.length },
  { heading: 'IN/S', cell: ({ publishRate }) => rateCell(publishRate), rare: ({ publishRate }) => publishRate !== undefined },
  {
    heading: 'OUT/S',
    cell: ({ finishRate }) => rateCell(finishRate),
    rare: ({ finishRate, publishRate }) => publishRate !== undefined || (finishRate?.perSecond ?? 0) > 0,
  },
  { heading: 'OLDEST', cell: oldestCell },
  { heading: 'STATE', cell: ({ paused }) => (paused ? 'paused' : ''), rare: ({ paused }) => paused },
  { heading: 'BY PRIORITY', cell: priorityCell, rare: hasPriorities },
];

/** On a narrow screen priorities stand in a table of their own. */
const WIDE = 100;

export async function queuesText(views: readonly QueueView[], stream: TerminalStream): Promise<string> {
  const narrow = isTerminal(stream) && (stream.columns || 0) < WIDE;
  const told = isTerminal(stream) ? COLUMNS.filter(({ rare }) => rare === undefined || views.some(rare)) : COLUMNS;
  const columns = narrow ? told.filter(({ cell }) => cell !== priorityCell) : told;
  const rows = views.map((view) => columns.map(({ cell }) => cell(view)));
  const headings = columns.map(({ heading }) => heading);
  const table = await tableText(headings, rows, stream, { flexible: ['QUEUE', 'BY PRIORITY'] });
  return columns === told || !views.some(hasPriorities) ? table : `${table}\n${await prioritiesText(views, stream)}`;
}

function prioritiesText(views: readonly QueueView[], stream: TerminalStream): Promise<string> {
  const rows = views
    .filter(hasPriorities)
    .flatMap(({ name, readyByPriority }) => readyByPriority.map(({ priority, count }): Cell[] => [name, String(priority), count]));
  return tableText(['QUEUE', 'PRIORITY', 'READY'], rows, stream, { flexible: ['QUEUE'] });
}

function hasPriorities({ readyByPriority }: QueueView): boolean {
  return readyByPriority.some(({ priority }) => priority !== 0);
}

function priorityCell({ readyByPriority }: QueueView): Cell {
  return {
    shown: readyByPriority.map(({ priority, count }) => `${priority}: ${numberText(count)}`).join(', '),
    plain: readyByPriority.map(({ priority, count }) => `${priority}:${count}`).join(','),
  };
}

/** `12.5`, `>12.5` when not everybody is counted. */
export function rateCell(rate: Rate | undefined): Cell {
  if (rate === undefined) return { shown: '', plain: '' };
  const { perSecond, known } = rate;
  const text = numberText(perSecond >= 100 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10);
  return { shown: known === 'at least' ? `>${text}` : text, plain: String(Math.round(perSecond * 10) / 10) };
}

/** `~` marks an estimate. */
export function oldestCell({ oldest }: Pick<QueueView, 'oldest'>): Cell {
  if (oldest === undefined) return { shown: '', plain: '' };
  const mark = oldest.basis === 'estimate' ? '~' : '';
  return { shown: `${mark}${durationText(oldest.ageMs)}`, plain: `${mark}${Math.round(oldest.ageMs / 1000)}` };
}

export async function breakdownText(
  breakdowns: readonly (readonly [queue: string, tasks: TaskBreakdown])[],
  stream: TerminalStream,
): Promise<string> {
  const rows = breakdowns.flatMap(([queue, { sampled, of, counts }]) =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([task, count]): Cell[] => [queue, task, countCell(count, sampled, of)]),
  );
  return tableText(['QUEUE', 'TASK', 'READY'], rows, stream, { flexible: ['TASK', 'QUEUE'] });
}

/** What a sample says of the whole, with `~`. */
function countCell(count: number, sampled: number, of: number): Cell {
  if (sampled >= of) return count;
  const estimate = Math.round((count / sampled) * of);
  return { shown: `~${numberText(estimate)}`, plain: `~${estimate}` };
}
