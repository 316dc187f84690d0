/**
 * Tasks that shall not run, by id and by stamp (WIRE 9.7, 8.10). Celery forgets an id after three hours;
 * here it is a day, so that a task put off until tonight stays revoked. Bounded: the oldest go first.
 */
import type { Clock } from '../clock.js';
import { isRecord } from '../protocol/record.js';
import { REVOKED_KEPT_MS } from '../remote-control/revoked-for.js';
import type { Request } from './request.js';

/** Celery's `REVOKES_MAX`. */
const MOST_IDS = 50_000;
const MOST_STAMPS = 10_000;

/** What is known, for a file: id → when, in milliseconds since 1970, the oldest first. */
export interface KeptRevokes {
  readonly ids: readonly (readonly [id: string, atMs: number])[];
  readonly stamps: readonly string[];
}

export class RevokedTasks {
  /** Told of each change, for who keeps it. */
  onChange: (() => void) | undefined;
  readonly #clock: Clock;
  /** Id → when, on the monotonic clock; the oldest first. */
  readonly #ids = new Map<string, number>();
  /** `header` and value together → that it is revoked; the oldest first. */
  readonly #stamps = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#ids.size;
  }

  add(ids: readonly string[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const id of ids) {
      // To the end again: it was just spoken of.
      this.#ids.delete(id);
      this.#ids.set(id, nowMs);
    }
    this.#forgetOld(nowMs);
    if (ids.length > 0) this.onChange?.();
  }

  /** @param nowMs - Milliseconds since 1970, now. */
  kept(nowMs: number): KeptRevokes {
    return { ids: [...this.ages()].map(([id, ageMs]) => [id, Math.round(nowMs - ageMs)]), stamps: [...this.#stamps] };
  }

  restore({ ids, stamps }: KeptRevokes, nowMs: number): void {
    const monotonicMs = this.#clock.monotonicMs();
    // A time to come is a clock that was set back: as good as now.
    for (const [id, atMs] of ids) this.#ids.set(id, monotonicMs - Math.max(0, nowMs - atMs));
    for (const stamp of stamps) this.#stamps.add(stamp);
    this.#forgetOld(monotonicMs);
  }

  /** Whether a task shall not run, by its id or by a stamp on it. */
  covers(request: Pick<Request, 'id' | 'delivery'>): boolean {
    return this.has(request.id) || this.stampOf(request) !== undefined;
  }

  /** The first stamp of it that is revoked, as the log shows it. */
  stampOf({ delivery }: Pick<Request, 'delivery'>): Readonly<Record<string, unknown>> | undefined {
    return this.#stamps.size === 0 ? undefined : this.#revokedStamp(delivery.message.headers['stamps']);
  }

  has(id: string): boolean {
    if (this.#ids.size === 0) return false;
    const since = this.#ids.get(id);
    return since !== undefined && this.#clock.monotonicMs() - since < REVOKED_KEPT_MS;
  }

  /** Id → milliseconds since it was revoked, the oldest first. */
  ages(): ReadonlyMap<string, number> {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetOld(nowMs);
    return new Map([...this.#ids].map(([id, since]) => [id, nowMs - since]));
  }

  addStamp(header: string, values: readonly unknown[]): void {
    for (const value of values) this.#stamps.add(stampKey(header, value));
    for (const oldest of this.#stamps) {
      if (this.#stamps.size <= MOST_STAMPS) break;
      this.#stamps.delete(oldest);
    }
    this.onChange?.();
  }

  #revokedStamp(stamps: unknown): Readonly<Record<string, unknown>> | undefined {
    if (!isRecord(stamps)) return undefined;
    for (const [header, stamped] of Object.entries(stamps)) {
      for (const value of Array.isArray(stamped) ? (stamped as readonly unknown[]) : [stamped]) {
        if (this.#stamps.has(stampKey(header, value))) return { [header]: value };
      }
    }
    return undefined;
  }

  #forgetOld(nowMs: number): void {
    for (const [id, since] of this.#ids) {
      if (this.#ids.size <= MOST_IDS && nowMs - since < REVOKED_KEPT_MS) break;
      this.#ids.delete(id);
    }
  }
}

/** Values are compared as Python compares them: 1 and '1' differ. */
function stampKey(header: string, value: unknown): string {
  return JSON.stringify([header, typeof value === 'bigint' ? String(value) : value]);
}
