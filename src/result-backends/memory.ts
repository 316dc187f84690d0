/** `memory://`: results inside this process. Clients that open the same URL share them. */
import { type Clock, systemClock } from '../clock.js';
import { ResultBackendError } from '../errors.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { MemoryChords } from './memory-chords.js';
import { Waits } from './waits.js';

interface Kept {
  readonly meta: ResultMeta;
  readonly text: string;
  /** Infinity keeps it for ever. */
  readonly expiresAtMs: number;
}

type Listener = (meta: ResultMeta, text: string) => void;

/** Expired results are looked for after this many stores, so that a long-lived process does not keep them all. */
const SWEEP_EVERY = 1_000;

class MemoryResults {
  readonly chords = new MemoryChords();
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  /** One for each client. */
  readonly #listeners = new Set<Listener>();
  #storesUntilSweep = SWEEP_EVERY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Through text and back, as with a server: what cannot be written is refused, and nobody shares an object with the task. */
  store(result: ResultMeta, expiresInMs: number): void {
    const { taskId } = result;
    const text = encodeResultMeta(result);
    const meta = decodeResultMeta(text, taskId);
    this.#sweepNowAndThen();
    if (this.load(taskId)?.meta.status === 'SUCCESS') return;
    this.#kept.set(taskId, { meta, text, expiresAtMs: this.#clock.nowMs() + expiresInMs });
    for (const listener of this.#listeners) listener(meta, text);
  }

  load(taskId: string): Kept | undefined {
    const kept = this.#kept.get(taskId);
    return kept !== undefined && kept.expiresAtMs > this.#clock.nowMs() ? kept : undefined;
  }

  forget(taskId: string): void {
    this.#kept.delete(taskId);
  }

  /** Calls back at each store; returns how to stop that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
  readonly #waits = new Waits({ began: (taskId) => this.#began(taskId), ended: () => this.#ended() });
  #stopListening: (() => void) | undefined;
  /** Somebody awaits this: the process has a reason to live, as with a socket to a server. */
  #aliveTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string, results: MemoryResults, expiresInMs: number) {
    this.displayUrl = url;
    this.#results = results;
    this.chords = results.chords;
    this.#expiresInMs = expiresInMs;
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    this.#results.store(meta, this.#expiresInMs);
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    this.#mustBeOpen();
    return this.#results.load(taskId)?.meta;
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    return taskIds.map((taskId) => this.#results.load(taskId)?.meta);
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    this.#mustBeOpen();
    this.#results.forget(taskId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waits.failAll(this.#closedError());
  }

  #began(taskId: string): void {
    this.#stopListening ??= this.#results.listen((meta, text) => this.#waits.hear(meta.taskId, meta, text));
    this.#aliveTimer ??= setInterval(() => {}, 2 ** 30);
    const there = this.#results.load(taskId);
    if (there !== undefined) this.#waits.hear(taskId, there.meta, there.text);
  }

  #ended(): void {
    if (this.#waits.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#aliveTimer);
    this.#aliveTimer = undefined;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend ${this.displayUrl} was closed`);
  }
}
