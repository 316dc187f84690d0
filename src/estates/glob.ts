/** Names as Redis' MATCH has them: `*`, `?`, `[a-z]`, `[^a]` and `\` before a character that is meant itself. */

/** In time that grows with pattern times text at worst: a star is only ever taken up again at the last one. */
export function globMatches(pattern: string, text: string): boolean {
  let [at, place] = [0, 0];
  let star: { readonly pattern: number; text: number } | undefined;
  while (place < text.length) {
    const step = pattern[at] === '*' ? undefined : matchOne(pattern, at, text[place] as string);
    if (pattern[at] === '*') {
      at += 1;
      star = { pattern: at, text: place };
    } else if (step !== undefined) {
      at = step;
      place += 1;
    } else if (star !== undefined) {
      star.text += 1;
      [at, place] = [star.pattern, star.text];
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** Where the pattern goes on after this character; undefined when it does not fit. */
function matchOne(pattern: string, at: number, character: string): number | undefined {
  const wanted = pattern[at];
  if (wanted === undefined) return undefined;
  if (wanted === '?') return at + 1;
  if (wanted === '[') return matchClass(pattern, at + 1, character);
  const isEscaped = wanted === '\\' && at + 1 < pattern.length;
  const literal = isEscaped ? pattern[at + 1] : wanted;
  return literal === character ? at + (isEscaped ? 2 : 1) : undefined;
}

function matchClass(pattern: string, start: number, character: string): number | undefined {
  let at = start;
  const negated = pattern[at] === '^';
  if (negated) at += 1;
  let fits = false;
  for (; at < pattern.length && pattern[at] !== ']'; at += 1) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at += 1;
    const [low, high] = [pattern[at] as string, pattern[at + 2]];
    if (pattern[at + 1] === '-' && high !== undefined && high !== ']') {
      fits ||= (low <= character && character <= high) || (high <= character && character <= low);
      at += 2;
    } else fits ||= low === character;
  }
  // Redis takes a class without end as one that ends with the pattern.
  return fits === negated ? undefined : Math.min(at + 1, pattern.length);
}

/** Matches this text and no other. */
export function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&');
}
