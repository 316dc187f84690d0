/**
 * The parameter list of a function, read from its source: JavaScript tells the number of parameters
 * (`fn.length`) but not their names, and Python's callers send arguments by name.
 *
 * The reader below knows as much of the language as can stand in a parameter list: nesting, strings,
 * templates, comments, and regular expressions in defaults. What it cannot read it reports as unknown
 * (undefined), never wrongly.
 */

export type Parameter =
  | { readonly kind: 'plain'; readonly name: string; readonly optional: boolean }
  /** `{ a, b = 1 }`: takes keyword arguments; `keys` undefined means any, for it has a `...rest`. */
  | { readonly kind: 'object'; readonly keys: ReadonlySet<string> | undefined }
  /** `[a, b]`: can only be given by position. */
  | { readonly kind: 'list'; readonly optional: boolean }
  | { readonly kind: 'rest' };

/** Functions that are called as others are: the stubs of a test. */
const standIns = new WeakMap<object, object>();

/** From now on `fn` has the parameters of `original`, whatever it is written with. */
// biome-ignore lint/complexity/noBannedTypes: any callable
export function standIn<Fn extends Function>(fn: Fn, original: Function): Fn {
  standIns.set(fn, original);
  return fn;
}

/** undefined for functions without a readable source: native and bound ones. */
// biome-ignore lint/complexity/noBannedTypes: any callable
export function parametersOf(fn: Function): readonly Parameter[] | undefined {
  const source = Function.prototype.toString.call(standIns.get(fn) ?? fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return undefined;
  try {
    const list = parameterTexts(source);
    return list?.map(readParameter);
  } catch {
    return undefined;
  }
}

const LONE_ARROW_PARAMETER = /^(?:async\b\s*)?([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)$/u;

function parameterTexts(source: string): string[] | undefined {
  let header = '';
  for (let at = 0; at < source.length; at += 1) {
    const end = endOfLiteral(source, at);
    if (end !== undefined) {
      header += ' ';
      at = end;
    } else if (source[at] === '(') return splitAtCommas(source, at + 1).parts;
    else if (source[at] === '[')
      at = splitAtCommas(source, at + 1).end; // a computed method name: ['a(b'](x) {}
    else if (source.startsWith('=>', at)) {
      const name = LONE_ARROW_PARAMETER.exec(header.trim())?.[1];
      return name === undefined ? undefined : [name];
    } else header += source[at];
  }
  return undefined;
}

/** Reads from just behind an opening bracket to its closing one. Comments are left out, an empty last part is dropped. */
function splitAtCommas(text: string, from: number): { parts: string[]; end: number } {
  const parts: string[] = [];
  let part = '';
  for (let at = from, depth = 0; ; at += 1) {
    const char = text[at];
    if (char === undefined) throw new SyntaxError('unbalanced');
    const end = endOfLiteral(text, at);
    if (end !== undefined) {
      part += isComment(text, at) ? ' ' : text.slice(at, end + 1);
      at = end;
      continue;
    }
    if (char === '(' || char === '[' || char === '{') depth += 1;
    if (char === ')' || char === ']' || char === '}') {
      if (depth === 0) {
        if (part.trim() !== '') parts.push(part.trim());
        return { parts, end: at };
      }
      depth -= 1;
    }
    if (char === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
}

function readParameter(text: string): Parameter {
  if (text.startsWith('...')) return { kind: 'rest' };
  if (text.startsWith('{')) return { kind: 'object', keys: patternKeys(text) };
  const equals = text.startsWith('[') ? text.indexOf('=', splitAtCommas(text, 1).end) : text.indexOf('=');
  if (text.startsWith('[')) return { kind: 'list', optional: equals >= 0 };
  const name = (equals < 0 ? text : text.slice(0, equals)).trim();
  return { kind: 'plain', name, optional: equals >= 0 };
}

/** `{ a, b: c = 1, 'd': e }` → a, b, d; undefined as soon as any key is welcome or cannot be known. */
function patternKeys(text: string): ReadonlySet<string> | undefined {
  const keys = new Set<string>();
  for (const part of splitAtCommas(text, 1).parts) {
    const key = /^(?:(['"])(.*?)\1|([^\s:=[\]'"]+))\s*(?:[:=]|$)/u.exec(part);
    const name = key?.[2] ?? key?.[3];
    if (name === undefined || part.startsWith('...')) return undefined;
    keys.add(name);
  }
  return keys;
}

/** Where the string, template, comment or regular expression that begins here ends; undefined when none begins here. */
function endOfLiteral(text: string, at: number): number | undefined {
  const char = text[at];
  if (char === '"' || char === "'") return endOfString(text, at);
  if (char === '`') return endOfTemplate(text, at);
  if (char !== '/') return undefined;
  if (text[at + 1] === '/') return lastOf(text, text.indexOf('\n', at), 0);
  if (text[at + 1] === '*') return lastOf(text, text.indexOf('*/', at + 2), 1);
  return startsRegExp(text, at) ? endOfRegExp(text, at) : undefined;
}

function lastOf(text: string, found: number, more: number): number {
  return found < 0 ? text.length - 1 : found + more;
}

function isComment(text: string, at: number): boolean {
  return text[at] === '/' && (text[at + 1] === '/' || text[at + 1] === '*');
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === text[start]) return at;
  }
  throw new SyntaxError('unterminated string');
}

function endOfTemplate(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`') return at;
    else if (text[at] === '$' && text[at + 1] === '{') at = splitAtCommas(text, at + 2).end;
  }
  throw new SyntaxError('unterminated template');
}

function endOfRegExp(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at;
    else if (text[at] === '\n') break;
  }
  throw new SyntaxError('unterminated regular expression');
}

/** A slash after an operator or an opening bracket begins a regular expression; after a value it divides. */
function startsRegExp(text: string, at: number): boolean {
  const before = text.slice(0, at).trimEnd().slice(-1);
  return before === '' || '=(,[{:;!&|?+-*%<>~^'.includes(before);
}
