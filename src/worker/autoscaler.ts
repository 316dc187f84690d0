/**
 * Grows the pool while tasks wait and shrinks it when they have been few for a while, between two bounds
 * (`--autoscale MAX,MIN`; celery/worker/autoscale.py). Up at once, for somebody waits; down late, for
 * children cost a start.
 */
import type { Clock, TimerHandle } from '../clock.js';
import { ConfigError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Pool } from '../pool.js';

const LOOK_EVERY_MS = 1_000;
/** Celery's AUTOSCALE_KEEPALIVE. */
const KEEPALIVE_MS = 30_000;

export interface AutoscaleRange {
  readonly max: number;
  readonly min: number;
}

export interface AutoscalerParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pool: Pool;
  readonly range: AutoscaleRange;
  /** How many tasks run or wait for a slot. */
  readonly wanted: () => number;
  /** There are other slots than before. */
  readonly resized: () => void;
}

export class Autoscaler {
  private readonly parts: AutoscalerParts;
  private range: AutoscaleRange;
  private timer: TimerHandle | undefined;
  private lastNeededMs: number;
  private stopped = false;

  /** @throws ConfigError for bounds that nothing fits between. */
  constructor(parts: AutoscalerParts) {
    this.parts = parts;
    this.range = checkRange(parts.range);
    this.lastNeededMs = parts.clock.monotonicMs();
  }

  /** How many slots there may be: as many messages are worth holding. */
  get max(): number {
    return this.range.max;
  }

  info(): { readonly max: number; readonly min: number; readonly current: number; readonly qty: number } {
    return { ...this.range, current: this.parts.pool.size, qty: this.parts.wanted() };
  }

  /** null leaves a bound as it is. @throws ConfigError for bounds that nothing fits between. */
  update(max: number | null, min: number | null): AutoscaleRange {
    const before = this.range;
    // One bound alone takes the other one along, as in Celery.
    const upper = max ?? Math.max(before.max, min ?? 0);
    this.range = checkRange({ max: upper, min: Math.min(min ?? before.min, upper) });
    const size = Math.min(Math.max(this.parts.pool.size, this.range.min), this.range.max);
    if (size !== this.parts.pool.size) this.resize(size);
    else this.parts.resized();
    return this.range;
  }

  /** Called whenever tasks came or went. */
  look(): void {
    if (this.stopped) return;
    const { pool, wanted, clock } = this.parts;
    const size = Math.max(Math.min(wanted(), this.range.max), this.range.min);
    const nowMs = clock.monotonicMs();
    if (size >= pool.size) {
      this.lastNeededMs = nowMs;
      if (size > pool.size) this.resize(size);
    } else if (nowMs - this.lastNeededMs >= KEEPALIVE_MS) {
      this.lastNeededMs = nowMs;
      this.resize(size);
    }
    this.timer ??= clock
      .setTimeout(() => {
        this.timer = undefined;
        this.look();
      }, LOOK_EVERY_MS)
      .unref();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private resize(size: number): void {
    const { pool, logger, resized } = this.parts;
    const by = size - pool.size;
    logger.info('Scaling %s %d processes.', by > 0 ? 'up' : 'down', Math.abs(by));
    pool.resize(size).then(resized, (error: unknown) => {
      logger.error('The pool cannot be resized to %d: %s', size, error);
    });
  }
}

function checkRange({ max, min }: AutoscaleRange): AutoscaleRange {
  if (!Number.isSafeInteger(max) || !Number.isSafeInteger(min) || max < 1 || min < 0 || min > max) {
    throw new ConfigError(`no number of tasks lies between ${min} and ${max}`, {
      hint: 'give whole numbers, the larger one first: --autoscale 10,3',
    });
  }
  // A pool of none would never notice that somebody waits.
  return { max, min: Math.max(min, 1) };
}
