/** How a process ended, in words. */
import { constants } from 'node:os';
import type { Outcome } from '../execution/outcome.js';

/** As Python's process library says it: `signal 9 (SIGKILL)`, `exitcode 1`. */
export function endingText({ exitCode, signal, detail }: Extract<Outcome, { kind: 'worker-lost' }>): string {
  if (detail !== undefined) return detail;
  if (signal === null) return `exitcode ${exitCode}`;
  return `signal ${constants.signals[signal as NodeJS.Signals] ?? '?'} (${signal})`;
}
