/**
 * Whether a worker is well, from what it says of itself once a second. No I/O and no clock of its own.
 *
 * Not live is what a restart can repair, and only after it has lasted for the patience: a broker that is away makes
 * a worker not ready and never not live, or all workers would be restarted for as long as it is away
 * (docs/health.md). Whoever did not look for a while knows nothing of that while and starts over.
 */
import type { WorkerState } from '../worker-parts.js';

export interface Facts {
  readonly state: WorkerState;
  /** It has said that it is ready. */
  readonly ready: boolean;
  readonly slots: number;
  readonly running: number;
  /** Taken and not begun: for want of a slot, for its time, for its rate limit. */
  readonly waiting: number;
  /** Deliveries since the start. */
  readonly taken: number;
  /** How often the leases were renewed; undefined where a broker has none. */
  readonly renewals: number | undefined;
  /** How often the connection broke or could not be made. */
  readonly attempts: number;
  /** What waits in the queues that it takes from; `unreachable` when the broker did not say. */
  readonly depth: number | 'unreachable' | 'unasked';
}

export type ProblemCode = 'starting' | 'stopping' | 'broker-away' | 'consumer-stalled' | 'consumer-lost' | 'leases-lost' | 'loop-blocked';

export interface Problem {
  readonly code: ProblemCode;
  readonly text: string;
  readonly seconds: number;
}

export interface Verdict {
  readonly live: boolean;
  readonly ready: boolean;
  readonly problems: readonly Problem[];
}

/** A machine that slept, or a task that kept the event loop. */
const LONGEST_GAP_MS = 5_000;
/** Beats of the lease come each second; some may be late. */
const LATE_LEASE_MS = 5_000;

export class Vitals {
  readonly #patienceMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #taken = -1;
  #renewals = -1;
  #attempts = -1;
  readonly #since = new Map<'take' | 'lease' | 'link' | 'broker', number>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** @param nowMs - By a clock that never jumps. */
  observe(nowMs: number, facts: Facts): Verdict {
    if (nowMs - this.#lastMs > LONGEST_GAP_MS) this.#since.clear();
    this.#lastMs = nowMs;
    const { state } = facts;
    const stopping = state === 'draining' || state === 'stopped';
    const connected = state === 'consuming';
    const answers = facts.depth !== 'unreachable';
    const free = facts.ready && facts.running < facts.slots && facts.waiting === 0;
    const starved = connected && free && facts.taken === this.#taken && typeof facts.depth === 'number' && facts.depth > 0;
    const unrenewed = connected && facts.renewals !== undefined && facts.renewals === this.#renewals && answers;
    // One that is refused and tries again does what it can: it is the broker that wants repair.
    const idle = !(connected && facts.ready) && !stopping && facts.attempts === this.#attempts && typeof facts.depth === 'number';
    this.#taken = facts.taken;
    this.#renewals = facts.renewals ?? -1;
    this.#attempts = facts.attempts;
    const stalledMs = this.#lasts('take', starved, nowMs);
    const leaseMs = this.#lasts('lease', unrenewed, nowMs);
    const lostMs = this.#lasts('link', idle, nowMs);
    const awayMs = this.#lasts('broker', (!answers || state === 'disconnected') && !stopping, nowMs);

    const problems: Problem[] = [];
    const add = (code: ProblemCode, ms: number, text: string): void => void problems.push({ code, text, seconds: Math.round(ms / 1000) });
    if (stopping) add('stopping', 0, 'it is stopping');
    else if (!facts.ready) add('starting', 0, 'it is not ready yet');
    if (lostMs >= this.#patienceMs) add('consumer-lost', lostMs, 'the broker answers, and the consumer does not try to come back to it');
    else if (awayMs > 0) add('broker-away', awayMs, answers ? 'the broker lets nothing be taken' : 'the broker does not answer');
    if (stalledMs >= this.#patienceMs) add('consumer-stalled', stalledMs, 'slots are free and messages wait, and none is taken');
    if (leaseMs >= LATE_LEASE_MS) add('leases-lost', leaseMs, 'the broker answers, and the leases of its tasks are not renewed');
    const live = [stalledMs, leaseMs, lostMs].every((ms) => ms < this.#patienceMs);
    return { live, ready: problems.length === 0, problems };
  }

  /** How long something has been true at every look. */
  #lasts(what: 'take' | 'lease' | 'link' | 'broker', isTrue: boolean, nowMs: number): number {
    if (!isTrue) {
      this.#since.delete(what);
      return 0;
    }
    const since = this.#since.get(what) ?? nowMs;
    this.#since.set(what, since);
    return Math.max(nowMs - since, Number.MIN_VALUE);
  }
}
