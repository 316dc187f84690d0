/**
 * The terminal: takes it over when the view begins, gives it back however the view ends, and draws only
 * lines that have changed. All that is known of escape sequences is here.
 */
import { emitKeypressEvents } from 'node:readline';
import type { CliContext, TerminalStream } from '../context.js';
import type { KeyPress } from './reduce.js';

/** The other screen, no cursor, no pasting as if it were typed; and all of it taken back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?2004h\u001b[2J';
const LEAVE = '\u001b[0m\u001b[?2004l\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[0m\u001b[2J';
/** An escape that nothing follows so long is the Esc key; over a slow line a sequence may come in pieces. */
const ESCAPE_MS = 100;
/** Until a stop signal of our own has arrived. */
const STOP_MS = 50;

const USUAL = { width: 80, height: 24 } as const;

type Keyboard = NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };

/** What Node tells of a key. */
interface NodeKey {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  readonly meta?: boolean;
}

export interface ScreenListener {
  key(key: KeyPress): void;
  /** Its size is another one, or somebody else has written on it: all is to be drawn again. */
  changed(): void;
  /** Nobody can type any more. */
  ended(): void;
}

/** Whether this is a terminal that can be drawn on and typed into. */
export function canDraw({ stdin, stdout, env }: Pick<CliContext, 'stdin' | 'stdout' | 'env'>): boolean {
  return stdout.isTTY === true && (stdin as Keyboard).isTTY === true && env['TERM'] !== 'dumb' && (env['TERM'] ?? '') !== '';
}

export class TerminalScreen {
  readonly #context: CliContext;
  readonly #keyboard: Keyboard;
  readonly #stdout: TerminalStream;
  readonly #listener: ScreenListener;
  #offs: (() => void)[] = [];
  #drawn: readonly string[] = [];
  #shown = false;
  #pasting = false;
  #closed = false;

  constructor(context: CliContext, listener: ScreenListener) {
    this.#context = context;
    this.#keyboard = context.stdin;
    this.#stdout = context.stdout;
    this.#listener = listener;
  }

  get size(): { readonly width: number; readonly height: number } {
    // Some terminals do not know, and say 0.
    return { width: this.#stdout.columns || USUAL.width, height: this.#stdout.rows || USUAL.height };
  }

  /** Takes the terminal; once. */
  open(): void {
    const [keyboard, stdout, context] = [this.#keyboard, this.#stdout, this.#context];
    const onKey = (text: string | undefined, key: NodeKey): void => this.#press(text, key);
    const onResize = (): void => this.#redraw();
    const onEnd = (): void => this.#listener.ended();
    emitKeypressEvents(keyboard, { escapeCodeTimeout: ESCAPE_MS } as unknown as Parameters<typeof emitKeypressEvents>[1]);
    keyboard.on('keypress', onKey);
    keyboard.on('end', onEnd);
    keyboard.on('error', onEnd);
    stdout.on('resize', onResize);
    this.#offs = [
      () => keyboard.off('keypress', onKey),
      () => keyboard.off('end', onEnd),
      () => stdout.off('resize', onResize),
      // A crash must not leave a terminal that shows nothing of what is typed.
      context.onExit(() => this.#giveBack()),
      context.onSignal('SIGCONT', () => this.#continued()),
    ];
    this.#watchStop();
    this.#take();
  }

  close(): void {
    this.#closed = true;
    this.#giveBack();
    this.#stopWatching();
    for (const off of this.#offs.splice(0)) off();
    this.#keyboard.pause();
  }

  draw(lines: readonly string[]): void {
    if (!this.#shown) return;
    let text = '';
    for (const [index, line] of lines.entries()) {
      // Cleared first: behind a line that is as wide as the screen it would take the last letter.
      if (line !== this.#drawn[index]) text += `\u001b[${index + 1};1H\u001b[0m\u001b[K${line}`;
    }
    this.#drawn = lines;
    if (text !== '') this.#stdout.write(text);
  }

  /** All of it anew, whatever may have been written over it. */
  refresh(): void {
    this.#redraw();
  }

  /** Ctrl-Z: the terminal is the shell's until we are continued. */
  suspend(): void {
    if (!this.#shown) return;
    this.#giveBack();
    this.#stopWatching();
    this.#context.suspend();
    // Runs when we are continued; at once where nobody could continue us and the stop was therefore not heeded.
    const { clock } = this.#context;
    clock.setTimeout(() => {
      if (this.#closed) return;
      this.#watchStop();
      this.#take();
      this.#listener.changed();
    }, STOP_MS);
  }

  #stopWatching: () => void = () => {};

  #watchStop(): void {
    this.#stopWatching = this.#context.onSignal('SIGTSTP', () => this.suspend());
  }

  #take(): void {
    this.#keyboard.setRawMode?.(true);
    this.#keyboard.resume();
    this.#stdout.write(ENTER);
    this.#drawn = [];
    this.#shown = true;
  }

  #giveBack(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#stdout.write(LEAVE);
    this.#keyboard.setRawMode?.(false);
  }

  /** Stopped from outside without a warning: the shell may have changed the terminal since. */
  #continued(): void {
    if (!this.#shown) return;
    this.#keyboard.setRawMode?.(false);
    this.#take();
    this.#listener.changed();
  }

  #redraw(): void {
    if (!this.#shown) return;
    this.#drawn = [];
    this.#stdout.write(CLEAR);
    this.#listener.changed();
  }

  #press(text: string | undefined, { name, sequence, ctrl = false, shift = false, meta = false }: NodeKey): void {
    if (name === 'paste-start' || name === 'paste-end') {
      this.#pasting = name === 'paste-start';
      return;
    }
    // Alt and a letter is no letter; the Esc key alone comes with meta, too.
    if (meta && name !== 'escape') return;
    const typed = text ?? (sequence !== undefined && [...sequence].length === 1 ? sequence : '');
    const printable = !ctrl && !/[\u0000-\u001f\u007f]/.test(typed) ? typed : '';
    this.#listener.key({ name: name === 'enter' ? 'return' : name, text: printable, ctrl, shift, pasted: this.#pasting });
  }
}
