/**
 * Keeps the consumer's prefetch in step with what the worker can do, and gives back what was taken in
 * vain: tasks that wait here while all slots are stuck may be running elsewhere (RELIABILITY M29).
 */
import type { Clock, TimerHandle } from '../clock.js';
import type { Dispatcher } from './dispatcher.js';
import type { Prefetch } from './prefetch.js';
import type { Request } from './request.js';

const WATCH_MS = 100;
/** Nothing has begun for so long, and something waits: its promise of half a second is nearly used up. */
const STUCK_MS = 300;

export interface PrefetchControlParts {
  readonly clock: Clock;
  readonly prefetch: Prefetch;
  /** How many may ever run at once. */
  readonly mostSlots: () => number;
  /** How many deliveries wait here for their time, or for what else keeps them from a slot. */
  readonly putOff: () => number;
  readonly dispatcher: () => Dispatcher;
  readonly setPrefetch: (count: number) => void;
  readonly giveBack: (request: Request) => void;
}

export class PrefetchControl {
  private readonly parts: PrefetchControlParts;
  private timer: TimerHandle | undefined;
  private told = -1;
  private stopped = false;

  constructor(parts: PrefetchControlParts) {
    this.parts = parts;
  }

  /** What the consumer was last told. */
  get count(): number {
    return Math.max(this.told, 0);
  }

  /** Called after each round of the dispatcher, with how many runs ended in it. */
  update(ended: number): void {
    if (this.stopped) return;
    const { prefetch, mostSlots, putOff } = this.parts;
    prefetch.noteEnded(ended);
    const dispatcher = this.parts.dispatcher();
    const slots = mostSlots();
    const notReady = putOff();
    const count = prefetch.count(slots, dispatcher.running.size) + notReady;
    if (count !== this.told) {
      this.told = count;
      this.parts.setPrefetch(count);
    }
    // Twice: one slow task among many quick ones is no reason to send them away.
    if (dispatcher.waitingCount > 2 * prefetch.mostWaiting) this.giveBack(dispatcher.clearBehind(prefetch.mostWaiting));
    const ahead = count > slots + notReady || dispatcher.waitingCount > 0;
    if (this.timer === undefined && prefetch.measured && ahead) this.timer = this.parts.clock.setTimeout(() => this.watch(), WATCH_MS);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Also lets the count fall when nothing happens any more: the next batch may be of another kind. */
  private watch(): void {
    this.timer = undefined;
    const dispatcher = this.parts.dispatcher();
    if (dispatcher.stalledMs >= STUCK_MS) {
      // First the limit, or what goes back would be taken again.
      this.update(0);
      this.giveBack(dispatcher.clear());
    }
    this.update(0);
  }

  private giveBack(requests: readonly Request[]): void {
    for (const request of requests) if (!request.fenced) this.parts.giveBack(request);
  }
}
