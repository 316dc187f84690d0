/** Result and acknowledgement in one transaction, where both are in one file (RELIABILITY (e) 8). */
import type { Delivery, Settled } from '../../broker.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import type { ChordPart, Ending, Settlement } from '../../result-backend.js';
import { toRow } from '../../result-backends/sqlite/rows.js';
import { SqliteDelivery } from './delivery.js';
import type { JointEnding } from './joint-ending.js';
import { place } from './publishing.js';

export class SqliteSettlement implements Settlement {
  readonly #resultExpires: number | null;
  readonly #fallback: Settlement;

  /** @param fallback - For deliveries of another broker. */
  constructor(resultExpires: number | null, fallback: Settlement) {
    this.#resultExpires = resultExpires;
    this.#fallback = fallback;
  }

  async complete(delivery: Delivery, meta: ResultMeta): Promise<Settled> {
    if (!(delivery instanceof SqliteDelivery)) return this.#fallback.complete(delivery, meta);
    const settled = await delivery.end(this.#joint([meta]));
    return settled === 'fenced' ? 'fenced' : 'settled';
  }

  async end(delivery: Delivery, ending: Ending): Promise<Settled> {
    if (!(delivery instanceof SqliteDelivery)) return this.#fallback.end(delivery, ending);
    const settled = await delivery.end({ ...this.#joint(ending.metas, ending.sends), closes: ending.closes, failure: ending.failure });
    return settled === 'fenced' ? 'fenced' : 'settled';
  }

  async endPart(delivery: Delivery, part: ChordPart, ending: Ending): Promise<Settled | readonly ChordPart[]> {
    if (!(delivery instanceof SqliteDelivery)) return this.#fallback.endPart(delivery, part, ending);
    return delivery.end({ ...this.#joint(ending.metas, ending.sends), closes: ending.closes, part, failure: ending.failure });
  }

  #joint(metas: readonly ResultMeta[], sends: Ending['sends'] = []): JointEnding {
    return {
      results: metas.map(toRow),
      resultExpires: this.#resultExpires,
      sends: sends.map(({ message, route }) => place(message, route)),
      closes: undefined,
      part: undefined,
      failure: undefined,
    };
  }
}
