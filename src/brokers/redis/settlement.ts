/** Result and acknowledgement in one step, where both lie in one database of one server (RELIABILITY (e) 8). */
import type { Delivery, Settled, SettledListener } from '../../broker.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import type { ChordPart, Ending, ResultBackend, Settlement } from '../../result-backend.js';
import type { RedisChords } from '../../result-backends/redis/chords.js';
import { type EndingWrite, failedWrite, type PartAgain } from './endings.js';
import type { Publisher } from './publisher.js';
import { RedisDelivery, type ResultWrite, tell } from './delivery.js';

/** What a result backend on Redis offers besides its contract. */
export interface RedisResultWriter {
  /** Which database of which server; equal strings mean the same one. */
  readonly redisIdentity: string;
  resultWrite(meta: ResultMeta): ResultWrite;
  readonly chords: RedisChords;
}

export function isRedisResultWriter(backend: ResultBackend): backend is ResultBackend & RedisResultWriter {
  return typeof (backend as { readonly redisIdentity?: unknown }).redisIdentity === 'string';
}

export class RedisSettlement implements Settlement {
  readonly #writer: RedisResultWriter;
  readonly #publisher: Publisher;
  readonly #fallback: Settlement;

  /** @param fallback - For deliveries of another broker. */
  constructor(writer: RedisResultWriter, publisher: Publisher, fallback: Settlement) {
    this.#writer = writer;
    this.#publisher = publisher;
    this.#fallback = fallback;
  }

  complete(delivery: Delivery, meta: ResultMeta): Promise<Settled> {
    if (!(delivery instanceof RedisDelivery)) return this.#fallback.complete(delivery, meta);
    try {
      return delivery.complete(this.#writer.resultWrite(meta));
    } catch (error) {
      // A value that cannot be written: the delivery has no answer yet.
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  finish(delivery: Delivery, meta: ResultMeta | undefined, listener: SettledListener): void {
    if (delivery instanceof RedisDelivery) delivery.finish(meta === undefined ? undefined : this.#writer.resultWrite(meta), listener);
    else tell(meta === undefined ? delivery.ack() : this.#fallback.complete(delivery, meta), listener);
  }

  async end(delivery: Delivery, ending: Ending): Promise<Settled> {
    if (!(delivery instanceof RedisDelivery)) return this.#fallback.end(delivery, ending);
    const reply = await delivery.end(await this.#write(ending));
    return typeof reply === 'string' ? reply : 'settled';
  }

  async endPart(delivery: Delivery, part: ChordPart, ending: Ending): Promise<Settled | readonly ChordPart[]> {
    if (!(delivery instanceof RedisDelivery)) return this.#fallback.endPart(delivery, part, ending);
    const { chords } = this.#writer;
    const again: PartAgain = delivery.redelivered ? 'again' : 'first';
    const reply = await delivery.end({ ...(await this.#write(ending)), part: chords.partWrite(part), again });
    return typeof reply === 'string' ? reply : chords.partsOf(part.groupId, reply);
  }

  async #write({ metas, sends, closes, failure }: Ending): Promise<EndingWrite> {
    return {
      results: metas.map((meta) => this.#writer.resultWrite(meta)),
      sends: sends.length === 0 ? [] : await this.#publisher.place(sends),
      closes: closes === undefined ? undefined : this.#writer.chords.closingKey(closes),
      part: undefined,
      failed: failure === undefined ? undefined : failedWrite(failure),
      again: 'first',
    };
  }
}
