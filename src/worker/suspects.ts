/**
 * Messages that were held by several workers that died: one of them may be what they died of. So they run one at a time, and
 * the others are put aside for a moment first, out of this worker's hands: counted are deliveries, and what only lay beside the
 * deadly one would else reach `max_deliveries` together with it (docs/reliability.md, M20b).
 */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { tracebackText } from './log-lines.js';
import type { Request } from './request.js';

/** Delivered so often before. The first death may have had any cause. */
export const SUSPECT_FROM = 2;
const ASIDE_MS = 1000;

export interface SuspectsParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether it waits for a slot here, or has one. */
  readonly isHere: (request: Request) => boolean;
  /** It is its turn. */
  readonly begin: (request: Request) => void;
}

export class Suspects {
  private readonly parts: SuspectsParts;
  private next: Request | undefined;
  private current: Request | undefined;
  private goingAside: Promise<void>[] = [];

  constructor(parts: SuspectsParts) {
    this.parts = parts;
  }

  /** Begins with it soon, or has it come back to somebody in a second. */
  take(request: Request): void {
    const { current } = this;
    if (this.next === undefined && (current === undefined || !this.parts.isHere(current))) {
      this.next = request;
      // After its batch, in which there may be others.
      queueMicrotask(() => void this.begin(request));
    } else this.goingAside.push(this.putAside(request));
  }

  private async begin(request: Request): Promise<void> {
    while (this.goingAside.length > 0) await Promise.all(this.goingAside.splice(0));
    this.next = undefined;
    if (request.delivery.fenced) return;
    this.current = request;
    this.parts.begin(request);
  }

  private async putAside(request: Request): Promise<void> {
    const { clock, logger } = this.parts;
    try {
      await request.delivery.park(new Date(clock.nowMs() + ASIDE_MS));
    } catch (error) {
      logger.error('Task %s[%s] could not be put aside:\n%s', request.name, request.id, tracebackText(error));
    }
  }
}
