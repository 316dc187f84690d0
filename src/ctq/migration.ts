/**
 * Moves messages from one broker to another. A page is set aside in the source, arrives at the destination, and leaves the
 * source then: whatever dies in between, each message is at one of the two. Where the destination can write down
 * together with a page how far it has come, the page that was under way arrives once, however often it is sent.
 */
import type { Estate } from '../estate/estate.js';
import { faultPoint } from '../fault-points.js';
import type { ArrivalNote, MessagePlace, RemovedMessage, StoredMessage } from '../estate/messages.js';
import { LastPage } from './last-page.js';
import { concerns, migrationId, pairId, type PutBack, takeBack, untilDead } from './migration-asides.js';
import type { MessageFilter } from './message-filter.js';

/** Who takes messages in. */
export interface Arrivals {
  readonly displayUrl: string;
  /** `bytes`: whatever lies in a queue. `messages`: only what can be read. */
  readonly takes: 'bytes' | 'messages';
  /** Whether a page that is told twice is there once. */
  readonly remembers: boolean;
  /** Throws when nothing of these queues can be taken in: nobody answers, the password is wrong, it is read-only. */
  look(queues: readonly string[]): Promise<void>;
  /** Resolves once they are there. */
  arrive(id: string, page: readonly RemovedMessage[], note?: ArrivalNote): Promise<unknown>;
  /** Takes in nothing more under this id, and says up to which number it has come (-1: nothing); undefined when nobody knows. */
  end(id: string): Promise<number | undefined>;
  /** Where it can keep notes: see {@link MessageDesk.noted}. */
  noted?(id: string): Promise<string | undefined>;
  /** Where it does not remember: those of a page that are not there. */
  missing?(page: readonly RemovedMessage[]): Promise<readonly RemovedMessage[]>;
}

export interface MigrationTerms {
  readonly source: Estate;
  readonly destination: Arrivals;
  /** Names both places: what one migration between them left aside, another one goes on with. */
  readonly pair: readonly [from: string, to: string];
  readonly queues: readonly string[];
  /** Those that were asked for by name; undefined: all, those that have nothing but what stands aside included. */
  readonly only: readonly string[] | undefined;
  readonly filter: MessageFilter | undefined;
  /** How many at the most. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** After each page: how many messages of the queue have arrived. */
  readonly onProgress: (queue: string, moved: number) => void;
  /** Something went wrong: what became of the page at hand. */
  readonly onTakenBack: (page: PutBack) => void;
}

export interface QueueMigration {
  readonly queue: string;
  readonly moved: number;
  /** Of these, what an earlier migration had in its hands when it was killed. */
  readonly resumed: number;
}

const PLACES = ['ready', 'delayed'] as const satisfies readonly MessagePlace[];

/** Moves queue by queue; tells each queue's count as it is done with, so that an interrupted migration has something to say. */
export async function migrate(terms: MigrationTerms, done: (count: QueueMigration) => void): Promise<void> {
  const { source, destination, queues, filter, signal, onProgress } = terms;
  // Before anything is taken.
  const full = (await source.queues.report(queues)).filter(({ ready, delayed = 0 }) => ready + delayed > 0);
  await destination.look(full.map(({ name }) => name));
  const resumed = await goOn(terms);
  // Of queues that were not asked for this time.
  for (const [queue, count] of resumed) if (!queues.includes(queue)) done({ queue, moved: count, resumed: count });
  const id = migrationId(terms);
  const lastPage = await openLastPage(terms);
  let number = 0;
  let left = terms.limit - [...resumed.values()].reduce((sum, count) => sum + count, 0);
  for (const queue of queues) {
    const before = resumed.get(queue) ?? 0;
    let moved = 0;
    let quota = left;
    const wanted = (message: StoredMessage): boolean => {
      if (quota <= 0 || (destination.takes === 'messages' && message.message === undefined)) return false;
      if (filter !== undefined && !filter.wants(message)) return false;
      quota -= 1;
      return true;
    };
    const enough = new AbortController();
    try {
      if (left > 0 && !signal.aborted) {
        await source.messages.remove({
          ...{ queue, places: PLACES, signal: AbortSignal.any([signal, enough.signal]) },
          // Looking at none of them is quicker.
          ...(filter === undefined && left === Number.POSITIVE_INFINITY && destination.takes === 'bytes' ? {} : { wanted }),
          keep: {
            ...{ id, from: number },
            async page(messages) {
              faultPoint('migrate.aside');
              const { messages: fresh, note } = lastPage?.fresh(messages) ?? { messages };
              await destination.arrive(id, fresh, note);
              faultPoint('migrate.arrived');
              moved += messages.length;
            },
          },
          onProgress(removed) {
            // A worker may have been faster than we were.
            quota = left - removed;
            if (quota <= 0) enough.abort();
            onProgress(queue, before + moved);
          },
        });
      }
    } catch (error) {
      await tellTakenBack(terms, id);
      throw error;
    } finally {
      done({ queue, moved: before + moved, resumed: before });
    }
    number += moved;
    left -= moved;
  }
  const allSeen = filter === undefined && left > 0 && !signal.aborted;
  if (lastPage !== undefined) await destination.arrive(id, [], lastPage.rest(allSeen ? queues : []));
}

/** What went wrong first is what is told. */
async function tellTakenBack(terms: MigrationTerms, id: string): Promise<void> {
  const page = await takeBack(terms, id).catch(() => undefined);
  if (page !== undefined) terms.onTakenBack(page);
}

async function openLastPage({ source, destination, pair }: MigrationTerms): Promise<LastPage | undefined> {
  if (source.messages.restores === 'in place' || destination.noted === undefined) return undefined;
  const id = `${pairId(pair)}last`;
  return new LastPage(id, await destination.noted(id));
}

/** Finishes the pages that killed migrations between these two had in their hands. */
async function goOn(terms: MigrationTerms): Promise<ReadonlyMap<string, number>> {
  const { source, destination, pair, signal, only } = terms;
  const resumed = new Map<string, number>();
  const asides = (await source.messages.aside()).filter((aside) => aside.id.startsWith(pairId(pair)) && concerns(aside, only));
  for (const { id } of asides) {
    if (!destination.remembers) await untilDead(source, id, signal);
    if (signal.aborted) break;
    try {
      await source.messages.keepAside(id, async (page) => {
        await destination.arrive(id, (await destination.missing?.(page)) ?? page);
        faultPoint('migrate.arrived');
        for (const { queue } of page) resumed.set(queue, (resumed.get(queue) ?? 0) + 1);
      });
    } catch (error) {
      // Of what another one had in its hands, who cannot say how far it has come does not know either.
      if (destination.remembers) await tellTakenBack(terms, id);
      throw error;
    }
  }
  return resumed;
}
