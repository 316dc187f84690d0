/** A pool of children, processes or threads: the parent decides who runs what, and runs no task code. */
import { ConfigError } from '../errors.js';
import { encodeInvocation } from '../execution/crossing.js';
import { abortedOutcome } from '../execution/ending.js';
import type { Invocation } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import { TimeLimits } from '../execution/time-limits.js';
import { LOG_LEVELS, type Logger } from '../logger.js';
import {
  type AbortReason,
  type AppHome,
  type ChildOptions,
  DEFAULT_NODENAME,
  type Pool,
  type PoolOptions,
  type PoolWatch,
} from '../pool.js';
import { describeError } from '../protocol/exception.js';
import { parseJson } from '../protocol/kombu-json.js';
import { CTQ_VERSION } from '../version.js';
import type { ChildSetting, FromChild } from './child-messages.js';
import type { MemberEnding, MemberKind } from './member.js';
import { type ChildOwner, type Job, PoolChild } from './pool-child.js';
import { endingText, Staff } from './staff.js';

/** So long a task that has taken its signal may carry on after the soft limit, where no hard limit ends it. */
const SOFT_GRACE_MS = 5_000;

export class ChildPool implements Pool, ChildOwner {
  readonly kind: MemberKind['kind'];
  readonly clock;
  readonly limits: TimeLimits;
  private readonly memberKind: MemberKind;
  private readonly options: PoolOptions;
  private readonly serving: ChildOptions;
  private readonly logger: Logger;
  private readonly staff: Staff;
  private home: AppHome;
  private waiting: Job[] = [];
  private spawned = 0;
  private changed: (() => void)[] = [];

  /** @throws ConfigError when the app has no module that a child could load. */
  constructor(memberKind: MemberKind, options: PoolOptions) {
    const home = options.children?.home;
    if (options.children === undefined || home === undefined) {
      throw new ConfigError(`the ${memberKind.kind} pool must know which module its children shall load`, {
        hint: 'start it with ctq worker -A <module>, or app.worker({ module: import.meta.url, … })',
      });
    }
    this.kind = memberKind.kind;
    this.memberKind = memberKind;
    this.options = options;
    this.serving = options.children;
    this.home = home;
    this.clock = options.environment.clock;
    this.logger = options.environment.logger;
    this.limits = new TimeLimits(this.clock);
    this.staff = new Staff({ clock: this.clock, size: options.size, spawn: () => this.spawn(), changed: () => this.assign() });
  }

  /** Resolves when the first child is ready. @throws ConfigError when the app does not load in a child. */
  async open(): Promise<this> {
    try {
      await this.staff.open();
    } catch (error) {
      await this.close('terminate');
      throw error;
    }
    return this;
  }

  get size(): number {
    return this.staff.size;
  }

  get processes(): readonly number[] {
    return [...new Set(this.staff.all.filter(({ life }) => life !== 'leaving').map(({ pid }) => pid))];
  }

  run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome> {
    let text: string;
    try {
      text = encodeInvocation(forChild(invocation));
    } catch (error) {
      return { kind: 'failure', error: describeError(error), expected: false };
    }
    return new Promise((resolve) => {
      const job: Job = { invocation, text, watch, resolve, child: undefined };
      watch.abort = (reason, signal) => this.abort(job, reason, signal);
      this.waiting.push(job);
      this.assign();
    });
  }

  async resize(size: number): Promise<void> {
    this.staff.resize(size);
    this.assign();
  }

  async restart(): Promise<void> {
    const before = this.home;
    if (this.serving.reload !== undefined) this.home = await this.serving.reload();
    try {
      await this.staff.replaceAll();
    } catch (error) {
      this.home = before;
      throw error;
    }
  }

  async stacks(): Promise<ReadonlyMap<string, readonly string[]>> {
    const stacks = new Map<string, readonly string[]>();
    const look = async (child: PoolChild): Promise<void> => {
      const { job } = child;
      const frames = job === undefined || child.killed ? undefined : await child.stack();
      if (job !== undefined && frames !== undefined && frames.length > 0 && child.job === job) stacks.set(job.invocation.id, frames);
    };
    await Promise.all(this.staff.all.map(look));
    return stacks;
  }

  async close(how: 'drain' | 'terminate'): Promise<void> {
    if (how === 'drain') await this.until(() => this.waiting.length === 0 && this.staff.busyCount === 0);
    for (const job of [...this.waiting]) this.abort(job, 'shutdown');
    for (const child of this.staff.all) if (child.life === 'busy') child.abort('shutdown');
    this.staff.close();
    await this.until(() => this.staff.all.length === 0);
  }

  // ── What children tell ──────────────────────────────────────────────────────────────────────────

  ready(child: PoolChild): void {
    this.logger.debug('Process %s pid:%d is ready', child.name, child.pid);
    this.staff.ready(child);
  }

  failed(child: PoolChild, { message, hint, stack }: Extract<FromChild, { kind: 'failed' }>): void {
    if (child.killed) return;
    const error = new ConfigError(message, hint === null ? {} : { hint }, 'CTQ_CONFIG_APP');
    if (!this.staff.failed(child, error)) this.logger.error('Process %s cannot load the app:\n%s', child.name, stack);
    child.kill();
  }

  freed(child: PoolChild, { spent, weightKib }: Extract<FromChild, { kind: 'ended' }>): void {
    const { maxTasks, maxMemoryKib } = this.serving;
    const overweight = maxMemoryKib !== null && weightKib !== null && weightKib > maxMemoryKib;
    if (overweight) {
      this.logOf(child).warning('child process exiting after exceeding memory limit (%dKiB / %dKiB)', weightKib, maxMemoryKib);
    }
    if (spent || overweight || (maxTasks !== null && child.done >= maxTasks)) child.outgoing = true;
    this.staff.freed(child);
  }

  log(child: PoolChild, { level, message, args, fields }: Extract<FromChild, { kind: 'log' }>): void {
    this.logOf(child, fields)[level](message, ...args);
  }

  printed(child: PoolChild, line: string): void {
    const invocation = child.job?.invocation;
    const fields = invocation === undefined ? {} : { task_id: invocation.id, task_name: invocation.taskName };
    this.logOf(child, fields)[this.serving.printLevel ?? 'warning']('%s', line);
  }

  store(child: PoolChild, { ticket, state, meta }: Extract<FromChild, { kind: 'state' }>): void {
    const request = child.job?.invocation.request;
    if (request === undefined) return;
    const stored = Promise.resolve().then(() => this.options.environment.storeState(request, state, parseJson(meta)));
    stored.then(
      () => child.stored(ticket, null),
      (error: unknown) => child.stored(ticket, error instanceof Error ? error.message : String(error)),
    );
  }

  confused(child: PoolChild, error: unknown): void {
    this.logger.error('%s pid:%d says what nobody understands, and is ended:\n%s', child.name, child.pid, error);
    child.kill();
  }

  stuck(child: PoolChild): void {
    this.logger.error('%s pid:%d was killed and has not ended yet; another one takes its place', child.name, child.pid);
  }

  gone(child: PoolChild, ending: MemberEnding, wasExpected: 'expected' | 'unexpected'): void {
    if (wasExpected === 'unexpected') {
      this.logger.error('Process %s pid:%d exited with %s', child.name, child.pid, endingText(ending));
    }
    this.staff.gone(child, ending);
  }

  private spawn(): PoolChild {
    this.spawned += 1;
    const name = this.memberKind.nameOf(this.spawned);
    const { nodename = DEFAULT_NODENAME } = this.options;
    const setting: ChildSetting = {
      version: CTQ_VERSION,
      home: this.home,
      nodename,
      processName: name,
      logLevel: LOG_LEVELS.find((level) => this.logger.isEnabled(level)),
      printLevel: this.serving.printLevel,
      weigh: this.serving.maxMemoryKib === null ? 'never' : this.memberKind.weigh,
    };
    return new PoolChild(name, this.memberKind, setting, this);
  }

  /** Gives what waits to who is idle, in the order in which it came. */
  private assign(): void {
    while (this.waiting.length > 0) {
      const child = this.staff.take();
      if (child === undefined) break;
      child.begin(this.waiting.shift() as Job);
    }
    if (this.changed.length > 0) for (const look of this.changed.splice(0)) look();
  }

  private abort(job: Job, reason: AbortReason, signal?: string): void {
    if (job.child !== undefined) {
      job.child.abort(reason, signal);
      return;
    }
    this.waiting = this.waiting.filter((other) => other !== job);
    job.watch.abort = undefined;
    job.resolve(abortedOutcome(reason, signal));
  }

  private logOf(child: PoolChild, fields: Readonly<Record<string, string>> = {}): Logger {
    return this.logger.child({ ...fields, ...this.memberKind.logFields(child.name) });
  }

  private async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.changed.push(resolve));
  }
}

/** The hard limit is kept here, from outside. */
function forChild(invocation: Invocation): Invocation {
  const { id, taskName, args, kwargs, request, softTimeLimitMs: softMs, timeLimitMs: hardMs, softGraceMs = SOFT_GRACE_MS } = invocation;
  const call = { id, taskName, args, kwargs, request, timeLimitMs: undefined };
  if (hardMs === undefined) return { ...call, softTimeLimitMs: softMs, softGraceMs };
  return { ...call, softTimeLimitMs: softMs !== undefined && softMs < hardMs ? softMs : undefined };
}
