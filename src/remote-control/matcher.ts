/**
 * Whether a request is meant for a node: its list of names, or a pattern over them (kombu's
 * `matcher`). A pattern comes from anybody who can write to the broker, so it may cost next to nothing.
 */
import { runInNewContext } from 'node:vm';
import type { ControlRequest } from '../protocol/pidbox.js';

const LONGEST_PATTERN = 255;
/** V8 breaks off a regular expression that backtracks for longer; on a busy machine a harmless one takes 30. */
const LONGEST_SEARCH_MS = 100;

/** @throws Error for a matcher that nobody knows, and for a pattern that is wrong or takes too long. */
export function isAddressed(request: Pick<ControlRequest, 'destination' | 'pattern' | 'matcher'>, nodename: string): boolean {
  const { destination, pattern, matcher } = request;
  if (destination !== null) return destination.includes(nodename);
  if (!pattern || !matcher) return true;
  if (pattern.length > LONGEST_PATTERN) throw new Error(`pattern of ${pattern.length} characters (at most ${LONGEST_PATTERN})`);
  switch (matcher) {
    case 'glob':
      return matchesGlob(nodename, pattern);
    case 'pcre':
      return matchesExpression(nodename, pattern);
    default:
      throw new Error(`No matcher installed for ${matcher.slice(0, 50)}`);
  }
}

/** Python's `fnmatch`: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`, over the whole text. */
export function matchesGlob(text: string, pattern: string): boolean {
  const parts = globParts(pattern);
  let [at, part] = [0, 0];
  // Where to go on when a guess was wrong: the last `*`, and how far it has reached. One is enough, so the cost is a product.
  let [star, reached] = [-1, 0];
  while (at < text.length) {
    const wanted = parts[part];
    if (wanted === '*') {
      [star, reached] = [part, at];
      part += 1;
    } else if (wanted !== undefined && fits(text.charAt(at), wanted)) {
      at += 1;
      part += 1;
    } else if (star >= 0) {
      reached += 1;
      [at, part] = [reached, star + 1];
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === '*');
}

/** `*`, `?`, one character, or a set. */
type GlobPart = '*' | '?' | { readonly char: string } | { readonly set: string; readonly negated: boolean };

function globParts(pattern: string): GlobPart[] {
  const parts: GlobPart[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    // A bracket right after the opening one belongs to the set.
    const close = char === '[' ? pattern.indexOf(']', at + (pattern.charAt(at + 1) === '!' ? 3 : 2)) : -1;
    if (char === '*' || char === '?') {
      parts.push(char);
    } else if (close > 0) {
      const negated = pattern.charAt(at + 1) === '!';
      parts.push({ set: pattern.slice(at + (negated ? 2 : 1), close), negated });
      at = close;
    } else {
      parts.push({ char });
    }
  }
  return parts;
}

function fits(char: string, part: GlobPart): boolean {
  if (part === '?') return true;
  if (part === '*') return false;
  if ('char' in part) return part.char === char;
  return inSet(char, part.set) !== part.negated;
}

function inSet(char: string, set: string): boolean {
  for (let at = 0; at < set.length; at += 1) {
    if (set.charAt(at + 1) === '-' && at + 2 < set.length) {
      if (char >= set.charAt(at) && char <= set.charAt(at + 2)) return true;
      at += 2;
    } else if (set.charAt(at) === char) {
      return true;
    }
  }
  return false;
}

/** Python's `re.match`: from the start, not to the end. */
function matchesExpression(text: string, pattern: string): boolean {
  const inline = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(inline?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\A', '^')
    .replaceAll('\\Z', '$');
  const expression = new RegExp(source, `y${inline?.[1] ?? ''}`);
  // In a context of its own only for its time limit: an expression alone has none.
  return runInNewContext('expression.test(text)', { expression, text }, { timeout: LONGEST_SEARCH_MS }) as boolean;
}
