/** How far something is: of one task where its meta says so, of several how many are ready. */
import type { ResultMeta } from '../../protocol/result-meta.js';
import { isReady } from '../../protocol/states.js';
import { escapeText } from '../escape-text.js';
import type { Spinner } from './spinner.js';

export interface Progress {
  readonly current: number;
  readonly total: number;
  /** What is being done. */
  readonly status?: string;
}

const WIDTH = 24;

/** `{current, total, status}`, as Celery's users write it: `update_state(state='PROGRESS', meta={'current': 3, 'total': 10})`. */
export function progressOf({ status: state, result }: Pick<ResultMeta, 'status' | 'result'>): Progress | undefined {
  if (isReady(state) || typeof result !== 'object' || result === null) return undefined;
  const { current, total, status } = result as Readonly<Record<string, unknown>>;
  const [done, all] = [numberOf(current), numberOf(total)];
  if (done === undefined || all === undefined || all <= 0) return undefined;
  return typeof status === 'string' && status !== '' ? { current: done, total: all, status } : { current: done, total: all };
}

/** `████████░░░░ 42 % (42/100) resizing` */
export function progressText({ current, total, status }: Progress): string {
  const share = Math.min(Math.max(current / total, 0), 1);
  const full = Math.round(share * WIDTH);
  const said = status === undefined ? '' : ` ${escapeText(status)}`;
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${Math.floor(share * 100)} % (${current}/${total})${said}`;
}

export interface WaitView {
  /** Sees what is stored of a task that is not ready yet. */
  onUpdate(meta: ResultMeta): void;
  /** One more is ready. */
  ready(): void;
}

/** Tells on the spinner's line how the wait goes. */
export function showWait(spinner: Spinner, what: string, tasks: number): WaitView {
  let ready = 0;
  spinner.say(`waiting for ${what}`);
  return {
    onUpdate(meta) {
      const progress = tasks === 1 ? progressOf(meta) : undefined;
      if (progress !== undefined) spinner.say(`${what} ${progressText(progress)}`);
    },
    ready() {
      ready += 1;
      if (tasks > 1) spinner.say(`${what} ${progressText({ current: ready, total: tasks })}`);
    },
  };
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
