/**
 * Notices that a server is silent although it owes an answer. A half-open connection never says so itself: once a
 * second somebody looks whether anything has come, and asks when there was nothing to say.
 */
import type { Clock, TimerHandle } from '../clock.js';

/** Half-open connections must be noticed within 15 s (RELIABILITY M8), and a server frozen for a few seconds should not cost one. */
export const SILENCE_LIMIT_MS = 9_000;
/** Drivers have limits of their own, which count every moment: they get so many times as long, and ours comes first. */
export const DRIVER_PATIENCE = 2;
const ASK_AFTER_MS = 3_000;
const LOOK_INTERVAL_MS = 1_000;

export interface SilenceWatch {
  readonly clock: Clock;
  /** Longest time without a byte while an answer is due. */
  readonly limitMs: number;
  /** How much has come so far. */
  bytesRead(): number;
  /** Since when an answer is due; undefined when none is. */
  owedSinceMs(): number | undefined;
  /** Asks for an answer. */
  ask(): void;
  /** While the server has said that it answers nobody. */
  isExcused?(): boolean;
  /** It is as good as gone; nothing is watched any more. */
  gone(silentForMs: number): void;
}

/** Watches until the function that it returns is called. */
export function watchSilence(watch: SilenceWatch): () => void {
  const { clock, limitMs } = watch;
  const intervalMs = Math.min(LOOK_INTERVAL_MS, limitMs / 4);
  let heardBytes = watch.bytesRead();
  let heardAtMs = clock.monotonicMs();
  let expectedMs = heardAtMs + intervalMs;
  let timer: TimerHandle;
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    const bytes = watch.bytesRead();
    // A late look means that we were blocked: answers may be waiting unread.
    const wasBlocked = nowMs > expectedMs + intervalMs;
    if (bytes !== heardBytes || wasBlocked || watch.isExcused?.() === true) {
      heardBytes = bytes;
      heardAtMs = nowMs;
    }
    const owedSinceMs = watch.owedSinceMs();
    if (owedSinceMs !== undefined && nowMs - Math.max(heardAtMs, owedSinceMs) > limitMs) {
      watch.gone(nowMs - Math.max(heardAtMs, owedSinceMs));
      return;
    }
    if (owedSinceMs === undefined && nowMs - heardAtMs >= ASK_AFTER_MS) watch.ask();
    expectedMs = nowMs + intervalMs;
    timer = clock.setTimeout(look, intervalMs).unref();
  };
  timer = clock.setTimeout(look, intervalMs).unref();
  return () => timer.cancel();
}
