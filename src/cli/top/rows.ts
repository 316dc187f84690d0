/** The rows of a view as they are shown: those that match its filter, in its order. */
import type { PaneRow, SortValue } from './panes.js';
import { PANE_TABLE } from './panes.js';
import type { PaneName, Snapshot } from './model.js';
import type { PaneState, Sort, TopState } from './state.js';

interface Made {
  readonly snapshot: Snapshot;
  readonly pane: PaneName;
  readonly sort: Sort;
  readonly filter: string;
  readonly nowMs: number;
  readonly rows: readonly PaneRow[];
}

/** A key is answered and drawn from the same rows: they are made once. */
let made: Made | undefined;

export function rowsOf({ snapshot, pane, views }: Pick<TopState, 'snapshot' | 'pane' | 'views'>, nowMs: number): readonly PaneRow[] {
  const { sort, filter } = views[pane];
  const wanted = { snapshot, pane, sort, filter, nowMs };
  const same = made !== undefined && (Object.keys(wanted) as (keyof typeof wanted)[]).every((key) => made?.[key] === wanted[key]);
  if (made === undefined || !same) made = { ...wanted, rows: sortedRows(PANE_TABLE[pane].rows(snapshot, nowMs), { sort, filter }) };
  return made.rows;
}

export function sortedRows(rows: readonly PaneRow[], { sort, filter }: Pick<PaneState, 'sort' | 'filter'>): readonly PaneRow[] {
  const direction = sort.order === 'up' ? 1 : -1;
  return rows
    .filter((row) => matches(row, filter))
    .sort((a, b) => {
      const [first, second] = [a.sorts[sort.column] ?? null, b.sorts[sort.column] ?? null];
      // What nobody knows stands last, whichever way.
      if (first === null || second === null) return first === second ? byText(a.key, b.key) : first === null ? 1 : -1;
      return compare(first, second) * direction || byText(a.key, b.key);
    });
}

/** All words of the filter, anywhere in the row, in capitals or not. */
export function matches({ cells, key }: Pick<PaneRow, 'cells' | 'key'>, filter: string): boolean {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return true;
  const text = [key, ...cells].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Where the selection stands: on the row it stood on, or where that was. */
export function selectedIndex(rows: readonly PaneRow[], { selected }: Pick<PaneState, 'selected'>): number {
  const at = rows.findIndex(({ key }) => key === selected.key);
  return at >= 0 ? at : Math.max(0, Math.min(selected.index, rows.length - 1));
}

/** undefined where the server does not say it of one of them. */
export function queueTotals({ queues }: Snapshot): {
  readonly ready: number;
  readonly unacked: number | undefined;
  readonly delayed: number | undefined;
} {
  const sum = (counts: readonly (number | undefined)[]): number | undefined =>
    counts.reduce<number | undefined>((total, count) => (total === undefined || count === undefined ? undefined : total + count), 0);
  return {
    ready: queues.reduce((total, { ready }) => total + ready, 0),
    unacked: sum(queues.map(({ unacked }) => unacked)),
    delayed: sum(queues.map(({ delayed }) => delayed)),
  };
}

function compare(a: Exclude<SortValue, null>, b: Exclude<SortValue, null>): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : byText(String(a), String(b));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
