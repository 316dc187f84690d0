/** Limits that the workers of one process share. */
import type { SharedLimits } from '../../broker.js';
import type { Clock } from '../../clock.js';
import { reserveSlots, type SlotLine } from '../../execution/slot-line.js';

export function memoryLimits(clock: Clock): SharedLimits {
  const lines = new Map<string, SlotLine>();
  /** Name → holder → until when, on the monotonic clock. */
  const permits = new Map<string, Map<string, number>>();
  return {
    async reserve(name, wish) {
      const line = lines.get(name) ?? { nextMs: 0 };
      lines.set(name, line);
      return reserveSlots(line, wish, clock.monotonicMs());
    },
    async acquire(name, holders, { limit, leaseMs }) {
      const nowMs = clock.monotonicMs();
      const held = permits.get(name) ?? new Map<string, number>();
      permits.set(name, held);
      for (const [holder, untilMs] of held) if (untilMs <= nowMs) held.delete(holder);
      return holders.filter((holder) => {
        if (!held.has(holder) && held.size >= limit) return false;
        held.set(holder, nowMs + leaseMs);
        return true;
      });
    },
    async release(name, holders) {
      for (const holder of holders) permits.get(name)?.delete(holder);
    },
  };
}
