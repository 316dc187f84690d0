/** What a long-lived thread gives back of the memory that its start took. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A start is over by then. */
const AFTER_MS = 4_000;

/**
 * Loading modules fills a heap with what is never needed again, a fifth of an idle worker's memory, and V8 leaves it there until there is
 * work. Collected once; a worker that has work by then loses some milliseconds.
 */
export function clearAwayAfterStart(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (() => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  if (collect !== undefined) setTimeout(collect, AFTER_MS).unref();
}
