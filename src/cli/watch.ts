/** `--watch`: the same view again and again, until somebody has seen enough. */
import type { CommandCall } from './command.js';
import { flag, value } from './command.js';
import { positiveSeconds } from './option-values.js';
import { isTerminal, writeWhole } from './output/terminal.js';

export const watchOptions = {
  watch: flag('--watch', 'print it again every two seconds, until Ctrl-C; with --json one document a line'),
  interval: value('--interval <seconds>', 'with --watch: the time between', positiveSeconds),
} as const;

interface Watching {
  readonly watch: boolean | undefined;
  readonly interval: number | undefined;
  /** Enough after so many; undefined: never. */
  readonly times?: number | undefined;
}

export const DEFAULT_INTERVAL_S = 2;
/** Home, then clear what is below: nothing flickers, and what was there before stays above in the scrollback. */
const REDRAW = '\u001b[H\u001b[J';

/** Prints what `view` gives, once or as often as asked. On a screen each takes the place of the one before. */
export async function showView(
  { context, globals, signal }: Pick<CommandCall, 'context' | 'globals' | 'signal'>,
  { watch, interval = DEFAULT_INTERVAL_S, times = Number.POSITIVE_INFINITY }: Watching,
  view: () => Promise<string>,
): Promise<void> {
  const { stdout, clock, env } = context;
  // A single look is printed below what is there.
  const redraw = watch === true && times > 1 && globals.json !== true && isTerminal(stdout) && env['TERM'] !== 'dumb';
  for (let shown = 1; ; shown += 1) {
    const text = await view();
    await writeWhole(stdout, redraw ? `${REDRAW}${text}` : text);
    if (watch !== true || shown >= times || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(done, interval * 1000);
      function done(): void {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
    if (signal.aborted) return;
  }
}
