/** Result and acknowledgement in one step, where both lie in one database of one server (RELIABILITY (e) 8). */
import type { Delivery, Settled } from '../../broker.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import type { ResultBackend, Settlement } from '../../result-backend.js';
import { RedisDelivery, type ResultWrite } from './unacked.js';

/** What a result backend on Redis offers besides its contract. */
export interface RedisResultWriter {
  /** Which database of which server; equal strings mean the same one. */
  readonly redisIdentity: string;
  resultWrite(meta: ResultMeta): ResultWrite;
}

export function isRedisResultWriter(backend: ResultBackend): backend is ResultBackend & RedisResultWriter {
  return typeof (backend as Partial<RedisResultWriter>).redisIdentity === 'string';
}

export class RedisSettlement implements Settlement {
  readonly #writer: RedisResultWriter;
  readonly #fallback: Settlement;

  /** @param fallback - For deliveries of another broker. */
  constructor(writer: RedisResultWriter, fallback: Settlement) {
    this.#writer = writer;
    this.#fallback = fallback;
  }

  complete(delivery: Delivery, meta: ResultMeta): Promise<Settled> {
    if (!(delivery instanceof RedisDelivery)) return this.#fallback.complete(delivery, meta);
    return delivery.complete(this.#writer.resultWrite(meta));
  }
}
