/**
 * Tasks that may not begin whenever there is a slot: so many in a time (`rateLimit`), so many at once
 * (`maxConcurrency`), in this worker or in all of them. What will have its turn soon waits here; the rest is put
 * back into the broker for a while instead of being hoarded (docs/decisions/0015).
 */
import type { Broker } from '../broker.js';
import type { Clock } from '../clock.js';
import { ConfigError } from '../errors.js';
import { parseRate } from '../execution/rate.js';
import type { Logger } from '../logger.js';
import type { Task } from '../task.js';
import type { Request } from './request.js';
import { tracebackText } from './log-lines.js';
import type { TaskPlan } from './task-plan.js';
import { type LineParts, ThrottledLine } from './throttled-line.js';

export interface ThrottleParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whose permits they are; see `SharedLimits.acquire`. */
  readonly ownerId?: () => string | undefined;
  /** `workerDisableRateLimits` */
  readonly rates: 'kept' | 'ignored';
  /** Their turn has come. */
  readonly begin: (requests: readonly Request[]) => void;
}

export class Throttle {
  private readonly parts: ThrottleParts;
  private readonly lines = new Map<TaskPlan, ThrottledLine>();

  constructor(parts: ThrottleParts) {
    this.parts = parts;
  }

  /** True when it has taken the request, which begins later. */
  holds(request: Request): boolean {
    const { plan } = request;
    if (plan.maxConcurrency === undefined && (plan.rateLimit === null || this.parts.rates === 'ignored')) return false;
    const line = this.lines.get(plan) ?? this.open(plan);
    const dueMs = line.fullUntilMs();
    if (dueMs === undefined || !this.parts.broker.capabilities.parks) line.add(request);
    else this.putBack(request, dueMs);
    return true;
  }

  get size(): number {
    let size = 0;
    for (const line of this.lines.values()) size += line.size;
    return size;
  }

  get waiting(): readonly Request[] {
    return [...this.lines.values()].flatMap((line) => line.waiting);
  }

  /** Takes out everything that waits. */
  clear(): Request[] {
    return [...this.lines.values()].flatMap((line) => line.clear());
  }

  /** After {@link clear}: permits that are held are renewed no more. */
  close(): void {
    for (const line of this.lines.values()) line.close();
  }

  private open(plan: TaskPlan): ThrottledLine {
    const { clock, broker, rates, begin, ownerId } = this.parts;
    const parts: LineParts = { clock, limits: broker.limits, rates, begin, ownerId };
    const line = new ThrottledLine(plan, parts);
    this.lines.set(plan, line);
    return line;
  }

  private putBack(request: Request, dueMs: number): void {
    request.delivery.park(new Date(dueMs)).catch((error: unknown) => {
      this.parts.logger.error('Task %s[%s] could not be put back:\n%s', request.name, request.id, tracebackText(error));
    });
  }
}

/** @throws ConfigError for limits that cannot be kept, before anything is taken. */
export function checkLimits(tasks: Iterable<Task>, broker: Broker, defaultRate: string | number | null): void {
  if (parseRate(defaultRate).kind !== 'rate') throw wrongRate('task_default_rate_limit', defaultRate);
  for (const { name, options } of tasks) {
    const { rateLimit, rateLimitScope, maxConcurrency, maxConcurrencyScope } = options;
    if (parseRate(rateLimit).kind !== 'rate') throw wrongRate(`the task ${name}: rateLimit`, rateLimit);
    if (typeof maxConcurrency === 'number' && !(Number.isSafeInteger(maxConcurrency) && maxConcurrency >= 1)) {
      throw new ConfigError(`the task ${name}: maxConcurrency is ${maxConcurrency}`, { hint: 'give a whole number from 1 on' });
    }
    const global = rateLimitScope === 'global' ? 'rateLimitScope' : maxConcurrencyScope === 'global' ? 'maxConcurrencyScope' : undefined;
    if (global !== undefined && broker.limits === undefined) {
      throw new ConfigError(`the task ${name}: ${global} 'global' is not possible with ${broker.displayUrl}`, {
        hint: 'limits of all workers together need Redis or SQLite as broker',
      });
    }
  }
}

function wrongRate(what: string, rate: unknown): ConfigError {
  return new ConfigError(`${what} is ${JSON.stringify(rate)}`, { hint: "write it as '10/s', '100/m', '1/h' or a number per second" });
}
