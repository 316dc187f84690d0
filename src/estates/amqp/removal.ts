/**
 * Takes messages out of a queue, page by page: kept first, dropped afterwards. What is not meant stays in our hands
 * until the end, for the next one is behind it, and goes back to where it was then.
 */
import { BrokerError } from '../../errors.js';
import { unlessMissing } from '../../connections/amqp/failure.js';
import type { RemovalTerms } from '../../estate/messages.js';
import { numbered } from '../stored.js';
import { type Hold, storedMessage, type Taken } from './hold.js';
import type { Ladder } from './ladder.js';
import type { AmqpServer } from './server.js';

/** Kept and dropped together: as many may be in a copy and in the queue when we die in between. */
const PAGE = 200;
const MOST_BYTES = 2_000_000;

export interface RemovalParts {
  readonly server: AmqpServer;
  readonly ladder: Ladder;
}

export async function removeMessages({ server, ladder }: RemovalParts, terms: RemovalTerms): Promise<number> {
  const { queue, places, wanted, keep, signal, onProgress } = terms;
  const keeping = new PageKeeper(terms);
  if (places.includes('ready')) {
    if (wanted === undefined && keep === undefined) {
      keeping.count(await emptied(server, queue));
      onProgress?.(keeping.removed);
    } else {
      const hold = await server.hold(queue);
      if (hold !== undefined) await removeHeld(hold, terms, keeping);
    }
  }
  if (places.includes('delayed') && signal?.aborted !== true) {
    await ladder.each(queue, async (taken) => {
      const stored = storedMessage(taken, 'delayed', 0);
      if (signal?.aborted === true || wanted?.(stored) === false) return 'give back';
      await keeping.keep([{ taken, stored }]);
      return 'drop';
    });
    onProgress?.(keeping.removed);
  }
  return keeping.removed;
}

async function emptied(server: AmqpServer, queue: string): Promise<number> {
  return server.ask(async (connection) => {
    const purging = connection.once((channel) => channel.purgeQueue(queue));
    return (await unlessMissing(purging, { messageCount: 0 })).messageCount;
  });
}

interface Chosen {
  readonly taken: Taken;
  readonly stored: ReturnType<typeof storedMessage>;
}

async function removeHeld(hold: Hold, terms: RemovalTerms, keeping: PageKeeper): Promise<void> {
  let [page, bytes]: [Chosen[], number] = [[], 0];
  const settle = async (): Promise<void> => {
    const ready = page;
    [page, bytes] = [[], 0];
    await keeping.keep(ready);
    for (const { taken } of ready) hold.drop(taken);
    terms.onProgress?.(keeping.removed);
  };
  try {
    for (let taken = await hold.next(); taken !== undefined && terms.signal?.aborted !== true; taken = await hold.next()) {
      const position = hold.taken - 1;
      const stored = storedMessage(taken, 'ready', position);
      if (terms.wanted?.(stored) === false) continue;
      page.push({ taken, stored });
      bytes += stored.raw.byteLength;
      if (page.length >= PAGE || bytes >= MOST_BYTES) await settle();
    }
    if (terms.signal?.aborted !== true) await settle();
  } finally {
    await hold.giveBack().catch((error: unknown) => {
      throw new BrokerError('CTQ_BROKER_FAILED', `the connection broke while messages were removed from ${hold.queue}`, {
        hint: 'those that were not removed yet are in the queue again; what is in the copy may be there, too',
        cause: error,
      });
    });
  }
}

/** Writes pages down and numbers them. */
class PageKeeper {
  readonly #keep: RemovalTerms['keep'];
  #removed = 0;

  constructor({ keep }: RemovalTerms) {
    this.#keep = keep;
  }

  get removed(): number {
    return this.#removed;
  }

  count(more: number): void {
    this.#removed += more;
  }

  async keep(page: readonly Chosen[]): Promise<void> {
    if (page.length === 0) return;
    const from = (this.#keep?.from ?? 0) + this.#removed;
    const stored = page.map((one) => one.stored);
    await this.#keep?.page(numbered(stored, from));
    this.#removed += page.length;
  }
}
