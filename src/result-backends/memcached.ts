/** Results in memcached, where Celery's `cache+memcached://` backend keeps them: the same keys and texts as on Redis, and nobody who announces them. */
import { backendErrorOf } from '../connections/failure.js';
import { loadMemjs, Memcached, type MemcachedAddress, MemcachedFailure, parseMemcachedUrl } from '../connections/memcached.js';
import { ResultBackendError } from '../errors.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { PollingWaits } from './polling-waits.js';

const PREFIX = 'celery-task-meta-';
/** memcached's own bound. */
const LONGEST_KEY = 250;

/** @throws ConfigError for a URL that cannot be read, and when the client is not installed. */
export async function openMemcachedResultBackend(url: string, options: ResultBackendOptions): Promise<ResultBackend> {
  const addresses = parseMemcachedUrl(url);
  await loadMemjs();
  return new MemcachedResultBackend(addresses, options);
}

class MemcachedResultBackend implements ResultBackend {
  readonly displayUrl: string;
  readonly #lifeS: number;
  readonly #server: Memcached;
  readonly #waits: PollingWaits;
  /** Writes of one task go one after the other. */
  readonly #writing = new Map<string, Promise<void>>();
  #closed = false;

  constructor(addresses: readonly MemcachedAddress[], options: ResultBackendOptions) {
    this.displayUrl = addresses[0]?.displayUrl ?? '';
    this.#lifeS = Math.max(0, Math.trunc(options.resultExpires ?? 0));
    this.#server = new Memcached(addresses, options.connectTimeoutMs);
    this.#waits = new PollingWaits({ loadMany: (ids) => this.loadMany(ids) });
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    const text = Buffer.from(encodeResultMeta(meta));
    const key = keyOf(meta.taskId);
    const before = this.#writing.get(key) ?? Promise.resolve();
    const write = before.catch(() => {}).then(() => this.#do(() => this.#write(key, text, meta.taskId)));
    this.#writing.set(key, write);
    try {
      await write;
    } finally {
      if (this.#writing.get(key) === write) this.#writing.delete(key);
    }
  }

  /** Unless a success is there; two programs may look at the same moment, as two of Celery's may. */
  async #write(key: string, text: Buffer, taskId: string): Promise<void> {
    if (await this.#server.add(key, text, this.#lifeS)) return;
    const there = await this.#server.get(key);
    if (there !== undefined && decoded(there, taskId).status === 'SUCCESS') return;
    await this.#server.set(key, text, this.#lifeS);
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    return (await this.loadMany([taskId]))[0];
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    const values = await this.#do(() => Promise.all(taskIds.map((id) => this.#server.get(keyOf(id)))));
    return values.map((value, index) => (value === undefined ? undefined : decoded(value, taskIds[index] ?? '')));
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    this.#mustBeOpen();
    await this.#do(() => this.#server.delete(keyOf(taskId)));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.close(this.#closedError());
    await Promise.allSettled(this.#writing.values());
    await this.#server.close();
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof MemcachedFailure ? backendErrorOf(error, this.displayUrl) : error;
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend at ${this.displayUrl} was closed`);
  }
}

function keyOf(taskId: string): string {
  const key = PREFIX + taskId;
  if (Buffer.byteLength(key) > LONGEST_KEY) {
    throw new ResultBackendError(`memcached keeps no result of a task with so long an id: ${taskId.slice(0, 40)}…`);
  }
  return key;
}

function decoded(value: Uint8Array, taskId: string): ResultMeta {
  return decodeResultMeta(Buffer.from(value).toString('utf8'), taskId);
}
