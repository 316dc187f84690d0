/**
 * One child of a pool, from its start to its end, and the run that it has:
 *
 * ```
 * starting → idle ⇄ busy
 *     └────────┴──────┴──▶ leaving → gone
 * ```
 *
 * It has one run at a time. How that ends is decided here once: by what the child says, by the
 * verdict it was killed for, or by its death.
 */
import type { Clock, TimerHandle } from '../clock.js';
import { decodeOutcome } from '../execution/crossing.js';
import { abortedOutcome } from '../execution/ending.js';
import type { Invocation } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import type { Deadline, TimeLimits } from '../execution/time-limits.js';
import type { AbortReason, PoolWatch } from '../pool.js';
import type { ChildSetting, FromChild } from './child-messages.js';
import type { Member, MemberEnding, MemberKind } from './member.js';

/** A child that has not come up by then never will: its app waits for something while it is imported. */
const START_LIMIT_MS = 60_000;
/** What a terminated task gets to hear its signal, and the child to say so, before it is killed. */
const TERMINATE_GRACE_MS = 500;
/** What a child gets to close its connections. */
const LEAVE_GRACE_MS = 2_500;
/** A kill that has not shown by then waits for something in the kernel, or in native code of a thread. */
const KILL_PATIENCE_MS = 1_000;

/** A run that a pool was asked for. */
export interface Job {
  readonly invocation: Invocation;
  /** The same as text. */
  readonly text: string;
  readonly watch: PoolWatch;
  readonly resolve: (outcome: Outcome) => void;
  /** Who has it; undefined while it waits. */
  child: PoolChild | undefined;
}

export interface ChildOwner {
  readonly clock: Clock;
  readonly limits: TimeLimits;
  ready(child: PoolChild): void;
  failed(child: PoolChild, message: Extract<FromChild, { kind: 'failed' }>): void;
  /** Its run has ended; `spent` and the weight are the child's own words. */
  freed(child: PoolChild, ended: Extract<FromChild, { kind: 'ended' }>): void;
  log(child: PoolChild, message: Extract<FromChild, { kind: 'log' }>): void;
  printed(child: PoolChild, line: string): void;
  store(child: PoolChild, message: Extract<FromChild, { kind: 'state' }>): void;
  gone(child: PoolChild, ending: MemberEnding, wasExpected: 'expected' | 'unexpected'): void;
  /** A message of its cannot be read: its channel is no longer ours alone. */
  confused(child: PoolChild, error: unknown): void;
  /** It was killed, and is still there. */
  stuck(child: PoolChild): void;
}

export class PoolChild {
  readonly name: string;
  life: 'starting' | 'idle' | 'busy' | 'leaving' | 'gone' = 'starting';
  wasReady = false;
  /** Shall leave when its run is over. */
  outgoing = false;
  killed = false;
  done = 0;
  job: Job | undefined;
  private readonly owner: ChildOwner;
  private readonly member: Member;
  /** How its run ends, decided by the pool: nothing that the child may still say counts. */
  private verdict: Outcome | undefined;
  private soft: Deadline | undefined;
  /** Undefined when it has been told. */
  private tellSoftLimit: (() => void) | undefined;
  private hard: Deadline | undefined;
  private timer: TimerHandle | undefined;

  constructor(name: string, kind: MemberKind, setting: ChildSetting, owner: ChildOwner) {
    this.name = name;
    this.owner = owner;
    this.member = kind.spawn(name, {
      message: (message) => {
        try {
          this.heard(message);
        } catch (error) {
          owner.confused(this, error);
        }
      },
      printed: (line) => owner.printed(this, line),
      gone: (ending) => this.ended(ending),
    });
    this.timer = owner.clock.setTimeout(() => this.late(), START_LIMIT_MS);
    this.member.send({ kind: 'start', setting });
  }

  get pid(): number {
    return this.member.pid;
  }

  begin(job: Job): void {
    const { invocation, watch } = job;
    const { softTimeLimitMs: softMs, timeLimitMs: hardMs } = invocation;
    this.life = 'busy';
    this.job = job;
    job.child = this;
    watch.started(this.pid);
    const { limits } = this.owner;
    // The child keeps the soft limit itself; here it is said, even when the child is too busy to notice.
    if (softMs !== undefined && (hardMs === undefined || softMs < hardMs)) {
      const dueMs = this.owner.clock.monotonicMs() + softMs;
      const tell = (): void => {
        this.tellSoftLimit = undefined;
        watch.softLimitExceeded(softMs);
      };
      this.soft = limits.arm(softMs, tell);
      // The end of the run may be heard before our own timer, when this process was busy.
      this.tellSoftLimit = () => {
        if (this.owner.clock.monotonicMs() >= dueMs) tell();
      };
    }
    if (hardMs !== undefined) this.hard = limits.arm(hardMs, () => this.condemn({ kind: 'timed-out', limitMs: hardMs }));
    this.member.send({ kind: 'run', text: job.text });
  }

  /** Ends its run from outside. What another worker may run now must not go on here for a moment. */
  abort(reason: AbortReason, signal?: string): void {
    if (reason === 'revoked') {
      this.member.send({ kind: 'abort', reason, signal });
      return;
    }
    const verdict = abortedOutcome(reason, signal);
    if (reason !== 'terminated' || signal === 'SIGKILL') {
      this.condemn(verdict);
      return;
    }
    if (this.verdict !== undefined) return;
    this.verdict = verdict;
    this.member.send({ kind: 'abort', reason, signal });
    this.setTimer(TERMINATE_GRACE_MS, () => this.kill());
  }

  stack(): Promise<readonly string[] | undefined> {
    return this.member.stack();
  }

  stored(ticket: number, problem: string | null): void {
    this.member.send({ kind: 'stored', ticket, problem });
  }

  /** Lets it close what it has open. It takes nothing more. */
  leave(): void {
    if (this.life === 'leaving' || this.life === 'gone') return;
    this.life = 'leaving';
    this.member.send({ kind: 'leave' });
    this.setTimer(LEAVE_GRACE_MS, () => this.kill());
  }

  kill(): void {
    if (this.killed || this.life === 'gone') return;
    this.killed = true;
    this.member.kill();
    this.setTimer(KILL_PATIENCE_MS, () => {
      this.owner.stuck(this);
      this.ended({ exitCode: null, signal: 'SIGKILL' });
    });
  }

  private late(): void {
    const message = `a child of the pool is not ready after ${START_LIMIT_MS / 1000} s`;
    this.owner.failed(this, { kind: 'failed', message, hint: 'what does the app wait for while it is imported?', stack: message });
  }

  private condemn(verdict: Outcome): void {
    this.verdict ??= verdict;
    this.kill();
  }

  private heard(message: FromChild): void {
    const { owner } = this;
    if (this.life === 'gone') return;
    switch (message.kind) {
      case 'ready':
        if (this.life !== 'starting') return;
        this.timer?.cancel();
        this.life = 'idle';
        this.wasReady = true;
        owner.ready(this);
        break;
      case 'failed':
        owner.failed(this, message);
        break;
      case 'log':
        owner.log(this, message);
        break;
      case 'state':
        owner.store(this, message);
        break;
      case 'ended':
        this.runEnded(message);
        break;
      default:
        message satisfies never;
    }
  }

  private runEnded(message: Extract<FromChild, { kind: 'ended' }>): void {
    const { job } = this;
    if (job === undefined) return;
    const outcome = this.verdict ?? decodeOutcome(message.text);
    this.done += 1;
    // Under sentence of death it serves nobody any more, whatever it says.
    if (this.killed) {
      this.finish(job, outcome);
      return;
    }
    this.verdict = undefined;
    this.timer?.cancel();
    this.life = 'idle';
    this.finish(job, outcome, () => this.owner.freed(this, message));
  }

  private ended(ending: MemberEnding): void {
    if (this.life === 'gone') return;
    const { job, life, killed } = this;
    this.life = 'gone';
    this.timer?.cancel();
    this.owner.gone(this, ending, killed || life === 'leaving' ? 'expected' : 'unexpected');
    if (job !== undefined) this.finish(job, this.verdict ?? { kind: 'worker-lost', ...ending });
  }

  /** @param before - What must be done before anybody hears of the end, and may ask for the next run. */
  private finish(job: Job, outcome: Outcome, before?: () => void): void {
    this.tellSoftLimit?.();
    this.tellSoftLimit = undefined;
    this.soft?.release();
    this.hard?.release();
    this.job = undefined;
    job.watch.abort = undefined;
    before?.();
    job.resolve(outcome);
  }

  private setTimer(delayMs: number, act: () => void): void {
    this.timer?.cancel();
    this.timer = this.owner.clock.setTimeout(act, delayMs);
  }
}
