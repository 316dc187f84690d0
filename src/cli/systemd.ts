/**
 * What systemd wants to hear of a `Type=notify` unit: READY=1, STOPPING=1, and WATCHDOG=1 while all is well.
 * Node cannot write to a datagram socket of the file system, so systemd's own `systemd-notify` carries the
 * words; the unit needs `NotifyAccess=all` for that (docs/decisions/0015).
 */
import { spawn } from 'node:child_process';
import type { CliContext } from './context.js';

/** A watchdog that wants to hear more often than this asks too much of a process per word. */
const SHORTEST_BEAT_MS = 500;

export interface ServiceManager {
  ready(status: string): void;
  /** What ends now begins again: systemd would not wait for that after STOPPING=1. */
  restarting(): void;
  stopping(): void;
  /** No more beats. */
  close(): void;
}

/** Undefined where no systemd listens. */
export function serviceManager(
  context: Pick<CliContext, 'env' | 'pid' | 'clock'>,
  problem: (text: string) => void,
): ServiceManager | undefined {
  const { env, clock, pid } = context;
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return undefined;
  let state: 'listening' | 'deaf' = 'listening';
  let begins: 'once' | 'again' = 'once';
  let beat: { cancel(): void } | undefined;
  const say = (...words: readonly string[]): void => {
    if (state === 'deaf') return;
    const messenger = spawn('systemd-notify', words, { stdio: 'ignore', env });
    messenger.once('error', (error) => {
      if (state === 'listening') problem(`systemd cannot be told: ${error.message}`);
      state = 'deaf';
    });
  };
  const everyMs = beatMs(env, pid);
  const next = (): void => {
    if (everyMs === undefined) return;
    beat = clock.setTimeout(() => {
      say('WATCHDOG=1');
      next();
    }, everyMs);
  };
  return {
    ready(status) {
      say('READY=1', `STATUS=${status}`);
      beat?.cancel();
      next();
    },
    restarting() {
      begins = 'again';
      say('RELOADING=1');
    },
    stopping() {
      if (begins === 'once') say('STOPPING=1');
    },
    close: () => beat?.cancel(),
  };
}

/** Half of what systemd allows; undefined when it does not watch this process. */
function beatMs(env: CliContext['env'], pid: number): number | undefined {
  const allowedMs = Number(env['WATCHDOG_USEC']) / 1000;
  const watched = env['WATCHDOG_PID'];
  if (!(allowedMs > 0) || (watched !== undefined && watched !== '' && watched !== String(pid))) return undefined;
  return Math.max(SHORTEST_BEAT_MS, allowedMs / 2);
}
