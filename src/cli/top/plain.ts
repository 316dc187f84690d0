/** The same without a screen: one snapshot after the other, as text or as one JSON document a line. */
import { numberText } from '../output/number.js';
import { type QueueDocument, queueDocument } from '../queues/listing.js';
import { headingTexts, placeColumns, rowTexts } from './layout.js';
import { plainLine } from './line.js';
import { type PaneName, PANES, type Snapshot } from './model.js';
import { PANE_TABLE } from './panes.js';
import { headLines } from './render.js';
import { rowsOf } from './rows.js';
import type { TopState } from './state.js';

/** All four views below each other; nothing of them is left out. */
export function plainText(state: TopState, { nowMs, width }: { readonly nowMs: number; readonly width: number }): string {
  const head = headLines(state, { width: Math.min(width, WIDEST_HEAD), height: Number.POSITIVE_INFINITY, nowMs });
  // Its last line are the tabs of a screen.
  const parts = [head.slice(0, -1).map(plainLine), ...PANES.map((name) => viewLines(state, name, { nowMs, width }))];
  return parts.map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join('')).join('\n');
}

const WIDEST_HEAD = 80;

function viewLines(
  state: TopState,
  name: PaneName,
  { nowMs, width }: { readonly nowMs: number; readonly width: number },
): readonly string[] {
  const pane = PANE_TABLE[name];
  const view = state.views[name];
  const rows = rowsOf({ ...state, pane: name }, nowMs);
  const heading = `${name} ${numberText(rows.length)}`;
  if (rows.length === 0) return [heading, `  ${view.filter === '' ? pane.empty : 'nothing that matches'}`];
  const placed = placeColumns(pane, rows, { width: width - 2, sort: view.sort });
  const lines = [headingTexts(pane, placed, view.sort), ...rows.map((row) => rowTexts(pane, placed, row))];
  return [heading].concat(lines.map((texts) => `  ${texts.join('')}`));
}

/** What `--json` prints; null where nobody says. Durations are seconds, rates a second. */
export interface TopDocument {
  readonly time: string;
  readonly broker: string;
  readonly workers: readonly {
    readonly node: string;
    readonly state: 'up' | 'silent' | 'gone';
    readonly pool: string | null;
    readonly concurrency: number | null;
    readonly running: number | null;
    readonly begun: number | null;
    readonly begun_rate: number | null;
    readonly uptime: number | null;
    readonly memory_bytes: number | null;
    readonly load: number | null;
    readonly queues: readonly string[];
  }[];
  readonly queues: readonly QueueDocument[];
  readonly tasks: readonly {
    readonly id: string;
    readonly task: string;
    readonly worker: string;
    readonly queue: string | null;
    readonly started_at: string | null;
    readonly runtime: number | null;
    readonly args: string;
    readonly kwargs: string;
    readonly pid: number | null;
    readonly redelivered: boolean | null;
  }[];
  readonly tasks_left_out: number;
  readonly failures: readonly {
    readonly id: string | null;
    readonly task: string | null;
    readonly queue: string | null;
    readonly worker: string | null;
    readonly reason: string;
    readonly retries: number | null;
    readonly failed_at: string | null;
    readonly source: 'record' | 'refused' | 'result' | 'event';
  }[];
  readonly more_failures: boolean;
  /** Workers that were asked and did not answer in time. */
  readonly silent: number;
  readonly rates: {
    readonly begun: number | null;
    readonly succeeded: number | null;
    readonly failed: number | null;
    readonly retried: number | null;
  };
}

export function topDocument(snapshot: Snapshot): TopDocument {
  const { atMs, broker, workers, queues, tasks, tasksLeftOut, failures, moreFailures, silent, flow } = snapshot;
  return {
    time: new Date(atMs).toISOString(),
    broker,
    workers: workers.map(({ node, state, pool, concurrency, running, begun, rate, uptimeS, memoryBytes, load, queues: names }) => ({
      node,
      state,
      pool,
      concurrency,
      running,
      begun,
      begun_rate: rounded(rate),
      uptime: uptimeS,
      memory_bytes: memoryBytes,
      load,
      queues: names,
    })),
    queues: queues.map((view) => queueDocument(view, undefined)),
    tasks: tasks.map(({ id, task, node, queue, startedAtMs, args, kwargs, pid, redelivered }) => ({
      id,
      task,
      worker: node,
      queue,
      started_at: isoDate(startedAtMs),
      runtime: startedAtMs === null ? null : Math.max(0, Math.round(atMs - startedAtMs) / 1000),
      args,
      kwargs,
      pid,
      redelivered,
    })),
    tasks_left_out: tasksLeftOut,
    failures: failures.map(({ id, task, queue, worker, reason, retries, atMs: failedAtMs, source }) => ({
      id: id === '' ? null : id,
      task,
      queue,
      worker,
      reason,
      retries,
      failed_at: isoDate(failedAtMs),
      source,
    })),
    more_failures: moreFailures,
    silent,
    rates: {
      begun: rounded(flow.begun),
      succeeded: rounded(flow.events?.succeeded ?? null),
      failed: rounded(flow.events?.failed ?? null),
      retried: rounded(flow.events?.retried ?? null),
    },
  };
}

function rounded(rate: number | null): number | null {
  return rate === null ? null : Math.round(rate * 10) / 10;
}

function isoDate(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
