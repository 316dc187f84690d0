/** The world a command runs in, handed to `main`, so that a test can build one of its own. */
import { hostname } from 'node:os';
import { type Clock, systemClock } from '../clock.js';
import type { Environment } from '../config/resolve.js';
import type { Ctq } from '../ctq.js';

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
/** What a shell's job control sends to whoever uses its screen. */
export type JobSignal = 'SIGTSTP' | 'SIGCONT';

/** A stream that may be a terminal. */
export type TerminalStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export interface CliContext {
  readonly stdin: NodeJS.ReadableStream;
  /** Results and data. */
  readonly stdout: TerminalStream;
  /** Everything for people. */
  readonly stderr: TerminalStream;
  readonly env: Environment;
  readonly cwd: string;
  readonly hostname: string;
  readonly pid: number;
  readonly clock: Clock;
  /** Calls back whenever the signal comes, until the returned function is called. */
  onSignal(signal: StopSignal | JobSignal, handler: () => void): () => void;
  /**
   * Calls back, synchronously, when the process ends in whatever way lets it say a last word, before what a crash has to say;
   * until the returned function is called. May call twice.
   */
  onExit(handler: () => void): () => void;
  /** Stops this process and whoever started it in the same foreground group (npx), until the shell continues them: as Ctrl-Z does. */
  suspend(): void;
  changeFolder(path: string): void;
  /** An app without a module behind it, to send and to ask with. */
  openApp(): Promise<Ctq>;
}

/** The real world. */
export function processContext(): CliContext {
  return {
    // Made when asked for: Node sets up each stream on first use, and few commands use all three.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return heard(process.stderr);
    },
    env: process.env,
    cwd: process.cwd(),
    hostname: hostname(),
    pid: process.pid,
    clock: systemClock,
    onSignal(signal, handler) {
      process.on(signal, handler);
      return () => process.off(signal, handler);
    },
    onExit(handler) {
      process.on('uncaughtExceptionMonitor', handler).on('exit', handler);
      return () => process.off('uncaughtExceptionMonitor', handler).off('exit', handler);
    },
    suspend: () => process.kill(0, 'SIGTSTP'),
    changeFolder: (path) => process.chdir(path),
    openApp: async () => new (await import('../ctq.js')).Ctq('ctq'),
  };
}

const heardStreams = new WeakSet<TerminalStream>();

/** Nobody reads stderr any more: then there is nothing to say to anybody, and no reason to end with an error. */
function heard(stream: TerminalStream): TerminalStream {
  if (!heardStreams.has(stream)) stream.on('error', () => {});
  heardStreams.add(stream);
  return stream;
}
