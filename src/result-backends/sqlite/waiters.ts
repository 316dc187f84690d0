/**
 * Everybody in this process who waits for a result. One look serves them all; it is taken when the
 * bell rings, and rests for as long as it took, so that a thousand waiters beside a busy worker cost
 * a bounded share of the time.
 */
import { toResultBackendError } from '../../connections/sqlite/failure.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import { decodeResultMeta, type ResultMeta } from '../../protocol/result-meta.js';
import { READY_STATES } from '../../protocol/states.js';
import type { WaitOptions } from '../../result-backend.js';
import { loadResult } from './rows.js';

const LONGEST_REST_MS = 50;

interface Waiter {
  readonly taskId: string;
  readonly onUpdate: WaitOptions['onUpdate'];
  /** What was last reported, so that one state is one report. */
  seen: string | undefined;
  resolve(meta: ResultMeta): void;
  reject(error: unknown): void;
}

export class ResultWaiters {
  readonly #file: SqliteStore;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #stopListening: (() => void) | undefined;
  #looking = false;
  #wanted = false;

  constructor(file: SqliteStore) {
    this.#file = file;
  }

  wait(taskId: string, { signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        signal?.removeEventListener('abort', abort);
        this.#remove(waiter);
      };
      const waiter: Waiter = {
        taskId,
        onUpdate,
        seen: undefined,
        resolve: (meta) => {
          end();
          resolve(meta);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      const abort = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      this.#add(waiter);
    });
  }

  close(error: Error): void {
    this.#rejectAll(error);
  }

  #add(waiter: Waiter): void {
    const others = this.#waiters.get(waiter.taskId) ?? new Set();
    this.#waiters.set(waiter.taskId, others.add(waiter));
    // First listen, then look: nothing falls between.
    this.#stopListening ??= this.#file.listen({ changed: () => this.#look(), replaced: () => this.#look() });
    this.#look();
  }

  #remove(waiter: Waiter): void {
    const others = this.#waiters.get(waiter.taskId);
    if (others?.delete(waiter) !== true) return;
    if (others.size === 0) this.#waiters.delete(waiter.taskId);
    if (this.#waiters.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #rejectAll(error: Error): void {
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.reject(error);
  }

  #look(): void {
    this.#wanted = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileWanted().finally(() => {
      this.#looking = false;
      if (this.#wanted && this.#waiters.size > 0) this.#look();
    });
  }

  async #lookWhileWanted(): Promise<void> {
    // Waiters that come in one tick share a look.
    await undefined;
    while (this.#wanted && this.#waiters.size > 0) {
      this.#wanted = false;
      const startMs = performance.now();
      try {
        await this.#lookOnce();
      } catch (error) {
        this.#rejectAll(toResultBackendError(error, this.#file.path));
        return;
      }
      const tookMs = performance.now() - startMs;
      if (tookMs > 1) await new Promise((resolve) => setTimeout(resolve, Math.min(tookMs, LONGEST_REST_MS)));
    }
  }

  async #lookOnce(): Promise<void> {
    const nowMs = Date.now();
    const taskIds = [...this.#waiters.keys()];
    const texts = await this.#file.read((db) => taskIds.map((taskId) => loadResult(db, taskId, nowMs)));
    taskIds.forEach((taskId, index) => {
      const text = texts[index];
      if (text !== undefined) for (const waiter of [...(this.#waiters.get(taskId) ?? [])]) tell(waiter, text);
    });
  }
}

function tell(waiter: Waiter, text: string): void {
  if (text === waiter.seen) return;
  waiter.seen = text;
  try {
    const meta = decodeResultMeta(text, waiter.taskId);
    if (READY_STATES.has(meta.status)) waiter.resolve(meta);
    else waiter.onUpdate?.(meta);
  } catch (error) {
    waiter.reject(error);
  }
}
