/** `memory://`: results inside this process. Clients that open the same URL share them. */
import { type Clock, systemClock } from '../clock.js';
import { ResultBackendError } from '../errors.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { READY_STATES } from '../protocol/states.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { MemoryChords } from './memory-chords.js';

interface Kept {
  readonly meta: ResultMeta;
  /** Infinity keeps it for ever. */
  readonly expiresAtMs: number;
}

type Listener = (meta: ResultMeta) => void;

/** Expired results are looked for after this many stores, so that a long-lived process does not keep them all. */
const SWEEP_EVERY = 1_000;

class MemoryResults {
  readonly chords = new MemoryChords();
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #storesUntilSweep = SWEEP_EVERY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  store(meta: ResultMeta, expiresInMs: number): void {
    this.#sweepNowAndThen();
    if (this.load(meta.taskId)?.status === 'SUCCESS') return;
    this.#kept.set(meta.taskId, { meta, expiresAtMs: this.#clock.nowMs() + expiresInMs });
    for (const listener of [...(this.#listeners.get(meta.taskId) ?? [])]) listener(meta);
  }

  load(taskId: string): ResultMeta | undefined {
    const kept = this.#kept.get(taskId);
    return kept !== undefined && kept.expiresAtMs > this.#clock.nowMs() ? kept.meta : undefined;
  }

  forget(taskId: string): void {
    this.#kept.delete(taskId);
  }

  /** Calls back at each store; returns how to stop that. */
  listen(taskId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(taskId) ?? new Set();
    this.#listeners.set(taskId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(taskId);
    };
  }

  #sweepNowAndThen(): void {
    this.#storesUntilSweep -= 1;
    if (this.#storesUntilSweep > 0) return;
    this.#storesUntilSweep = SWEEP_EVERY;
    const now = this.#clock.nowMs();
    for (const [taskId, { expiresAtMs }] of this.#kept) if (expiresAtMs <= now) this.#kept.delete(taskId);
  }
}

const stores = new Map<string, MemoryResults>();

export async function openMemoryResultBackend(url: string, options: Pick<ResultBackendOptions, 'resultExpires'>): Promise<ResultBackend> {
  const results = stores.get(url) ?? new MemoryResults(systemClock);
  stores.set(url, results);
  return new MemoryResultBackend(url, results, options.resultExpires ? options.resultExpires * 1_000 : Number.POSITIVE_INFINITY);
}

class MemoryResultBackend implements ResultBackend {
  readonly displayUrl: string;
  readonly chords: MemoryChords;
  readonly #results: MemoryResults;
  readonly #expiresInMs: number;
  /** How to end each wait that is under way. */
  readonly #waits = new Set<(error: ResultBackendError) => void>();
  #closed = false;

  constructor(url: string, results: MemoryResults, expiresInMs: number) {
    this.displayUrl = url;
    this.#results = results;
    this.chords = results.chords;
    this.#expiresInMs = expiresInMs;
  }

  /** Through text and back, as with a server: what cannot be written is refused, and nobody shares an object with the task. */
  async store(meta: ResultMeta): Promise<void> {
    this.#assertOpen();
    this.#results.store(decodeResultMeta(encodeResultMeta(meta), meta.taskId), this.#expiresInMs);
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    this.#assertOpen();
    return this.#results.load(taskId);
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#assertOpen();
    return taskIds.map((taskId) => this.#results.load(taskId));
  }

  async wait(taskId: string, { signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    this.#assertOpen();
    signal?.throwIfAborted();
    const there = this.#results.load(taskId);
    if (there !== undefined && READY_STATES.has(there.status)) return there;
    if (there !== undefined) onUpdate?.(there);
    return new Promise((resolve, reject) => {
      // Somebody awaits this: the process has a reason to live, as with a socket to a server.
      const aliveTimer = setInterval(() => {}, 2 ** 30);
      const end = (): void => {
        clearInterval(aliveTimer);
        stopListening();
        signal?.removeEventListener('abort', abort);
        this.#waits.delete(fail);
      };
      const fail = (error: unknown): void => {
        end();
        reject(error);
      };
      const abort = (): void => fail(signal?.reason);
      const stopListening = this.#results.listen(taskId, (meta) => {
        if (!READY_STATES.has(meta.status)) return onUpdate?.(meta);
        end();
        resolve(meta);
      });
      signal?.addEventListener('abort', abort, { once: true });
      this.#waits.add(fail);
    });
  }

  async forget(taskId: string): Promise<void> {
    this.#assertOpen();
    this.#results.forget(taskId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const fail of [...this.#waits]) fail(this.#closedError());
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend ${this.displayUrl} is closed`);
  }
}
