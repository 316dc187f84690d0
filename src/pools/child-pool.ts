/**
 * A pool of children, processes or threads: the parent decides who runs what, and runs no task code. One
 * child more than there are slots stands by, so that the place of one that was killed, or has served its
 * time, is taken at once; who was busy last is asked first, for its caches are warm.
 */
import { LOG_LEVELS, type Logger } from '../logger.js';
import { ConfigError } from '../errors.js';
import { encodeInvocation } from '../execution/crossing.js';
import { abortedOutcome } from '../execution/execute.js';
import type { Invocation } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import { TimeLimits } from '../execution/time-limits.js';
import {
  type AbortReason,
  type AppHome,
  type ChildOptions,
  DEFAULT_NODENAME,
  type Pool,
  type PoolOptions,
  type PoolWatch,
} from '../pool.js';
import { parseJson } from '../protocol/kombu-json.js';
import type { ChildSetting, FromChild } from './child-messages.js';
import { type ChildOwner, type Job, PoolChild } from './pool-child.js';
import type { MemberEnding, MemberKind } from './member.js';

const SPARE = 1;
/** So long a task that has taken its signal may carry on after the soft limit, where no hard limit ends it. */
const SOFT_GRACE_MS = 5_000;
const FIRST_RESPAWN_MS = 100;
const LONGEST_RESPAWN_MS = 5_000;
/** At start, who fails so often is not started again. */
const MOST_FAILURES_AT_START = 3;

export class ChildPool implements Pool, ChildOwner {
  readonly kind: MemberKind['kind'];
  readonly clock;
  readonly limits: TimeLimits;
  size: number;
  private readonly memberKind: MemberKind;
  private readonly options: PoolOptions;
  private readonly serving: ChildOptions;
  private readonly logger: Logger;
  private home: AppHome;
  private readonly children = new Set<PoolChild>();
  /** The one that was busy last at the end. */
  private readonly idle: PoolChild[] = [];
  private waiting: Job[] = [];
  private phase: 'opening' | 'open' | 'draining' | 'closing' = 'opening';
  private spawned = 0;
  /** Children in a row that ended before they were ready. */
  private failures = 0;
  private respawning = false;
  private opened: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
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
    this.size = options.size;
    this.clock = options.environment.clock;
    this.logger = options.environment.logger;
    this.limits = new TimeLimits(this.clock);
  }

  /** Resolves when the first child is ready; the others follow. @throws ConfigError when the app does not load in a child. */
  async open(): Promise<this> {
    const opened = new Promise<void>((resolve, reject) => {
      this.opened = { resolve, reject };
    });
    this.fill();
    try {
      await opened;
    } catch (error) {
      await this.close('terminate');
      throw error;
    }
    return this;
  }

  get processes(): readonly number[] {
    return [...new Set([...this.children].filter(({ life }) => life !== 'leaving').map(({ pid }) => pid))];
  }

  run(invocation: Invocation, watch: PoolWatch): Promise<Outcome> {
    const softGraceMs = invocation.timeLimitMs === undefined ? SOFT_GRACE_MS : undefined;
    // Copied by hand: the request may be a view without fields of its own.
    const { id, taskName, args, kwargs, request, softTimeLimitMs, timeLimitMs } = invocation;
    const softer =
      timeLimitMs !== undefined && softTimeLimitMs !== undefined && softTimeLimitMs >= timeLimitMs ? undefined : softTimeLimitMs;
    const text = encodeInvocation({ id, taskName, args, kwargs, request, softTimeLimitMs: softer, timeLimitMs: undefined, softGraceMs });
    return new Promise((resolve) => {
      const job: Job = { invocation, text, watch, resolve, child: undefined };
      watch.abort = (reason, signal) => this.abort(job, reason, signal);
      this.waiting.push(job);
      this.assign();
    });
  }

  async resize(size: number): Promise<void> {
    this.size = size;
    this.thin();
    this.fill();
    this.assign();
  }

  async restart(): Promise<void> {
    if (this.serving.reload !== undefined) this.home = await this.serving.reload();
    const old = [...this.children];
    for (const child of old) this.dismiss(child);
    this.fill();
  }

  async close(how: 'drain' | 'terminate'): Promise<void> {
    if (how === 'drain') {
      if (this.phase !== 'closing') this.phase = 'draining';
      await this.until(() => this.waiting.length === 0 && this.busyCount === 0);
    }
    this.phase = 'closing';
    for (const job of [...this.waiting]) this.abort(job, 'shutdown');
    for (const child of [...this.children]) {
      if (child.life === 'busy') child.abort('shutdown');
      else if (child.life === 'starting') child.kill();
      else child.leave();
    }
    await this.until(() => this.children.size === 0);
  }

  // ── What children tell ──────────────────────────────────────────────────────────────────────────

  ready(child: PoolChild): void {
    this.failures = 0;
    this.logger.debug('Process %s pid:%d is ready', child.name, child.pid);
    this.opened?.resolve();
    if (this.phase === 'opening') this.phase = 'open';
    this.settleIn(child);
    this.fill();
  }

  failed(child: PoolChild, { message, hint, stack }: Extract<FromChild, { kind: 'failed' }>): void {
    if (this.phase === 'opening') this.opened?.reject(new ConfigError(message, hint === null ? {} : { hint }, 'CTQ_CONFIG_APP'));
    else this.logger.error('Process %s cannot load the app:\n%s', child.name, stack);
    child.kill();
  }

  freed(child: PoolChild, { spent, weightKib }: Extract<FromChild, { kind: 'ended' }>): void {
    const { maxTasks, maxMemoryKib } = this.serving;
    const overweight = maxMemoryKib !== null && weightKib !== null && weightKib > maxMemoryKib;
    if (overweight) {
      this.logOf(child).warning('child process exiting after exceeding memory limit (%dKiB / %dKiB)', weightKib, maxMemoryKib);
    }
    if (spent || overweight || (maxTasks !== null && child.done >= maxTasks)) child.outgoing = true;
    this.settleIn(child);
    this.thin();
    this.fill();
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
    this.options.environment.storeState(request, state, parseJson(meta)).then(
      () => child.stored(ticket, null),
      (error: unknown) => child.stored(ticket, error instanceof Error ? error.message : String(error)),
    );
  }

  stuck(child: PoolChild): void {
    this.logger.error('%s pid:%d was killed and has not ended yet; another one takes its place', child.name, child.pid);
  }

  gone(child: PoolChild, ending: MemberEnding, wasExpected: 'expected' | 'unexpected'): void {
    this.children.delete(child);
    const at = this.idle.indexOf(child);
    if (at >= 0) this.idle.splice(at, 1);
    if (wasExpected === 'unexpected') {
      this.logger.error(
        'Process %s pid:%d exited with %s',
        child.name,
        child.pid,
        ending.detail ?? ending.signal ?? `exitcode ${ending.exitCode}`,
      );
    }
    if (!child.wasReady && !child.outgoing) this.startFailed(ending);
    this.fill();
    this.announce();
  }

  // ── Who serves ──────────────────────────────────────────────────────────────────────────────────

  private get busyCount(): number {
    let count = 0;
    for (const { job } of this.children) if (job !== undefined) count += 1;
    return count;
  }

  /** Those that serve, or will. */
  private get staff(): PoolChild[] {
    return [...this.children].filter(({ life, outgoing, killed }) => life !== 'leaving' && !outgoing && !killed);
  }

  private assign(): void {
    while (this.waiting.length > 0 && this.idle.length > 0 && this.busyCount < this.size) {
      const child = this.idle.pop() as PoolChild;
      child.begin(this.waiting.shift() as Job);
    }
  }

  /** An idle child is given work, or a place; one that shall leave is let go. */
  private settleIn(child: PoolChild): void {
    if (child.outgoing || this.phase === 'closing') child.leave();
    else {
      this.idle.push(child);
      this.assign();
    }
    this.announce();
  }

  private dismiss(child: PoolChild): void {
    child.outgoing = true;
    const at = this.idle.indexOf(child);
    if (at >= 0) this.idle.splice(at, 1);
    if (child.life === 'idle') child.leave();
    else if (child.life === 'starting') child.kill();
  }

  /** Lets go who is too many; first who has been idle longest. */
  private thin(): void {
    const { staff } = this;
    const surplus = staff.length - this.size - SPARE;
    if (surplus <= 0) return;
    const byUse = [...staff.filter(({ life }) => life === 'starting'), ...this.idle, ...staff.filter(({ life }) => life === 'busy')];
    for (const child of byUse.slice(0, surplus)) this.dismiss(child);
  }

  /** Starts who is missing; the spare one when all others are up. */
  private fill(): void {
    if (this.phase === 'closing' || this.respawning) return;
    const { staff } = this;
    const starting = staff.some(({ life }) => life === 'starting');
    const wanted = starting || this.phase !== 'open' ? this.size : this.size + SPARE;
    for (let missing = wanted - staff.length; missing > 0; missing -= 1) this.spawn();
  }

  private spawn(): void {
    this.spawned += 1;
    const name = this.memberKind.nameOf(this.spawned);
    const { nodename = DEFAULT_NODENAME } = this.options;
    const setting: ChildSetting = {
      home: this.home,
      nodename,
      processName: name,
      logLevel: LOG_LEVELS.find((level) => this.logger.isEnabled(level)),
      printLevel: this.serving.printLevel,
      weigh: this.serving.maxMemoryKib === null ? 'never' : this.memberKind.weigh,
    };
    this.children.add(new PoolChild(name, this.memberKind, setting, this));
  }

  /** Not at once again: whatever ends a child before it is ready would only cost the machine more. */
  private startFailed({ detail, signal, exitCode }: MemberEnding): void {
    if (this.phase === 'closing') return;
    this.failures += 1;
    if (this.phase === 'opening' && this.failures >= MOST_FAILURES_AT_START) {
      const how = detail ?? signal ?? `exit code ${exitCode}`;
      this.opened?.reject(new ConfigError(`the children of the pool end before they are ready: ${how}`, { hint: 'the log says more' }));
      return;
    }
    this.respawning = true;
    const waitMs = Math.min(FIRST_RESPAWN_MS * 2 ** (this.failures - 1), LONGEST_RESPAWN_MS);
    this.clock.setTimeout(() => {
      this.respawning = false;
      this.fill();
    }, waitMs);
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

  private announce(): void {
    for (const look of this.changed.splice(0)) look();
  }
}
