/** Ids on a narrow screen: as much of each as tells them apart, for whoever takes the beginning of one. */
import type { TerminalStream } from '../context.js';
import { isTerminal } from './terminal.js';

const SHORTEST = 8;
/** From here on whole ids leave room for everything else. */
const WIDE = 110;
const USUAL_WIDTH = 80;

export function shortIds(ids: readonly string[], stream: TerminalStream): (id: string) => string {
  if (!isTerminal(stream) || (stream.columns || USUAL_WIDTH) >= WIDE) return (id) => id;
  const sorted = [...new Set(ids)].sort();
  const lengths = new Map(
    sorted.map((id, at) => [id, Math.max(SHORTEST, shared(id, sorted[at - 1]) + 1, shared(id, sorted[at + 1]) + 1)] as const),
  );
  return (id) => id.slice(0, lengths.get(id));
}

/** How many characters both begin with. */
function shared(id: string, other: string | undefined): number {
  if (other === undefined) return 0;
  let count = 0;
  while (count < id.length && id[count] === other[count]) count += 1;
  return count;
}
