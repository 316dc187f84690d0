/**
 * Who serves in a pool: as many children as there are slots and one that stands by, so that the place of
 * one which was killed, or has served its time, is taken at once. Whoever was busy last is asked first,
 * for its caches are warm.
 */
import type { Clock } from '../clock.js';
import { ConfigError } from '../errors.js';
import type { MemberEnding } from './member.js';
import type { PoolChild } from './pool-child.js';

const SPARE = 1;
const FIRST_RESPAWN_MS = 100;
const LONGEST_RESPAWN_MS = 5_000;
/** Before the first one was ready, who fails so often is not started again. */
const MOST_FAILURES_AT_START = 3;

export interface StaffParts {
  readonly clock: Clock;
  readonly size: number;
  readonly spawn: () => PoolChild;
  /** Somebody is idle, or somebody has left. */
  readonly changed: () => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Staff {
  size: number;
  private readonly parts: StaffParts;
  private readonly children = new Set<PoolChild>();
  /** The one that was busy last at the end. */
  private readonly idle: PoolChild[] = [];
  /** `opening` until somebody was ready for the first time. */
  private phase: 'opening' | 'open' | 'closing' = 'opening';
  /** Children in a row that ended before they were ready. */
  private failures = 0;
  private respawning = false;
  /** Who waits for a child to be ready: the start for any, a restart for its first. */
  private readonly waiters = new Map<PoolChild | 'any', Waiter>();

  constructor(parts: StaffParts) {
    this.parts = parts;
    this.size = parts.size;
  }

  /** Resolves when the first child is ready; the others follow. @throws ConfigError when none will be. */
  open(): Promise<void> {
    const ready = this.readiness('any');
    this.fill();
    return ready;
  }

  get all(): readonly PoolChild[] {
    return [...this.children];
  }

  get busyCount(): number {
    let count = 0;
    for (const { job } of this.children) if (job !== undefined) count += 1;
    return count;
  }

  /** Somebody who is idle; taken at most `size` times at once. */
  take(): PoolChild | undefined {
    return this.busyCount < this.size ? this.idle.pop() : undefined;
  }

  resize(size: number): void {
    this.size = size;
    this.thin();
    this.fill();
  }

  /**
   * Replaces everybody, each when it is idle. First one new child must be ready: an app that does not load
   * any more replaces nobody.
   */
  async replaceAll(): Promise<void> {
    const old = [...this.children];
    await this.readiness(this.spawn());
    for (const child of old) this.dismiss(child);
    this.fill();
  }

  /** Lets everybody go. Who is busy must have been ended before. */
  close(): void {
    this.phase = 'closing';
    for (const child of [...this.children]) {
      if (child.life === 'starting') child.kill();
      else if (child.life === 'idle') child.leave();
    }
  }

  ready(child: PoolChild): void {
    this.failures = 0;
    if (this.phase === 'opening') this.phase = 'open';
    for (const waited of ['any', child] as const) {
      this.waiters.get(waited)?.resolve();
      this.waiters.delete(waited);
    }
    this.settleIn(child);
    this.fill();
  }

  /** It cannot load the app. False when nobody has waited for it. */
  failed(child: PoolChild, error: Error): boolean {
    return this.disappoint(this.phase === 'opening' ? 'any' : child, error);
  }

  /** Its run is over. */
  freed(child: PoolChild): void {
    this.settleIn(child);
    // Nearly always there is nobody too many and nobody too few.
    if (!child.outgoing && this.children.size === this.size + SPARE) return;
    this.thin();
    this.fill();
  }

  gone(child: PoolChild, ending: MemberEnding): void {
    this.children.delete(child);
    this.remove(child);
    const wasTried = this.disappoint(child, new ConfigError(`a new child of the pool ended before it was ready: ${endingText(ending)}`));
    if (!child.wasReady && !child.outgoing && !wasTried) this.startFailed(ending);
    this.fill();
    this.parts.changed();
  }

  /** Those that serve, or will. */
  private get serving(): PoolChild[] {
    return [...this.children].filter(({ life, outgoing, killed }) => life !== 'leaving' && !outgoing && !killed);
  }

  private spawn(): PoolChild {
    const child = this.parts.spawn();
    this.children.add(child);
    return child;
  }

  /** An idle child is given work, or a place; one that shall leave is let go. */
  private settleIn(child: PoolChild): void {
    if (child.outgoing || this.phase === 'closing') child.leave();
    else this.idle.push(child);
    this.parts.changed();
  }

  /** Starts who is missing; the spare one when all others are up. */
  private fill(): void {
    if (this.phase === 'closing' || this.respawning) return;
    const { serving } = this;
    const allUp = this.phase === 'open' && serving.every(({ life }) => life !== 'starting');
    for (let missing = this.size + (allUp ? SPARE : 0) - serving.length; missing > 0; missing -= 1) this.spawn();
  }

  /** Lets go who is too many; first who has been idle longest. */
  private thin(): void {
    const { serving } = this;
    const surplus = serving.length - this.size - SPARE;
    if (surplus <= 0) return;
    const byUse = [...serving.filter(({ life }) => life === 'starting'), ...this.idle, ...serving.filter(({ life }) => life === 'busy')];
    for (const child of byUse.slice(0, surplus)) this.dismiss(child);
  }

  private dismiss(child: PoolChild): void {
    child.outgoing = true;
    this.remove(child);
    if (child.life === 'idle') child.leave();
    else if (child.life === 'starting') child.kill();
  }

  private remove(child: PoolChild): void {
    const at = this.idle.indexOf(child);
    if (at >= 0) this.idle.splice(at, 1);
  }

  /** Not at once again: whatever ends a child before it is ready would only cost the machine more. */
  private startFailed(ending: MemberEnding): void {
    if (this.phase === 'closing') return;
    this.failures += 1;
    if (this.phase === 'opening' && this.failures >= MOST_FAILURES_AT_START) {
      this.disappoint('any', new ConfigError(`the children of the pool end before they are ready: ${endingText(ending)}`));
      return;
    }
    this.respawning = true;
    this.parts.clock.setTimeout(
      () => {
        this.respawning = false;
        this.fill();
      },
      Math.min(FIRST_RESPAWN_MS * 2 ** (this.failures - 1), LONGEST_RESPAWN_MS),
    );
  }

  private readiness(child: PoolChild | 'any'): Promise<void> {
    return new Promise((resolve, reject) => this.waiters.set(child, { resolve, reject }));
  }

  private disappoint(waited: PoolChild | 'any', error: Error): boolean {
    const waiter = this.waiters.get(waited);
    this.waiters.delete(waited);
    if (waited !== 'any' && waiter !== undefined) waited.outgoing = true;
    waiter?.reject(error);
    return waiter !== undefined;
  }
}

/** How a child ended, for people. */
export function endingText({ detail, signal, exitCode }: MemberEnding): string {
  return detail ?? signal ?? `exitcode ${exitCode}`;
}
