/**
 * Something that moves while a command waits: on a terminal only, and only when the wait is long
 * enough to be felt. Until then nothing is loaded.
 */
import type { CliContext } from '../context.js';
import { isTerminal, wantsColour } from './terminal.js';

const PATIENCE_MS = 150;
/** A log is read afterwards: who looks into it wants to see that it went on. */
const LINE_EVERY_MS = 5_000;

export interface Spinner {
  /** Says something else from now on. */
  say(text: string): void;
  /** A line that stays, above what moves; written where nothing moves, too. */
  note(text: string): void;
  /** Clears the line. */
  stop(): void;
}

export interface SpinnerSetting {
  readonly quiet: boolean | undefined;
  readonly noColor: boolean | undefined;
  /** Where no terminal is: the words as a line now and then, for work that may take minutes. Default: nothing. */
  readonly elsewhere?: 'lines';
}

export function startSpinner(context: CliContext, text: string, setting: SpinnerSetting): Spinner {
  if (setting.elsewhere === 'lines' && setting.quiet !== true && !isTerminal(context.stderr)) return plainLines(context);
  // A terminal that does not know its width (`script`, some containers) says 0, and ora would clear lines without end.
  if (setting.quiet === true || !isTerminal(context.stderr) || context.stderr.columns === 0) return plainNotes(context);
  let words = text;
  let stopped = false;
  let shown: { text: string; start(): unknown; stop(): unknown } | undefined;
  const show = async (): Promise<void> => {
    const { default: ora } = await import('ora');
    if (stopped) return;
    const colour = wantsColour(context.stderr, context.env, setting.noColor) ? 'cyan' : false;
    // Standard input stays alone: ora would put it in raw mode, and the tasks may come from there. Whether the stream is a
    // terminal was asked above; ora would also ask process.env.CI, which is not the world we were given.
    shown = ora({ text: words, stream: context.stderr, color: colour, discardStdin: false, isEnabled: true }).start();
  };
  const timer = context.clock.setTimeout(() => void show().catch(() => {}), PATIENCE_MS).unref();
  return {
    say(next) {
      words = next;
      if (shown !== undefined) shown.text = next;
    },
    note(text) {
      shown?.stop();
      context.stderr.write(`${text}\n`);
      if (!stopped) shown?.start();
    },
    stop() {
      stopped = true;
      timer.cancel();
      shown?.stop();
    },
  };
}

function plainNotes({ stderr }: CliContext): Spinner {
  return { say() {}, note: (text) => void stderr.write(`${text}\n`), stop() {} };
}

function plainLines(context: CliContext): Spinner {
  const { stderr, clock } = context;
  let toldAtMs = clock.monotonicMs();
  return {
    ...plainNotes(context),
    say(text) {
      const nowMs = clock.monotonicMs();
      if (nowMs - toldAtMs < LINE_EVERY_MS) return;
      toldAtMs = nowMs;
      stderr.write(`ctq: ${text}\n`);
    },
  };
}
