/** A program on a real pseudo-terminal: keys are typed, and the screen is read as a person would see it. */
import { join } from 'node:path';
import { constants } from 'node:os';
import xterm from '@xterm/headless';
import { projectRoot, washedEnvironment } from './ctq-process.js';
import { eventually } from './eventually.js';
import { OwnedProcess } from './owned-process.js';
import { findCeleryPython } from './python-celery.js';

export interface TerminalOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How it ended, and how it left the terminal. */
export interface TerminalEnding {
  readonly exit: number | null;
  readonly signal: number | null;
  /** Does it echo what is typed, and hand over whole lines, as a shell expects? */
  readonly tty: { readonly echo: boolean; readonly lines: boolean };
}

export class TestTerminal {
  readonly #process: OwnedProcess;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  #read = 0;

  constructor(argv: readonly string[], { rows = 24, columns = 80, env = {}, cwd = projectRoot }: TerminalOptions) {
    this.#screen = new xterm.Terminal({ rows, cols: columns, allowProposedApi: true });
    const python = findCeleryPython() ?? 'python3';
    this.#process = new OwnedProcess(
      python,
      [join(projectRoot, 'test', 'support', 'python', 'terminal.py'), String(rows), String(columns), ...argv],
      { cwd, env: washedEnvironment({ TERM: 'xterm-256color', ...env }), input: 'open' },
    );
  }

  type(keys: string): void {
    this.#order({ keys });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.screen();
    this.#screen.resize(columns, rows);
    this.#order({ size: [rows, columns] });
  }

  /** To all of its foreground group, as a shell sends them. */
  async signal(name: keyof typeof constants.signals): Promise<void> {
    this.#order({ signal: constants.signals[name], pid: await this.pid() });
  }

  /** The window is closed. */
  hangUp(): void {
    this.#order({ hangup: true });
  }

  async pid(): Promise<number> {
    return Number((await this.#process.waitForOutput(/\{"pid": (\d+)\}/))[1]);
  }

  /** What stands on the screen, line by line, without spaces at the ends. */
  async screen(): Promise<string> {
    const news = this.#process.stdout.slice(this.#read);
    this.#read += news.length;
    await new Promise<void>((resolve) => this.#screen.write(news, resolve));
    const { active } = this.#screen.buffer;
    const lines = Array.from(
      { length: this.#screen.rows },
      (_, index) => active.getLine(active.baseY + index)?.translateToString(true) ?? '',
    );
    return lines.map((line) => line.trimEnd()).join('\n');
  }

  get isAlternate(): boolean {
    return this.#screen.buffer.active.type === 'alternate';
  }

  /** Everything that was ever written, escape sequences and all. */
  get written(): string {
    return this.#process.stdout;
  }

  /** Resolves with the screen as soon as it shows this. */
  async shows(pattern: RegExp, timeoutMs = 20_000): Promise<string> {
    return eventually(
      async () => {
        const screen = await this.screen();
        if (!pattern.test(screen)) throw new Error(`the screen does not show ${pattern}:\n${screen}\n${this.#process.stderr}`);
        return screen;
      },
      { timeoutMs },
    );
  }

  /** How often it has been stopped so far. */
  get stops(): number {
    return this.#process.stderr.match(/"stopped"/g)?.length ?? 0;
  }

  /** What the terminal is like when it is stopped once more. */
  async stopped(before: number): Promise<TerminalEnding['tty']> {
    return eventually(() => {
      const documents = this.#process.stderr.match(/\{"stopped".*\}\}/g) ?? [];
      const next = documents[before];
      if (next === undefined) throw new Error(`it was not stopped:\n${this.#process.stderr}`);
      return (JSON.parse(next) as Pick<TerminalEnding, 'tty'>).tty;
    });
  }

  async ended(): Promise<TerminalEnding> {
    const [document] = await this.#process.waitForOutput(/\{"exit": .*\}\}/);
    // The last of what it wrote may still be on its way.
    await this.#process.waitForExit();
    await this.screen();
    return JSON.parse(document) as TerminalEnding;
  }

  #order(order: Readonly<Record<string, unknown>>): void {
    this.#process.write(`${JSON.stringify(order)}\n`);
  }
}

/** Starts `ctq` on a terminal of its own. */
export function ctqOnTerminal(argv: readonly string[], options: TerminalOptions = {}): TestTerminal {
  return new TestTerminal([process.execPath, join(projectRoot, 'bin', 'ctq.js'), ...argv], options);
}
