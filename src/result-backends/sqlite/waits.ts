/**
 * Waits for results in an SQLite file. One look serves everybody who waits in this process; it is taken
 * when the bell rings, and rests for as long as it took, so that a thousand waiters beside a busy worker
 * cost a bounded share of the time.
 */
import { toResultBackendError } from '../../connections/sqlite/failure.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import type { WaitOptions } from '../../result-backend.js';
import { Waits } from '../waits.js';
import { loadResult } from './rows.js';

const LONGEST_REST_MS = 50;

export class SqliteWaits {
  readonly #file: SqliteStore;
  readonly #waits = new Waits({ began: () => this.#began(), ended: () => this.#ended() });
  #stopListening: (() => void) | undefined;
  #looking = false;
  #wanted = false;

  constructor(file: SqliteStore) {
    this.#file = file;
  }

  wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    return this.#waits.wait(taskId, options);
  }

  /** Ends all waits. */
  close(error: Error): void {
    this.#waits.failAll(error);
  }

  #began(): void {
    // First listen, then look: nothing falls between.
    this.#stopListening ??= this.#file.listen({ changed: () => this.#look(), replaced: () => this.#look() });
    this.#look();
  }

  #ended(): void {
    if (this.#waits.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #look(): void {
    this.#wanted = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileWanted().finally(() => {
      this.#looking = false;
      if (this.#wanted && this.#waits.size > 0) this.#look();
    });
  }

  async #lookWhileWanted(): Promise<void> {
    // Waiters that come in one tick share a look.
    await undefined;
    while (this.#wanted && this.#waits.size > 0) {
      this.#wanted = false;
      const startMs = performance.now();
      try {
        await this.#lookOnce();
      } catch (error) {
        this.#waits.failAll(toResultBackendError(error, this.#file.path));
        return;
      }
      const tookMs = performance.now() - startMs;
      if (tookMs > 1) await new Promise((resolve) => setTimeout(resolve, Math.min(tookMs, LONGEST_REST_MS)));
    }
  }

  async #lookOnce(): Promise<void> {
    const nowMs = Date.now();
    const { taskIds } = this.#waits;
    const texts = await this.#file.read((db) => taskIds.map((taskId) => loadResult(db, taskId, nowMs)));
    taskIds.forEach((taskId, index) => {
      const text = texts[index];
      if (text !== undefined) this.#waits.hearText(taskId, text);
    });
  }
}
