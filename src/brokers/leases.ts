/** The owner's end of the lease thread: starts it, hears it, and starts it again should it ever die. */
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock, type TimerHandle } from '../clock.js';
import { within } from '../time-limit.js';
import { entryPoint } from '../entry-points.js';
import type { ConsumerCounts, LeaseReports } from './lease-keeper.js';

/** What crosses to the thread: plain data only. */
export interface LeaseThreadData {
  readonly engine: 'redis' | 'sqlite';
  /** Given to the engine's `OpenLeaseStore`. */
  readonly store: Readonly<Record<string, unknown>>;
  readonly ownerId: string;
  /** Said with the first beat. */
  readonly about: ConsumerCounts;
}

export type LeaseOrder = { readonly kind: 'stop' } | { readonly kind: 'tell'; readonly about: ConsumerCounts };

export type LeaseReport =
  | { readonly kind: 'renewed' }
  | { readonly kind: 'lost'; readonly tags: readonly string[] }
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'tookOver'; readonly ownerId: string; readonly count: number }
  | { readonly kind: 'paused'; readonly queues: readonly string[] }
  | { readonly kind: 'problem'; readonly message: string };

export interface Leases {
  /** Says it with each beat from now on. */
  tell(about: ConsumerCounts): void;
  /** Resolves when the thread has ended: it renews nothing and takes nothing over from then on. */
  stop(): Promise<void>;
}

const RESTART_MS = 500;
/** It makes little and keeps nothing: a young generation of V8's own choosing would grow to twenty megabytes. */
const LIMITS = { maxYoungGenerationSizeMb: 2 };
/** A thread that hangs in a call to a silent server is not waited for longer than this. */
const STOP_LIMIT_MS = 1_000;
/** A file answers in the end, or not even the disk does. */
const FILE_STOP_LIMIT_MS = 10_000;

/** Starts renewing; the first beat comes within a moment. */
export function startLeases(data: LeaseThreadData, reports: LeaseReports, clock: Clock = systemClock): Leases {
  let thread: Worker | undefined;
  let restart: TimerHandle | undefined;
  let stopped = false;
  let about = data.about;

  const start = (): void => {
    restart = undefined;
    thread = new Worker(entryPoint('lease-thread'), {
      workerData: { ...data, about },
      execArgv: [],
      name: 'ctq leases',
      resourceLimits: LIMITS,
    });
    // What keeps the process alive is the consumer, not its leases.
    thread.unref();
    thread.on('message', (report: LeaseReport) => hear(report, reports));
    thread.on('error', (error) => {
      if (!stopped) reports.problem(`the lease thread failed: ${error.message}`);
    });
    thread.once('exit', () => {
      if (!stopped) restart = clock.setTimeout(start, RESTART_MS).unref();
    });
  };

  start();
  return {
    tell(next) {
      about = next;
      if (thread !== undefined && !stopped) order(thread, { kind: 'tell', about });
    },
    async stop() {
      stopped = true;
      restart?.cancel();
      const running = thread;
      if (running === undefined || running.threadId === -1) return;
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      order(running, { kind: 'stop' });
      // Referenced again, or the process may end before the thread has said goodbye to its store.
      running.ref();
      await (data.engine === 'sqlite' ? endedOrLeft(running, ended, clock) : endedOrTerminated(running, ended, clock));
    },
  };
}

async function endedOrTerminated(thread: Worker, ended: Promise<void>, clock: Clock): Promise<void> {
  const limit = clock.setTimeout(() => void thread.terminate(), STOP_LIMIT_MS);
  await ended;
  limit.cancel();
}

/** Never terminated: in the middle of a call into SQLite's addon that would abort the whole process. */
async function endedOrLeft(thread: Worker, ended: Promise<void>, clock: Clock): Promise<void> {
  if (!(await within(clock, FILE_STOP_LIMIT_MS, ended))) thread.unref();
}

function order(thread: Worker, what: LeaseOrder): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  thread.postMessage(what);
}

function hear(report: LeaseReport, reports: LeaseReports): void {
  switch (report.kind) {
    case 'renewed':
      return reports.renewed();
    case 'lost':
      return reports.lost(report.tags);
    case 'forgotten':
      return reports.forgotten();
    case 'tookOver':
      return reports.tookOver(report.ownerId, report.count);
    case 'paused':
      return reports.paused(report.queues);
    case 'problem':
      return reports.problem(report.message);
    default:
      report satisfies never;
  }
}
