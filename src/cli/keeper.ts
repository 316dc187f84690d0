/**
 * The process in front of a worker that is started again: after HUP, which Celery answers by replacing itself
 * (WIRE 16.5), and by `--watch`. Node 20 has no exec(), so the first process stays: a supervisor knows its pid,
 * its signals go on to the worker behind it, and it ends as that one ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { CliContext, StopSignal } from './context.js';
import { EXIT } from './exit-codes.js';

/** Tells a worker that it has a keeper. */
const MARK = 'CTQ_KEPT';
/** Editors write a file in several steps, and several files at once. */
const SETTLE_MS = 150;
/** A changed module is wanted now: what runs on longer than this goes back to its queue. */
const PATIENCE_MS = 5_000;

const FORWARDED: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

/** What a worker tells its keeper: start me again, and what I am made of. */
type Word = { readonly again: true } | { readonly files: readonly string[] };

export function isKept({ env }: Pick<CliContext, 'env'>): boolean {
  return env[MARK] === '1';
}

export function tellKeeper(word: Word): void {
  if (process.connected) process.send?.(word);
}

/** A worker whose keeper was killed has nobody left who would stop it. */
export function onKeeperGone(stop: () => void): void {
  process.once('disconnect', stop);
}

export interface KeeperOptions {
  /** More for the environment of each worker. */
  readonly env: Readonly<Record<string, string>>;
  /** Start it again when one of its modules changes. */
  readonly watch: 'changes' | 'nothing';
  readonly notice: (text: string) => void;
}

/** Runs this command line again and again for as long as that asks for it. Resolves with the last exit code. */
export async function keep(context: CliContext, { env, watch: what, notice }: KeeperOptions): Promise<number> {
  let child: ChildProcess | undefined;
  let stopped = false;
  const offs = FORWARDED.map((signal) =>
    context.onSignal(signal, () => {
      if (signal !== 'SIGUSR1' && signal !== 'SIGUSR2' && signal !== 'SIGHUP') {
        stopped = true;
        changes.cancel();
      }
      child?.kill(signal);
    }),
  );
  const changes = new Changes(context);
  try {
    for (;;) {
      let again = false;
      child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        cwd: context.cwd,
        // systemd's watchdog looks at this process; the worker behind it is the one to feed it.
        env: { ...context.env, ...env, [MARK]: '1', WATCHDOG_PID: '' },
        // A session of its own: a terminal's Ctrl+C comes to us, and from us, once.
        detached: true,
        stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      });
      child.on('message', (word: Word) => {
        if ('again' in word) again = true;
        else if (what === 'changes') changes.of(word.files);
      });
      const running = child;
      const exited = new Promise<number>((resolve, reject) => {
        running.once('error', reject);
        running.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : EXIT.internal)));
      });
      const changed = await Promise.race([exited.then(() => undefined), changes.next()]);
      if (changed !== undefined) {
        notice(`worker: ${changed} has changed: starting again`);
        running.kill('SIGTERM');
        const patience = context.clock.setTimeout(() => running.kill('SIGQUIT'), PATIENCE_MS);
        await exited;
        patience.cancel();
        again = true;
      }
      const code = await exited;
      if (stopped) return code;
      if (again) continue;
      // A module that does not load is about to be mended.
      if (what === 'nothing' || code === EXIT.ok || !changes.watching) return code;
      const mended = await changes.next();
      if (mended === undefined) return code;
      notice(`worker: ${mended} has changed: starting again`);
    }
  } finally {
    changes.close();
    for (const off of offs) off();
  }
}

/** Looks at files by their folders: what an editor renames into place is another file of the same name. */
class Changes {
  readonly #context: Pick<CliContext, 'clock'>;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #times = new Map<string, number>();
  #waiting: ((file: string | undefined) => void)[] = [];
  #timer: { cancel(): void } | undefined;
  #cancelled = false;

  constructor(context: Pick<CliContext, 'clock'>) {
    this.#context = context;
  }

  get watching(): boolean {
    return this.#times.size > 0 && !this.#cancelled;
  }

  of(files: readonly string[]): void {
    this.#times.clear();
    for (const file of files) this.#times.set(file, modified(file));
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (this.#watchers.has(folder)) continue;
      const watcher = watch(folder, { persistent: true }, () => this.#lookSoon());
      watcher.on('error', () => {}); // The folder went away; so did what was in it.
      this.#watchers.set(folder, watcher);
    }
  }

  /** The next file that changes; undefined when nobody waits for it any more. */
  next(): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (this.#cancelled) resolve(undefined);
      else this.#waiting = [resolve];
      this.#lookSoon();
    });
  }

  cancel(): void {
    this.#cancelled = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #lookSoon(): void {
    this.#timer?.cancel();
    this.#timer = this.#context.clock.setTimeout(() => this.#look(), SETTLE_MS);
  }

  #look(): void {
    for (const [file, before] of this.#times) {
      const now = modified(file);
      if (now === before || this.#waiting.length === 0) continue;
      this.#times.set(file, now);
      for (const resolve of this.#waiting.splice(0)) resolve(file);
      return;
    }
  }
}

/** 0 for what is not there. */
function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
