/** What signals mean to a worker that runs. */
import { maskUrlsIn } from '../config/masking.js';
import type { CommandCall } from './command.js';
import type { StopSignal } from './context.js';
import { EXIT } from './exit-codes.js';
import { onKeeperGone, tellKeeper } from './keeper.js';
import type { LogWriter } from './log-writer.js';

export interface Ending {
  readonly exitCode: number;
  /** Somebody sent HUP. */
  readonly again: boolean;
}

export interface Listening {
  /** Somebody stands by to start this worker again. */
  readonly kept: boolean;
  readonly notice: (line: string) => void;
  readonly running: { stop(how: 'warm' | 'soft' | 'cold'): Promise<void>; report(): Promise<readonly string[]> };
  readonly logger: LogWriter;
  /** Tells whom it concerns that the end is not the end. */
  readonly restarting: () => void;
}

/**
 * TERM stops warm, INT warm and then cold, QUIT cold, softly where the settings say so; HUP starts again, USR1 tells
 * what runs, USR2 opens the log anew (WIRE 16.5).
 */
export function listen(
  { context, defer }: Pick<CommandCall, 'context' | 'defer'>,
  { running, logger, kept, notice, restarting }: Listening,
): { ending(status: string): Ending } {
  let interrupts = 0;
  let forcedBySecondInterrupt = false;
  let again = false;
  const stop = (how: 'warm' | 'soft' | 'cold'): void => void running.stop(how).catch(() => {}); // What went wrong comes out of start().
  const onTerm = context.env['REMAP_SIGTERM'] === 'SIGQUIT' ? 'soft' : 'warm';
  const handlers: Readonly<Record<StopSignal, () => void>> = {
    SIGTERM: () => stop(onTerm),
    SIGQUIT: () => stop('soft'),
    SIGINT() {
      interrupts += 1;
      if (interrupts === 1) {
        notice('\nworker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!');
        stop('warm');
      } else {
        forcedBySecondInterrupt = true;
        if (interrupts > 2) notice('Waiting gracefully for cold shutdown to complete...');
        stop(interrupts > 2 ? 'cold' : 'soft');
      }
    },
    SIGHUP() {
      // The terminal was closed: nobody wants a worker that nobody sees.
      if ((context.stdin as { readonly isTTY?: boolean }).isTTY !== true && !again) {
        again = true;
        notice(`Restarting ctq worker (${maskUrlsIn(process.argv.slice(2).join(' '))})`);
        restarting();
        if (kept) tellKeeper({ again: true });
      }
      stop('warm');
    },
    SIGUSR1() {
      void running.report().then((lines) => {
        for (const line of lines) logger.critical('%s', line);
      });
    },
    SIGUSR2() {
      logger.reopen();
      logger.info('The log is open again.');
    },
  };
  for (const [signal, handler] of Object.entries(handlers)) defer(context.onSignal(signal as StopSignal, handler));
  if (kept) onKeeperGone(() => stop('warm'));
  return {
    ending: (status) => ({ exitCode: forcedBySecondInterrupt && status === 'forced' ? EXIT.interrupted : EXIT.ok, again }),
  };
}
