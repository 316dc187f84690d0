/** The four views: which columns each has, how a row is sorted, found and coloured. */
import type { QueueView } from '../../ctq/queue-census.js';
import { escapeText } from '../escape-text.js';
import { bytesText } from '../output/bytes.js';
import type { Colour } from '../output/colour.js';
import { numberText } from '../output/number.js';
import { durationText, relativeTime } from '../output/relative-time.js';
import type { Cell } from '../output/table.js';
import { oldestCell, rateCell } from '../queues/listing.js';
import type { FailureRow, PaneName, Snapshot, Subject, TaskRow, WorkerRow } from './model.js';

/** What a column is compared by; null comes last. */
export type SortValue = number | string | null;

export interface Column<Row> {
  readonly heading: string;
  readonly align: 'left' | 'right';
  /** Gives way down to so much where the screen is narrow; undefined: never. */
  readonly least?: number;
  /** Before the others do. */
  readonly givesFirst?: true;
  /** The higher, the sooner it is left out of a narrow screen; 0 stays. */
  readonly rank: number;
  readonly text: (row: Row, nowMs: number) => string;
  readonly sort: (row: Row, nowMs: number) => SortValue;
  readonly colour?: (row: Row) => Colour | undefined;
}

export interface PaneRow {
  /** Stays the same from look to look. */
  readonly key: string;
  readonly subject: Subject;
  /** Escaped, a text for each column. */
  readonly cells: readonly string[];
  readonly colours: readonly (Colour | undefined)[];
  readonly sorts: readonly SortValue[];
}

export interface Pane {
  readonly name: PaneName;
  readonly columns: readonly Omit<Column<never>, 'text' | 'sort' | 'colour'>[];
  readonly sortedBy: { readonly column: number; readonly order: 'up' | 'down' };
  /** What to say and do when there is nothing. */
  readonly empty: string;
  count(snapshot: Snapshot): number;
  rows(snapshot: Snapshot, nowMs: number): readonly PaneRow[];
}

interface PaneDefinition<Row> {
  readonly name: PaneName;
  readonly columns: readonly Column<Row>[];
  readonly sortedBy: readonly [heading: string, order: 'up' | 'down'];
  readonly empty: string;
  readonly from: (snapshot: Snapshot) => readonly Row[];
  readonly key: (row: Row) => string;
  readonly subject: (row: Row) => Subject;
}

function pane<Row>({ name, columns, sortedBy: [heading, order], empty, from, key, subject }: PaneDefinition<Row>): Pane {
  return {
    name,
    columns,
    empty,
    sortedBy: { column: columns.findIndex((column) => column.heading === heading), order },
    count: (snapshot) => from(snapshot).length,
    rows: (snapshot, nowMs) =>
      from(snapshot).map((row) => ({
        key: key(row),
        subject: subject(row),
        cells: columns.map((column) => escapeText(column.text(row, nowMs))),
        colours: columns.map((column) => column.colour?.(row)),
        sorts: columns.map((column) => column.sort(row, nowMs)),
      })),
  };
}

/** A figure that may be unknown. */
function figure<Row>(
  heading: string,
  rank: number,
  read: (row: Row) => number | null,
  show: (value: number) => string = numberText,
): Column<Row> {
  const text = (row: Row): string => {
    const value = read(row);
    return value === null ? '-' : show(value);
  };
  return { heading, align: 'right', rank, text, sort: read };
}

function words<Row>(heading: string, rank: number, least: number, read: (row: Row) => string | null): Column<Row> {
  return { heading, align: 'left', rank, least, text: (row) => read(row) ?? '-', sort: read };
}

const oneDigit = (rate: number): string => numberText(rate >= 100 ? Math.round(rate) : Math.round(rate * 10) / 10);

const workers = pane<WorkerRow>({
  name: 'workers',
  sortedBy: ['WORKER', 'up'],
  empty: 'no worker is listening; ctq worker -A <app> starts one',
  from: (snapshot) => snapshot.workers,
  key: ({ node }) => node,
  subject: (row) => ({ kind: 'worker', row }),
  columns: [
    words('WORKER', 0, 12, ({ node }) => node),
    {
      ...words<WorkerRow>('STATE', 0, 6, ({ state }) => state),
      colour: ({ state }) => (state === 'up' ? 'green' : state === 'silent' ? 'yellow' : 'red'),
    },
    words('POOL', 3, 7, ({ pool }) => pool),
    figure('RUNNING', 0, ({ running }) => running),
    figure('SIZE', 0, ({ concurrency }) => concurrency),
    figure('BEGUN', 1, ({ begun }) => begun),
    figure('BEGUN/S', 0, ({ rate }) => rate, oneDigit),
    figure('LOAD', 6, ({ load }) => load, oneDigit),
    figure('MEMORY', 4, ({ memoryBytes }) => memoryBytes, bytesText),
    figure(
      'UP FOR',
      2,
      ({ uptimeS }) => uptimeS,
      (seconds) => durationText(seconds * 1000),
    ),
    words('QUEUES', 5, 8, ({ queues }) => queues.join(',')),
  ],
});

const shown = (cell: Cell): string => (typeof cell === 'object' ? cell.shown : String(cell));

const queues = pane<QueueView>({
  name: 'queues',
  sortedBy: ['READY', 'down'],
  empty: 'no queues here yet; ctq send <task> makes the first, and so does a worker',
  from: (snapshot) => snapshot.queues,
  key: ({ name }) => name,
  subject: (row) => ({ kind: 'queue', row }),
  columns: [
    words('QUEUE', 0, 12, ({ name }) => name),
    {
      ...words<QueueView>('STATE', 0, 6, queueState),
      colour: (row) => (row.paused ? 'yellow' : queueState(row) === 'nobody' ? 'red' : undefined),
    },
    figure('READY', 0, ({ ready }) => ready),
    figure('UNACKED', 0, ({ unacked }) => unacked ?? null),
    figure('DELAYED', 1, ({ delayed }) => delayed ?? null),
    figure('WORKERS', 2, ({ consumers }) => consumers.length),
    {
      ...figure<QueueView>('IN/S', 3, ({ publishRate }) => publishRate?.perSecond ?? null),
      text: ({ publishRate }) => shown(rateCell(publishRate)) || '-',
    },
    {
      ...figure<QueueView>('OUT/S', 0, ({ finishRate }) => finishRate?.perSecond ?? null),
      text: ({ finishRate }) => shown(rateCell(finishRate)) || '-',
    },
    {
      ...figure<QueueView>('OLDEST', 1, ({ oldest }) => oldest?.ageMs ?? null),
      text: (row) => shown(oldestCell(row)) || '-',
    },
    words('BY PRIORITY', 4, 11, ({ readyByPriority }) => priorities(readyByPriority)),
  ],
});

/** Nobody takes from it although something waits. */
export function queueState({ paused, ready, consumers }: QueueView): string {
  if (paused) return 'paused';
  return ready > 0 && consumers.length === 0 ? 'nobody' : '';
}

export function priorities(readyByPriority: QueueView['readyByPriority']): string {
  if (readyByPriority.every(({ priority }) => priority === 0)) return '';
  return readyByPriority.map(({ priority, count }) => `${priority}: ${numberText(count)}`).join(', ');
}

const tasks = pane<TaskRow>({
  name: 'tasks',
  sortedBy: ['RUNS FOR', 'down'],
  empty: 'nothing runs at this moment',
  from: (snapshot) => snapshot.tasks,
  key: ({ id, node }) => `${id} ${node}`,
  subject: (row) => ({ kind: 'task', row }),
  columns: [
    { ...words<TaskRow>('ID', 0, 9, ({ id }) => id), givesFirst: true },
    words('TASK', 0, 14, ({ task }) => task),
    {
      heading: 'RUNS FOR',
      align: 'right',
      rank: 0,
      text: ({ startedAtMs }, nowMs) => (startedAtMs === null ? '-' : durationText(nowMs - startedAtMs)),
      sort: ({ startedAtMs }, nowMs) => (startedAtMs === null ? null : nowMs - startedAtMs),
    },
    words('WORKER', 2, 10, ({ node }) => node),
    words('QUEUE', 3, 7, ({ queue }) => queue),
    words('ARGUMENTS', 1, 14, argumentsText),
  ],
});

export function argumentsText({ args, kwargs }: Pick<TaskRow, 'args' | 'kwargs'>): string {
  return [args, /^(\{\})?$/.test(kwargs) ? '' : kwargs].filter((part) => part !== '').join(' ');
}

const failures = pane<FailureRow>({
  name: 'failures',
  sortedBy: ['FAILED', 'up'],
  empty: 'no failed task is kept; R (or ctq failed) looks through all results, too',
  from: (snapshot) => snapshot.failures,
  key: ({ key }) => key,
  subject: (row) => ({ kind: 'failure', row }),
  columns: [
    {
      heading: 'FAILED',
      align: 'right',
      rank: 0,
      text: ({ atMs }, nowMs) => (atMs === null ? '-' : relativeTime(Math.min(atMs, nowMs), nowMs)),
      // By how long ago, so that the newest is the least.
      sort: ({ atMs }, nowMs) => (atMs === null ? null : nowMs - atMs),
    },
    { ...words<FailureRow>('ID', 0, 9, ({ id }) => id || '(none)'), givesFirst: true },
    words('TASK', 0, 12, ({ task }) => task),
    words('QUEUE', 3, 7, ({ queue }) => queue),
    words('WORKER', 4, 8, ({ worker }) => worker),
    { ...words<FailureRow>('REASON', 0, 26, ({ reason }) => reason), colour: () => 'red' },
    words('KNOWN BY', 5, 7, ({ source }) => source),
  ],
});

export const PANE_TABLE: Readonly<Record<PaneName, Pane>> = { workers, queues, tasks, failures };
