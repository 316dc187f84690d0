/**
 * What a pool and its children say to each other, over a process's IPC channel or a thread's port:
 *
 * ```
 * pool                      child
 *   start ──────────────────▶   loads the app
 *     ◀────────────────── ready (or failed)
 *   run ────────────────────▶
 *     ◀────────────────── log   any number
 *     ◀──────────────── state   answered with `stored`
 *     ◀──────────────── ended   one for each run
 *   leave ──────────────────▶   closes what it opened, and is gone
 * ```
 *
 * Everything is plain data. Arguments and results are text within it (`execution/crossing.ts`), for what
 * JSON makes of a big integer is not what was sent.
 */
import type { LogLevel } from '../logger.js';
import type { AbortReason, AppHome } from '../pool.js';

/** All that a child is told about itself. */
export interface ChildSetting {
  /** The parent's: a child of another one, after an update in place, might not understand it. */
  readonly version: string;
  readonly home: AppHome;
  readonly nodename: string;
  /** `ForkPoolWorker-1`; what `ps` shows. */
  readonly processName: string;
  /** The lowest level that the parent's log takes; undefined for none. */
  readonly logLevel: LogLevel | undefined;
  /** At which level prints are logged; null leaves them to the streams. */
  readonly printLevel: LogLevel | null;
  /** Measure after each task. */
  readonly weigh: 'process' | 'thread' | 'never';
}

export type ToChild =
  | { readonly kind: 'start'; readonly setting: ChildSetting }
  | { readonly kind: 'run'; readonly text: string }
  | { readonly kind: 'abort'; readonly reason: AbortReason; readonly signal: string | undefined }
  | { readonly kind: 'stored'; readonly ticket: number; readonly problem: string | null }
  | { readonly kind: 'leave' };

export type FromChild =
  | { readonly kind: 'ready' }
  /** The app does not load here. */
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string | null; readonly stack: string }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly args: readonly string[];
      readonly fields: Readonly<Record<string, string>>;
    }
  /** A state of the task's own, to be stored. */
  | { readonly kind: 'state'; readonly ticket: number; readonly state: string; readonly meta: string }
  | {
      readonly kind: 'ended';
      readonly text: string;
      /** Something of the run goes on, or broke what others share: let nothing run beside it. */
      readonly spent: boolean;
      /** KiB, where it was asked for. */
      readonly weightKib: number | null;
    };
