/**
 * Everybody in this process who waits for a result: whom news of a task reaches, and when a wait is over.
 * How news comes is each backend's own: it is announced, looked for, or both.
 */
import { decodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { isReady } from '../protocol/states.js';
import type { WaitOptions } from '../result-backend.js';

export interface WaitsListener {
  /** Somebody waits now, perhaps not the first: to be told by {@link Waits.hear} also what is there already. */
  began(taskId: string): void;
  /** Nobody waits for it any more. */
  ended?(taskId: string): void;
}

interface Waiter {
  readonly onUpdate: WaitOptions['onUpdate'];
  readonly resolve: (meta: ResultMeta) => void;
  readonly reject: (error: unknown) => void;
  /** What it was last told: the same news twice is no news. */
  seen: string | undefined;
}

export class Waits {
  readonly #listener: WaitsListener;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(listener: WaitsListener) {
    this.#listener = listener;
  }

  /** How many tasks are waited for. */
  get size(): number {
    return this.#waiters.size;
  }

  get taskIds(): readonly string[] {
    return [...this.#waiters.keys()];
  }

  has(taskId: string): boolean {
    return this.#waiters.has(taskId);
  }

  /** As {@link ResultBackend.wait}. */
  wait(taskId: string, { signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const end = (): void => {
        signal?.removeEventListener('abort', abort);
        this.#remove(taskId, waiter);
      };
      const waiter: Waiter = {
        onUpdate,
        resolve: (meta) => {
          end();
          resolve(meta);
        },
        reject: (error) => {
          end();
          reject(error);
        },
        seen: undefined,
      };
      const abort = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      const others = this.#waiters.get(taskId) ?? new Set();
      this.#waiters.set(taskId, others.add(waiter));
      this.#listener.began(taskId);
    });
  }

  /** @param text - Tells one state from the next; a final one needs none. */
  hear(taskId: string, meta: ResultMeta, text: string): void {
    for (const waiter of this.#of(taskId)) {
      if (isReady(meta.status)) waiter.resolve(meta);
      else if (waiter.seen !== text) {
        waiter.seen = text;
        waiter.onUpdate?.(meta);
      }
    }
  }

  /** The same for a stored text. */
  hearText(taskId: string, text: string): void {
    if (!this.#of(taskId).some(({ seen }) => seen !== text)) return;
    try {
      this.hear(taskId, decodeResultMeta(text, taskId), text);
    } catch (error) {
      this.fail(taskId, error);
    }
  }

  fail(taskId: string, error: unknown): void {
    for (const waiter of this.#of(taskId)) waiter.reject(error);
  }

  failAll(error: unknown): void {
    for (const taskId of this.taskIds) this.fail(taskId, error);
  }

  /** A copy: each takes itself off the list. */
  #of(taskId: string): readonly Waiter[] {
    return [...(this.#waiters.get(taskId) ?? [])];
  }

  #remove(taskId: string, waiter: Waiter): void {
    const others = this.#waiters.get(taskId);
    if (others?.delete(waiter) !== true || others.size > 0) return;
    this.#waiters.delete(taskId);
    this.#listener.ended?.(taskId);
  }
}
