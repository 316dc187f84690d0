/** Names of queues that nobody uses: typing mistakes, mostly, and a zero does not tell them from an empty queue. */
import { closestName } from '../../config/closest-name.js';
import type { Estate } from '../../estate/estate.js';
import { escapeText } from '../escape-text.js';

/** One line for each; none where the store cannot list its queues. */
export async function unknownQueues(estate: Estate, names: readonly string[]): Promise<readonly string[]> {
  if ((await estate.blindSpot?.()) !== undefined) return [];
  const known = await estate.queues.names();
  return [...new Set(names)].filter((name) => !known.includes(name)).map((name) => unknownText(name, known));
}

/** `nobody uses a queue of the name mial (did you mean mail?)` */
function unknownText(name: string, known: readonly string[]): string {
  const lookalike = closestName(name, known);
  const hint = lookalike === undefined ? 'ctq queues lists those there are' : `did you mean ${escapeText(lookalike)}?`;
  return `nobody uses a queue of the name ${escapeText(name)} (${hint})`;
}
