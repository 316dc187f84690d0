/** What is on the screen besides what is known: the view, its order and filter, the selection, a question that waits. */
import type { Act } from './acts.js';
import { PANES, type PaneName, type Snapshot } from './model.js';
import { PANE_TABLE } from './panes.js';

export interface Sort {
  /** Index of a column. */
  readonly column: number;
  readonly order: 'up' | 'down';
}

export interface PaneState {
  readonly sort: Sort;
  readonly filter: string;
  readonly selected: { readonly key: string | undefined; readonly index: number };
}

export type Mode =
  | { readonly kind: 'list' }
  | { readonly kind: 'help'; readonly top: number }
  /** `lines` are undefined while they are computed from the row that is selected. */
  | { readonly kind: 'details'; readonly key: string; readonly top: number; readonly lines: readonly string[] | undefined }
  | { readonly kind: 'filter'; readonly text: string; readonly before: string }
  | { readonly kind: 'search'; readonly text: string }
  | { readonly kind: 'rate limit'; readonly task: string; readonly text: string }
  | { readonly kind: 'question'; readonly act: Act };

/** What became of the last thing that was done. */
export interface Notice {
  readonly text: string;
  readonly tone: 'good' | 'bad' | 'working';
  readonly atMs: number;
}

export interface TopState {
  readonly snapshot: Snapshot;
  readonly pane: PaneName;
  readonly views: Readonly<Record<PaneName, PaneState>>;
  readonly mode: Mode;
  /** Does the screen stand still? */
  readonly held: boolean;
  /** What `n` looks for. */
  readonly sought: string;
  readonly notice: Notice | undefined;
  /** Why the last look brought nothing. */
  readonly problem: string | undefined;
  readonly intervalMs: number;
}

export interface Beginning {
  readonly snapshot: Snapshot;
  readonly intervalMs: number;
  readonly pane: PaneName;
  /** A column of that view. */
  readonly sort: Sort | undefined;
  readonly filter: string;
}

export function beginning({ snapshot, intervalMs, pane, sort, filter }: Beginning): TopState {
  const view = (name: PaneName): PaneState => ({
    sort: name === pane && sort !== undefined ? sort : PANE_TABLE[name].sortedBy,
    filter,
    selected: { key: undefined, index: 0 },
  });
  const views = Object.fromEntries(PANES.map((name) => [name, view(name)])) as unknown as TopState['views'];
  const [notice, problem] = [undefined, undefined];
  return { snapshot, pane, views, mode: { kind: 'list' }, held: false, sought: '', notice, problem, intervalMs };
}
