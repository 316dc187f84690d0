/** "Did you mean …?": the known name that was probably meant. */

/** A name that differs in more than every third letter is another name, not a slip. */
const LETTERS_PER_SLIP = 3;

/**
 * The candidate nearest to what was typed; undefined when none is near. Case, `_` and `-` do not count,
 * for that is what people mix up between camelCase, snake_case and command line options.
 */
export function closestName(typed: string, candidates: Iterable<string>): string | undefined {
  const wanted = flatten(typed);
  const farthest = Math.max(1, Math.floor(wanted.length / LETTERS_PER_SLIP));
  let closest: string | undefined;
  let smallest = Math.min(farthest, 4) + 1;
  for (const candidate of candidates) {
    const known = flatten(candidate);
    if (Math.abs(known.length - wanted.length) >= smallest) continue;
    const distance = editDistance(wanted, known);
    if (distance < smallest) [closest, smallest] = [candidate, distance];
  }
  return closest;
}

function flatten(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}

/** Damerau–Levenshtein: inserted, lost, wrong and swapped neighbouring letters each cost one. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(replaced, at(last, column) + 1, at(current, column - 1) + 1);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
