/** What is decided about a task's messages before any of them arrives: task options over settings. */
import type { Task } from '../task.js';
import type { WorkerSettings } from './worker-parts.js';

export interface TaskPlan {
  readonly task: Task;
  /** Acknowledge after the run instead of before. */
  readonly acksLate: boolean;
  /** With late acknowledgement: a failure, too, is done with its message. */
  readonly acksOnFailureOrTimeout: boolean;
  /** The message goes back when the process that ran it died. */
  readonly rejectOnWorkerLost: boolean;
  readonly ignoreResult: boolean;
  readonly storeErrorsEvenIfIgnored: boolean;
  readonly trackStarted: boolean;
  /** These three can be changed while the worker runs, by remote control. */
  timeLimitMs: number | undefined;
  softTimeLimitMs: number | undefined;
  rateLimit: string | number | null;
  /** One limit for all workers. */
  readonly rateIsGlobal: boolean;
  /** How many may run at once; undefined without a limit. */
  readonly maxConcurrency: number | undefined;
  readonly concurrencyIsGlobal: boolean;
  /** Told of a new rate limit: what waits for the old one. */
  limitChanged: (() => void) | undefined;
  /** How many have begun: `total` of `inspect stats`. */
  begun: number;
}

export class TaskPlans {
  private readonly plans = new Map<string, TaskPlan>();
  private readonly tasks: ReadonlyMap<string, Task>;
  private readonly settings: WorkerSettings;

  constructor(tasks: ReadonlyMap<string, Task>, settings: WorkerSettings) {
    this.tasks = tasks;
    this.settings = settings;
  }

  /** undefined for a task that is not registered here. */
  get(name: string): TaskPlan | undefined {
    const known = this.plans.get(name);
    if (known !== undefined) return known;
    const task = this.tasks.get(name);
    if (task === undefined) return undefined;
    const plan = planOf(task, this.settings);
    this.plans.set(name, plan);
    return plan;
  }

  /** Task name → how many have begun, for those of which any has. */
  begun(): Record<string, number> {
    const begun = [...this.plans].filter(([, plan]) => plan.begun > 0).map(([name, plan]) => [name, plan.begun] as const);
    return Object.fromEntries(begun);
  }

  /** How many have begun, of all tasks. */
  get begunInAll(): number {
    let sum = 0;
    for (const plan of this.plans.values()) sum += plan.begun;
    return sum;
  }

  /** Seconds; null is no limit. Holds for what begins from now on. */
  setTimeLimits(name: string, limits: { readonly soft: number | null; readonly hard: number | null }): void {
    const plan = this.get(name);
    if (plan === undefined) return;
    plan.softTimeLimitMs = milliseconds(limits.soft);
    plan.timeLimitMs = milliseconds(limits.hard);
  }

  setRateLimit(name: string, limit: string | number | null): void {
    const plan = this.get(name);
    if (plan === undefined) return;
    plan.rateLimit = limit;
    plan.limitChanged?.();
  }
}

function planOf(task: Task, settings: WorkerSettings): TaskPlan {
  const { options } = task;
  const acksLate = options.acksLate ?? settings.taskAcksLate;
  return {
    task,
    acksLate,
    acksOnFailureOrTimeout: options.acksOnFailureOrTimeout ?? settings.taskAcksOnFailureOrTimeout,
    rejectOnWorkerLost: acksLate && (options.rejectOnWorkerLost ?? settings.taskRejectOnWorkerLost ?? true),
    ignoreResult: options.ignoreResult ?? settings.taskIgnoreResult,
    storeErrorsEvenIfIgnored: options.storeErrorsEvenIfIgnored ?? settings.taskStoreErrorsEvenIfIgnored,
    trackStarted: options.trackStarted ?? settings.taskTrackStarted,
    timeLimitMs: milliseconds(options.timeLimit ?? settings.taskTimeLimit),
    softTimeLimitMs: milliseconds(options.softTimeLimit ?? settings.taskSoftTimeLimit),
    rateLimit: options.rateLimit ?? settings.taskDefaultRateLimit,
    rateIsGlobal: options.rateLimitScope === 'global',
    maxConcurrency: options.maxConcurrency ?? undefined,
    concurrencyIsGlobal: options.maxConcurrencyScope === 'global',
    limitChanged: undefined,
    begun: 0,
  };
}

/** 0 and null are no limit. */
export function milliseconds(seconds: number | null | undefined): number | undefined {
  return seconds === null || seconds === undefined || !(seconds > 0) ? undefined : seconds * 1000;
}
