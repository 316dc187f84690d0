/** What migrations have set aside at their source and not brought to their destination: whose it is, and how it gets back. */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Estate } from '../estate/estate.js';
import type { Aside } from '../estate/messages.js';
import type { MigrationTerms } from './migration.js';

const PREFIX = 'migrate:';
/** A page is on its way for no longer than this, unless its migration was killed. */
export const DEAD_AFTER_MS = 10_000;

/** Whether what a removal left aside is a migration's. */
export function isMigration(removalId: string): boolean {
  return removalId.startsWith(PREFIX);
}

/** What the ids of all migrations between these two begin with. */
export function pairId(pair: MigrationTerms['pair']): string {
  return `${PREFIX}${createHash('sha256').update(JSON.stringify(pair)).digest('hex').slice(0, 16)}:`;
}

/** Says where it goes, for whoever finds it. */
export function migrationId({ pair, destination }: Pick<MigrationTerms, 'pair' | 'destination'>): string {
  return `${pairId(pair)}${randomUUID()}:${destination.displayUrl}`;
}

/** Where a migration went, its password masked; undefined for one that did not write it down. */
export function destinationOf(removalId: string): string | undefined {
  const [, , , ...url] = removalId.split(':');
  return isMigration(removalId) && url.length > 0 ? url.join(':') : undefined;
}

/** Somebody else may be at work: only what has not moved for so long is left to us. */
export async function untilDead({ messages }: Estate, id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const aside = (await messages.aside()).find((one) => one.id === id);
    if (aside === undefined || aside.idleMs >= DEAD_AFTER_MS || signal.aborted) return;
    await delay(Math.min(1_000, DEAD_AFTER_MS - aside.idleMs), undefined, { signal }).catch(() => {});
  }
}

/** Whether it has to do with any of these queues; undefined: all queues. */
export function concerns({ queues }: Pick<Aside, 'queues'>, only: readonly string[] | undefined): boolean {
  return only === undefined || [...queues.keys()].some((queue) => only.includes(queue));
}

export interface PutBackTerms extends Pick<MigrationTerms, 'source' | 'only' | 'signal'> {
  /** Who is asked what has arrived; without it nobody knows. */
  readonly to: Pick<MigrationTerms, 'destination' | 'pair'> | undefined;
  /** `all`: also what may have arrived. */
  readonly which: 'what has not arrived' | 'all';
}

export interface PutBack {
  readonly aside: Aside;
  /** `arrived`: it was at the destination, and is aside no more. `left`: it may be there, and stands aside still. */
  readonly fate: 'back' | 'arrived' | 'left';
}

/** Puts back what unfinished migrations from this source have set aside. */
export async function putBackAsides({ source, only, signal, to, which }: PutBackTerms): Promise<readonly PutBack[]> {
  const done: PutBack[] = [];
  for (const aside of (await source.messages.aside()).filter(({ id }) => isMigration(id))) {
    if (!concerns(aside, only) || signal.aborted) continue;
    const known = to !== undefined && aside.id.startsWith(pairId(to.pair)) ? await to.destination.end(aside.id) : undefined;
    if (known === undefined && which !== 'all') {
      done.push({ aside, fate: 'left' });
      continue;
    }
    if (known === undefined) await untilDead(source, aside.id, signal);
    const count = await source.messages.putBackAside(aside.id, known);
    done.push({ aside, fate: count > 0 ? 'back' : 'arrived' });
  }
  return done;
}

/** After something went wrong: what is aside goes back at once where nobody can have it. */
export async function takeBack(
  { source, destination }: Pick<MigrationTerms, 'source' | 'destination'>,
  id: string,
): Promise<PutBack | undefined> {
  const aside = (await source.messages.aside()).find((one) => one.id === id);
  if (aside === undefined) return undefined;
  const known = await destination.end(id).catch(() => undefined);
  if (known === undefined) return { aside, fate: 'left' };
  const count = await source.messages.putBackAside(id, known);
  return { aside, fate: count > 0 ? 'back' : 'arrived' };
}
