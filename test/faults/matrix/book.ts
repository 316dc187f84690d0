/** What was sent, what began and what ended, read from the lines that tasks leave in the folder of the book. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

interface Run {
  begun: number;
  ended: number;
  /** Ended with what it should not have had. */
  wrong: number;
  firstBegunMs: number;
  lastBegunMs: number;
  lastEndedMs: number;
  lastPid: number;
}

export interface Tally {
  readonly sent: number;
  readonly executed: number;
  readonly missing: readonly string[];
  /** Ended more than once. */
  readonly repeated: readonly string[];
  /** Begun more than once. */
  readonly begunTwice: readonly string[];
  readonly wrong: number;
}

export class Book {
  readonly folder: string;
  readonly #sent = new Set<string>();
  readonly #runs = new Map<string, Run>();
  readonly #read = new Map<string, { offset: number; rest: string }>();

  constructor(folder: string) {
    this.folder = folder;
  }

  sent(name: string): void {
    this.#sent.add(name);
  }

  /** It was not sent after all. */
  unsent(name: string): void {
    this.#sent.delete(name);
  }

  get size(): number {
    return this.#sent.size;
  }

  run(name: string): Readonly<Run> | undefined {
    this.#look();
    return this.#runs.get(name);
  }

  begun(name: string): number {
    return this.run(name)?.begun ?? 0;
  }

  ended(name: string): number {
    return this.run(name)?.ended ?? 0;
  }

  /** What has begun and not ended, among what was sent. */
  running(): readonly string[] {
    this.#look();
    return [...this.#runs].filter(([name, run]) => this.#sent.has(name) && run.ended === 0).map(([name]) => name);
  }

  /** How many of what was sent have ended. */
  executed(): number {
    this.#look();
    let count = 0;
    for (const name of this.#sent) if ((this.#runs.get(name)?.ended ?? 0) > 0) count += 1;
    return count;
  }

  /** The first begin or end after a moment, of anything; undefined when there was none. */
  firstBegunAfter(ms: number): number | undefined {
    this.#look();
    const later = [...this.#runs.values()].map(({ lastBegunMs }) => lastBegunMs).filter((at) => at >= ms);
    return later.length === 0 ? undefined : Math.min(...later);
  }

  tally(): Tally {
    this.#look();
    const missing: string[] = [];
    const repeated: string[] = [];
    const begunTwice: string[] = [];
    let wrong = 0;
    for (const name of this.#sent) {
      const run = this.#runs.get(name);
      wrong += run?.wrong ?? 0;
      if (run === undefined || run.ended === 0) missing.push(name);
      else if (run.ended > 1) repeated.push(name);
      if (run !== undefined && run.begun > 1) begunTwice.push(name);
    }
    return { sent: this.#sent.size, executed: this.#sent.size - missing.length, missing, repeated, begunTwice, wrong };
  }

  #look(): void {
    for (const file of readdirSync(this.folder)) if (file.endsWith('.book')) this.#readMore(file);
  }

  #readMore(file: string): void {
    const state = this.#read.get(file) ?? { offset: 0, rest: '' };
    this.#read.set(file, state);
    const handle = openSync(join(this.folder, file), 'r');
    try {
      const length = fstatSync(handle).size - state.offset;
      if (length <= 0) return;
      const bytes = Buffer.alloc(length);
      state.offset += readSync(handle, bytes, 0, length, state.offset);
      const lines = (state.rest + bytes.toString('utf8')).split('\n');
      state.rest = lines.pop() ?? '';
      for (const line of lines) this.#note(line);
    } finally {
      closeSync(handle);
    }
  }

  #note(line: string): void {
    const [sign, name = '', at, pid] = line.split(' ');
    let run = this.#runs.get(name);
    if (run === undefined) {
      run = { begun: 0, ended: 0, wrong: 0, firstBegunMs: 0, lastBegunMs: 0, lastEndedMs: 0, lastPid: 0 };
      this.#runs.set(name, run);
    }
    const atMs = Number(at);
    if (sign === 'b') {
      run.begun += 1;
      run.firstBegunMs ||= atMs;
      run.lastBegunMs = Math.max(run.lastBegunMs, atMs);
      run.lastPid = Number(pid);
    } else {
      if (sign === 'w') run.wrong += 1;
      run.ended += 1;
      run.lastEndedMs = Math.max(run.lastEndedMs, atMs);
    }
  }
}
