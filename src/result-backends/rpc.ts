/**
 * `rpc://`: a result is a message to who asked for it (WIRE 13.6). Each process has one queue, named by its
 * oid, which goes with it: nobody else can read these results, and what comes after it has left is lost.
 * Groups cannot be saved and chords cannot be counted here; Celery has neither.
 */
import type { Broker, Queue, Subscription } from '../broker.js';
import { ResultBackendError } from '../errors.js';
import type { Message } from '../protocol/message.js';
import { processOid } from '../protocol/oid.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { isReady } from '../protocol/states.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { Waits } from './waits.js';

/** Results that nobody has asked for yet; the oldest are forgotten. */
const MOST_KEPT = 10_000;
const DEFAULT_EXCHANGE = { name: '', type: 'direct' } as const;

export async function openRpcResultBackend(url: string, options: ResultBackendOptions): Promise<ResultBackend> {
  return new RpcResultBackend(url, options);
}

interface Kept {
  readonly meta: ResultMeta;
  readonly text: string;
}

class RpcResultBackend implements ResultBackend {
  readonly displayUrl: string;
  readonly #broker: () => Promise<Broker>;
  readonly #deliveryMode: 1 | 2;
  readonly #queue: Queue;
  readonly #kept = new Map<string, Kept>();
  readonly #waits = new Waits({ began: (taskId) => this.#tellWhatIsThere(taskId) });
  #subscription: Promise<Subscription> | undefined;
  #closed = false;

  constructor(url: string, { messages, resultExpires }: ResultBackendOptions) {
    if (messages === undefined) throw new ResultBackendError(`${url} needs a broker`, {}, 'CTQ_BACKEND_FAILED');
    this.displayUrl = url;
    this.#broker = messages.broker;
    this.#deliveryMode = messages.persistent ? 2 : 1;
    const name = processOid();
    // As Celery declares it (celery/backends/rpc.py), so that tools know what they see.
    const expires = resultExpires === null || resultExpires <= 0 ? {} : { arguments: { 'x-expires': Math.round(resultExpires * 1000) } };
    this.#queue = { name, exchange: DEFAULT_EXCHANGE, routingKey: name, durable: true, autoDelete: true, ...expires };
  }

  async listen(): Promise<void> {
    this.#mustBeOpen();
    this.#subscription ??= this.#subscribe();
    await this.#subscription;
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    const { reply } = meta;
    if (reply === undefined) return;
    const message: Message = {
      headers: {},
      properties: { correlationId: reply.correlationId, deliveryMode: this.#deliveryMode, priority: 0 },
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      body: Buffer.from(encodeResultMeta(meta)),
    };
    try {
      await (await this.#broker()).publish(message, { exchange: DEFAULT_EXCHANGE, routingKey: reply.queue });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new ResultBackendError(`results travel by the broker: ${text}`, { cause: error }, 'CTQ_BACKEND_UNREACHABLE');
    }
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    this.#mustBeOpen();
    return this.#kept.get(taskId)?.meta;
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    return taskIds.map((taskId) => this.#kept.get(taskId)?.meta);
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    await this.listen();
    // It may have been closed meanwhile, and nobody would end a wait that begins afterwards.
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    this.#mustBeOpen();
    this.#kept.delete(taskId);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.failAll(this.#closedError());
    await (await this.#subscription?.catch(() => undefined))?.close();
  }

  async #subscribe(): Promise<Subscription> {
    try {
      // What is wrong with the broker is told as such: whoever waits here is about to send by it.
      return await (await this.#broker()).subscribe(this.#queue, (message) => this.#hear(message));
    } catch (error) {
      this.#subscription = undefined;
      throw error;
    }
  }

  /** What is no result is somebody's mistake and nobody's answer. */
  #hear(message: Message): void {
    const text = Buffer.from(message.body).toString('utf8');
    let meta: ResultMeta;
    try {
      meta = decodeResultMeta(text, message.properties.correlationId ?? '');
    } catch {
      return;
    }
    const { taskId } = meta;
    // States may overtake each other on their ways; an end is an end, and a success the last one.
    const known = this.#kept.get(taskId)?.meta.status ?? '';
    if (known === 'SUCCESS' || (isReady(known) && !isReady(meta.status))) return;
    this.#kept.delete(taskId);
    this.#kept.set(taskId, { meta, text });
    if (this.#kept.size > MOST_KEPT) for (const oldest of this.#kept.keys()) if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
    this.#waits.hear(taskId, meta, text);
  }

  #tellWhatIsThere(taskId: string): void {
    const there = this.#kept.get(taskId);
    if (there !== undefined) this.#waits.hear(taskId, there.meta, there.text);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend ${this.displayUrl} was closed`);
  }
}
