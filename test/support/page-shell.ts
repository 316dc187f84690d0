/** Types the command lines of a page: `ctq` is the real program, the servers of the page are the test's own. */
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { startCtq, washedEnvironment } from './ctq-process.js';
import { eventually } from './eventually.js';
import { type Fence, shellWords } from './markdown.js';
import type { OwnedProcess } from './owned-process.js';

export interface PageShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the page writes, and what stands for it here: hosts, ports, folders of somebody's machine. */
  readonly here: Readonly<Record<string, string>>;
  /** Lines whose exit code is another one than 0: the doctor finds something. */
  readonly codes?: Readonly<Record<string, number>>;
  /** Programs other than `ctq`, by their name. */
  readonly programs?: Readonly<Record<string, readonly string[]>>;
  /** Has something happen, for what only then says something. */
  readonly nudge?: () => Promise<unknown>;
}

/** What goes on until somebody ends it, and what it says when it works. */
const STAYS: readonly (readonly [RegExp, RegExp])[] = [
  // What goes into a file is not seen; the banner is.
  [/^worker\b.* -f /, /\[tasks\]/],
  [/^worker\b(?!.* -D\b)/, /ready\./],
  [/^beat\b(?!.*--next|.* (?:add|rm|list|pause|resume)\b)/, /beat: (?:Starting|Sending)/],
  [/^exporter\b/, /http:\/\//],
  [/^(?:top|events|queues\b.* --watch)\b(?!.*--once|.*--limit)/, /\w/],
];

const QUESTION = /^ctq (?:inspect|status|find|result|failed|doctor|keys|queues)\b(?!.*--watch)/;

export class PageShell {
  readonly #options: PageShellOptions;
  #staying: { readonly line: string; readonly process: OwnedProcess }[] = [];

  constructor(options: PageShellOptions) {
    this.#options = options;
  }

  /** All lines of a block, in order; what stays is ended, as one would with Ctrl-C, after the last. @returns How many were run. */
  async run(fence: Fence): Promise<number> {
    const left = fence.notRun.flatMap(({ lines }) => lines);
    const lines = fence.text
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.replace(/^\$ /, ''))
      .filter((line) => line.trim() !== '' && !line.startsWith('#') && !left.some((start) => line.startsWith(start)));
    await this.type(lines);
    return lines.length;
  }

  /** These lines, one after the other. */
  async type(lines: readonly string[]): Promise<void> {
    for (let at = 0; at < lines.length; ) {
      // Questions change nothing, and several may be asked at once.
      const together = lines.slice(at, at + 3).findIndex((line) => !QUESTION.test(line));
      const some = lines.slice(at, at + (together === -1 ? 3 : Math.max(1, together)));
      await Promise.all(some.map((line) => this.#line(line)));
      at += some.length;
    }
    await this.end();
  }

  async end(): Promise<void> {
    const staying = this.#staying;
    this.#staying = [];
    const endings = await Promise.all(
      staying.map(async ({ line, process }) => {
        const { code, signal } = await process.stop('SIGINT');
        return [line, signal, code === 130 ? 0 : code];
      }),
    );
    expect(endings).toEqual(staying.map(({ line }) => [line, null, 0]));
  }

  async #line(line: string): Promise<void> {
    const { cwd, env, codes = {}, programs = {} } = this.#options;
    // A remark behind a command may say `<id>`, which is no redirection.
    const typed = this.#atHome(line.replace(/\s+#\s.*$/, ''));
    const words = shellWords(typed);
    const own: Record<string, string> = {};
    for (let word = words[0] ?? ''; /^[A-Z_]+=/.test(word); word = words[0] ?? '') {
      own[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
      words.shift();
    }
    if (words[0] === 'npx') words.shift();
    const [program = '', ...args] = words;
    const stays = program === 'ctq' ? STAYS.find(([which]) => which.test(args.join(' ')))?.[1] : undefined;
    if (stays === undefined && /[|<>]/.test(typed.replaceAll(/"[^"]*"|'[^']*'|\s#.*$/g, ''))) {
      const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', typed], {
        cwd,
        env: washedEnvironment(env),
        encoding: 'utf8',
      });
      expect([line, status, stderr]).toEqual([line, 0, expect.not.stringMatching(/error|not found/)]);
      return;
    }
    if (program !== 'ctq') {
      const { status, stderr } = spawnSync(programs[program]?.[0] ?? program, [...(programs[program]?.slice(1) ?? []), ...args], {
        cwd,
        env: washedEnvironment({ ...env, ...own }),
        encoding: 'utf8',
      });
      expect([line, status, stderr]).toEqual([line, 0, '']);
      return;
    }
    const start = (): OwnedProcess => startCtq([...args, ...this.#extras(args)], { cwd, env: { ...env, ...own } });
    let process = start();
    if (stays !== undefined) {
      this.#staying.push({ line, process });
      const { nudge } = this.#options;
      if (nudge === undefined || args[0] !== 'events') await process.waitForOutput(stays);
      else
        await eventually(async () => {
          if (!stays.test(process.output)) await nudge();
          expect([line, process.output]).toEqual([line, expect.stringMatching(stays)]);
        });
      return;
    }
    let { code } = await process.waitForExit(30_000);
    // A worker that has just said that it is ready is so for probes a moment later.
    for (let again = 0; code === 69 && args.includes('--probe') && again < 20; again += 1) {
      process = start();
      ({ code } = await process.waitForExit(30_000));
    }
    const told = Object.entries(codes).find(([start]) => line.startsWith(start))?.[1] ?? 0;
    expect([line, code, process.stderr]).toEqual([line, told, expect.not.stringContaining('internal error')]);
  }

  /** Questions are answered; readiness is told of; more patience costs nothing, for all of them end when everybody has answered. */
  #extras([command = '', ...args]: readonly string[]): string[] {
    const has = (...names: string[]): boolean => names.some((name) => args.includes(name));
    if (command === 'purge' && !has('-f', '--force', '--dry-run', '--undo')) return ['-f'];
    if (command === 'failed' && args[0] === 'rm' && !has('-f', '--dry-run')) return ['-f'];
    if (command === 'retry' && has('--failed') && !has('-f', '--dry-run')) return ['-f'];
    if ((command === 'worker' || command === 'beat') && !has('-l', '--loglevel', '--next')) return ['-l', 'info'];
    if (command === 'exporter' && !has('--port')) return ['--port', '0'];
    return (command === 'inspect' || command === 'control' || command === 'status') && !has('-t', '--health') ? ['-t', '15'] : [];
  }

  #atHome(line: string): string {
    return Object.entries(this.#options.here).reduce((text, [there, here]) => text.replaceAll(there, here), line);
  }
}
