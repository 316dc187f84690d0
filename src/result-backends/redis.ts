/** Results where Celery keeps them on Redis: one JSON text per task, announced on a channel of the same name (WIRE 7). */
import { systemClock } from '../clock.js';
import { backendErrorOf } from '../connections/failure.js';
import { toRedisFailure } from '../connections/redis/failure.js';
import { RedisLink } from '../connections/redis/link.js';
import { redisScript } from '../connections/redis/script.js';
import { parseRedisUrl, type RedisAddress } from '../connections/redis/url.js';
import { ProtocolError, ResultBackendError } from '../errors.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { RedisChords } from './redis/chords.js';
import { type RedisResultKeys, redisResultKeys } from './redis/keys.js';
import store from './redis/store.lua';
import { RedisWaits } from './redis/waits.js';

const storeScript = redisScript(store);

/** A result as it is written. */
interface Write {
  readonly key: string;
  readonly text: string;
  /** Seconds to keep it; 0 for ever. */
  readonly ttlS: number;
}

interface PendingWrite extends Write {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MOST_WRITES = 500;
/** WIRE 7.2: Redis keeps no longer text. */
const LARGEST_BYTES = 512 * 1024 * 1024;

/** @throws ConfigError for a URL or an option that cannot be read. */
export function openRedisResultBackend(url: string, options: ResultBackendOptions): RedisResultBackend {
  return new RedisResultBackend(parseRedisUrl(url, options), options);
}

export class RedisResultBackend implements ResultBackend {
  readonly displayUrl: string;
  /** For a broker that lies in the same database: it can write our results in its own step. */
  readonly redisIdentity: string;
  readonly chords: RedisChords;
  readonly #keys: RedisResultKeys;
  readonly #ttlS: number;
  readonly #link: RedisLink;
  readonly #waits: RedisWaits;
  #writes: PendingWrite[] = [];
  #writing = false;
  #closed = false;

  constructor(addresses: readonly RedisAddress[], options: ResultBackendOptions) {
    const { connectTimeoutMs } = options;
    this.#keys = redisResultKeys(options.transportOptions);
    this.#ttlS = Math.max(0, Math.trunc(options.resultExpires ?? 0));
    this.redisIdentity = addresses.map((address) => address.identity).join(';');
    this.#link = new RedisLink({ addresses, name: 'ctq results', clock: systemClock, connectTimeoutMs });
    this.displayUrl = this.#link.displayUrl;
    if (addresses.some(({ tls }) => tls?.verify === 'none')) {
      options.logger?.warning(
        'Nobody checks the certificate of %s: whoever is in between reads and writes results (ssl_cert_reqs)',
        this.displayUrl,
      );
    }
    this.chords = new RedisChords({
      keys: this.#keys,
      ttlS: this.#ttlS,
      ordered: options.transportOptions['result_chord_ordered'] !== false,
      call: (name, args) => this.#do(() => this.#link.call(name, args)),
      run: (script, keys, args) => this.#do(() => this.#link.run(script, keys, args)),
    });
    this.#waits = new RedisWaits({
      addresses,
      clock: systemClock,
      connectTimeoutMs,
      keys: this.#keys,
      load: (taskIds) => this.#texts(taskIds),
      told: (failure) => backendErrorOf(failure, this.displayUrl),
    });
  }

  resultWrite(meta: ResultMeta): Write {
    const text = encodeResultMeta(meta);
    if (text.length > LARGEST_BYTES) {
      throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `the result of ${meta.taskId} is larger than Redis can keep (512 MB)`);
    }
    return { key: this.#keys.keyOf(meta.taskId), text, ttlS: this.#ttlS };
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    const write = this.resultWrite(meta);
    await new Promise<void>((resolve, reject) => {
      this.#writes.push({ ...write, resolve, reject });
      if (this.#writing) return;
      this.#writing = true;
      setImmediate(() => void this.#write());
    });
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    const [meta] = await this.loadMany([taskId]);
    return meta;
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    if (taskIds.length === 0) return [];
    const texts = await this.#do(() => this.#texts(taskIds));
    return taskIds.map((taskId, index) => {
      const text = texts[index];
      return text === null || text === undefined ? undefined : decodeResultMeta(text, taskId);
    });
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    this.#mustBeOpen();
    await this.#do(() => this.#link.call('del', [this.#keys.keyOf(taskId)]));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#waits.close(this.#closedError()), this.#idle]);
    await this.#link.close();
  }

  #idle: Promise<void> | undefined;

  async #write(): Promise<void> {
    let wentIdle = (): void => {};
    this.#idle = new Promise((resolve) => {
      wentIdle = resolve;
    });
    while (this.#writes.length > 0) {
      const writes = this.#writes.splice(0, MOST_WRITES);
      const args = writes.flatMap(({ key, text, ttlS }) => [key, text, String(ttlS)]);
      try {
        // Storing twice is storing once, so a call without an answer is simply repeated.
        await this.#link.run(storeScript, [], args);
        for (const write of writes) write.resolve();
      } catch (error) {
        for (const write of writes) write.reject(backendErrorOf(toRedisFailure(error), this.displayUrl));
      }
    }
    this.#writing = false;
    wentIdle();
  }

  async #texts(taskIds: readonly string[]): Promise<readonly (string | null)[]> {
    const keys = taskIds.map((taskId) => this.#keys.keyOf(taskId));
    return (await this.#link.call('mget', keys)) as readonly (string | null)[];
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    try {
      return await action();
    } catch (error) {
      throw backendErrorOf(toRedisFailure(error), this.displayUrl);
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend at ${this.displayUrl} was closed`);
  }
}
