/** A world for `main()`: streams that are read afterwards, a terminal or not, and signals on demand. */
import { Readable, Writable } from 'node:stream';
import { systemClock } from '../../src/clock.js';
import type { CliContext, JobSignal, StopSignal, TerminalStream } from '../../src/cli/context.js';
import { Ctq } from '../../src/ctq.js';

export class FakeStream extends Writable implements TerminalStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  #heard: (() => void)[] = [];

  constructor(isTTY: boolean, columns = 100) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: string | Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    done();
    for (const look of [...this.#heard]) look();
  }

  /** Resolves when the text matches. */
  waitFor(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(this.text)) return;
        this.#heard = this.#heard.filter((one) => one !== look);
        resolve();
      };
      this.#heard.push(look);
      look();
    });
  }

  // What a spinner asks of a terminal.
  getColorDepth(): number {
    return 4;
  }
  hasColors(): boolean {
    return true;
  }
  cursorTo(): boolean {
    return this.write('\u001b[G');
  }
  clearLine(): boolean {
    return this.write('\u001b[2K');
  }
  moveCursor(): boolean {
    return true;
  }
}

export interface FakeContext extends CliContext {
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  /** Sends a signal to the command; false when nobody listens for it. */
  signal(name: StopSignal | JobSignal): boolean;
}

export interface FakeWorld {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** Of the terminal; default 100. */
  readonly columns?: number;
  readonly input?: string | readonly string[];
}

export function fakeContext(world: FakeWorld): FakeContext {
  const terminal = world.terminal === true;
  const handlers = new Map<StopSignal | JobSignal, Set<() => void>>();
  const input = typeof world.input === 'string' ? [world.input] : (world.input ?? []);
  return {
    stdin: Readable.from(input.map((part) => Buffer.from(part))),
    stdout: new FakeStream(terminal, world.columns),
    stderr: new FakeStream(terminal, world.columns),
    // As test/support/ctq-process.ts: who tests as root means it.
    env: { CTQ_ALLOW_ROOT: '1', ...world.env },
    cwd: world.cwd,
    hostname: 'test.example.org',
    pid: process.pid,
    clock: systemClock,
    onSignal(name, handler) {
      const set = handlers.get(name) ?? new Set();
      handlers.set(name, set.add(handler));
      return () => set.delete(handler);
    },
    onExit: () => () => {},
    suspend() {},
    // The folder is only told; the process of the tests stays where it is.
    changeFolder() {},
    openApp: async () => new Ctq('ctq'),
    signal(name) {
      const set = handlers.get(name) ?? new Set();
      for (const handler of set) handler();
      return set.size > 0;
    },
  };
}
