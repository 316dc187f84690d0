/** When the file of last runs is read and written: Celery's rhythm, by the caller's clock. */
import type { Logger } from '../logger.js';
import type { EntryState } from './schedule-entry.js';
import type { StateFile } from './schedule-store.js';

/** Celery's `sync_every`. */
const SYNC_EVERY_MS = 180_000;
/** Where the file is all there is, a kill loses what is not in it. */
const SYNC_ALONE_EVERY_MS = 1_000;

export interface RunFileOptions {
  readonly logger: Logger;
  /** The store keeps the runs, too. */
  readonly shared: boolean;
  /** `beatSyncEvery`: also after so many firings; 0 by time only. */
  readonly everyFirings: number;
  /** What the file says it was computed in. */
  readonly timezone: string;
}

export interface Remembered {
  readonly states: ReadonlyMap<string, EntryState>;
  readonly timezone: string | undefined;
}

export class RunFile {
  readonly #file: StateFile | undefined;
  readonly #options: RunFileOptions;
  #remembered: Remembered | undefined;
  #unsaved = 0;
  #savedAtMs = 0;

  /** @param file - undefined where none is kept: then nothing happens here. */
  constructor(file: StateFile | undefined, options: RunFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** What it holds, read once: later this process knows better. */
  async remembered(): Promise<Remembered> {
    this.#remembered ??= (await this.#file?.load()) ?? { states: new Map(), timezone: undefined };
    return this.#remembered;
  }

  /** So many more firings are to be remembered. */
  add(firings: number): void {
    this.#unsaved += firings;
  }

  async sync(states: () => ReadonlyMap<string, EntryState>, nowMs: number): Promise<void> {
    const { shared, everyFirings } = this.#options;
    const byCount = everyFirings > 0 && this.#unsaved >= everyFirings;
    const byTime = nowMs - this.#savedAtMs >= (shared ? SYNC_EVERY_MS : SYNC_ALONE_EVERY_MS);
    if (this.#unsaved > 0 && (byCount || byTime)) await this.save(states(), nowMs);
  }

  async save(states: ReadonlyMap<string, EntryState>, nowMs: number): Promise<void> {
    // Not before it was read: what it says counts until then.
    if (this.#file === undefined || this.#remembered === undefined) return;
    this.#options.logger.debug('beat: Synchronizing schedule...');
    this.#unsaved = 0;
    this.#savedAtMs = nowMs;
    await this.#file.save(states, this.#options.timezone);
  }
}
