/**
 * A consumer that is connected, has free slots and takes nothing although messages wait, goes on like that until somebody restarts its
 * worker: that is how Celery's workers ended after an outage (celery #8030, #8091, #9054). Here the worker notices by itself, and begins
 * with a new connection. Whoever watches its health sees it only if that does not help (docs/health.md).
 */
import type { Broker, Consumer } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { WatchedWorker } from './health/health.js';

export interface StallWatchParts {
  readonly broker: Pick<Broker, 'depth'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_MS = 5_000;
/** Twice what a consumer may need to look by itself, so that one that is only slow is left alone. */
const PATIENCE_MS = 20_000;

export class StallWatch {
  private readonly parts: StallWatchParts;
  private readonly consumer: Consumer;
  private readonly worker: WatchedWorker;
  private taken = -1;
  /** Since when nothing was taken although something waited at every look. */
  private sinceMs: number | undefined;
  private stopped = false;

  private constructor(parts: StallWatchParts, consumer: Consumer, worker: WatchedWorker) {
    this.parts = parts;
    this.consumer = consumer;
    this.worker = worker;
  }

  /** Looks until the consumer is closed; brokers whose consumers cannot begin anew are not watched. */
  static start(parts: StallWatchParts, consumer: Consumer, worker: WatchedWorker): StallWatch {
    const watch = new StallWatch(parts, consumer, worker);
    if (consumer.reconnect !== undefined) watch.lookLater();
    return watch;
  }

  stop(): void {
    this.stopped = true;
  }

  private lookLater(): void {
    this.parts.clock.setTimeout(() => void this.look(), LOOK_MS).unref();
  }

  private async look(): Promise<void> {
    if (this.stopped) return;
    const nowMs = this.parts.clock.monotonicMs();
    // A queue is asked for its depth only by who has had nothing from it.
    if (!this.starves() || (await this.waiting()) === 0) this.sinceMs = undefined;
    else this.sinceMs ??= nowMs;
    if (!this.stopped && this.sinceMs !== undefined && nowMs - this.sinceMs >= PATIENCE_MS) {
      this.parts.logger.error(
        'consumer: Messages wait, slots are free, and nothing was taken for %d seconds. Connecting anew.',
        Math.round((nowMs - this.sinceMs) / 1000),
      );
      this.sinceMs = undefined;
      this.consumer.reconnect?.();
    }
    this.lookLater();
  }

  private starves(): boolean {
    const { state, ready, slots, running, waiting, taken } = this.worker();
    const nothingNew = taken === this.taken;
    this.taken = taken;
    return nothingNew && state === 'consuming' && ready && running < slots && waiting === 0;
  }

  /** What waits in the queues that it would take from; 0 when the broker does not say, for then something else is wrong. */
  private async waiting(): Promise<number> {
    const names = this.consumer.queues.map(({ name }) => name);
    const open = this.consumer.paused?.without(names) ?? names;
    const depths = await Promise.all(open.map((name) => this.parts.broker.depth(name))).catch(() => []);
    return depths.reduce((sum, depth) => sum + depth, 0);
  }
}
