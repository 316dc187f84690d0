/**
 * A process that belongs to a test: it leads a process group of its own, its output is kept, and it
 * does not outlive the test file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { atExit, killWhenWeDie } from './cleanup.js';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface OwnedProcessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which is then closed; without it the input is empty. `'open'` keeps it open for `write`. */
  readonly input?: string | Uint8Array | 'open';
}

/** No test reads more than this; a process in a log loop must not take the memory. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

export class OwnedProcess {
  readonly pid: number;
  /** Settles when the process is gone and its output is complete. */
  readonly exited: Promise<Ending>;
  stdout = '';
  stderr = '';
  /** Both streams in order of arrival. */
  output = '';
  ending: Ending | undefined;
  readonly #child: ChildProcess;
  readonly #commandLine: string;
  readonly #onOutput = new Set<() => void>();

  constructor(command: string, args: readonly string[], options: OwnedProcessOptions = {}) {
    this.#commandLine = [command, ...args].join(' ');
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = this.#child.pid ?? -1;
    killWhenWeDie(this.#child);
    atExit(() => this.killGroup());
    this.#collect('stdout');
    this.#collect('stderr');
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.ending = { code, signal };
        resolve(this.ending);
        this.#announce();
      });
    });
    this.exited.catch(() => this.#announce());
    this.#child.stdin?.on('error', () => {}); // It may end without reading: that is the test's to judge.
    if (options.input !== undefined && options.input !== 'open') {
      this.#child.stdin?.end(options.input);
    }
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Closes our end of its standard output, as `| head` does. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  /** Sends a signal to the process alone, not to its children. */
  signal(signal: NodeJS.Signals): void {
    if (this.pid > 0 && this.ending === undefined) this.#child.kill(signal);
  }

  /** SIGKILL to it and all its descendants in the group; waits until it is gone. */
  async kill(): Promise<Ending> {
    this.killGroup();
    return await this.exited;
  }

  /** Signals and waits for the end; SIGKILL and an error when that takes too long. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 20_000): Promise<Ending> {
    this.signal(signal);
    return await this.waitForExit(timeoutMs);
  }

  /** Throws, with the output, when the process is still there after the time; it is killed then. */
  async waitForExit(timeoutMs = 20_000): Promise<Ending> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const ending = await Promise.race([this.exited, tooLate]);
    clearTimeout(timer);
    if (ending !== 'late') return ending;
    this.killGroup();
    throw new Error(this.#report(`did not end within ${timeoutMs} ms`));
  }

  /**
   * Resolves when the output (both streams) matches; also when it did before the call.
   *
   * @param from - Where in `output` to begin, for "once more": pass an earlier `output.length`.
   */
  async waitForOutput(pattern: RegExp, timeoutMs = 20_000, from = 0): Promise<RegExpExecArray> {
    const search = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    return await new Promise((resolve, reject) => {
      const look = (): void => {
        const match = search.exec(this.output.slice(from));
        if (match !== null) finish(() => resolve(match));
        else if (this.ending !== undefined || this.pid < 0)
          finish(() => reject(new Error(this.#report(`ended without saying ${pattern}`))));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(this.#report(`did not say ${pattern} within ${timeoutMs} ms`)))),
        timeoutMs,
      );
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#onOutput.delete(look);
        settle();
      };
      this.#onOutput.add(look);
      look();
    });
  }

  /** SIGKILL to the group, without waiting. */
  killGroup(): void {
    if (this.pid < 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nobody left.
    }
  }

  #collect(name: 'stdout' | 'stderr'): void {
    const stream = this.#child[name];
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      if (this.output.length > OUTPUT_LIMIT) return;
      this[name] += text;
      this.output += text;
      this.#announce();
    });
    stream?.on('error', () => {});
  }

  #announce(): void {
    for (const look of [...this.#onOutput]) look();
  }

  #report(problem: string): string {
    const ending = this.ending === undefined ? '' : ` (exit code ${this.ending.code}, signal ${this.ending.signal})`;
    return `${this.#commandLine} ${problem}${ending}; its output:\n${this.output.slice(-8000)}`;
  }
}
