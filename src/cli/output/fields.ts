/** Names and values below each other: what one thing is, for people. */
import { escapeText } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { isTerminal } from './terminal.js';
import { cutText, fitText, fittingLength, textWidth } from './width.js';

export type Field = readonly [name: string, value: string];

const USUAL_WIDTH = 80;
/** A value that needs more ends with a …; `--json` has all of it. */
const MOST_LINES = 4;
/** Less room than this is no room for a value. */
const NARROWEST = 20;

/** Long values go on below themselves; a pipe gets each on one line, whole. */
export function fieldsText(fields: readonly Field[], stream: TerminalStream, indent = 0): string {
  const width = isTerminal(stream) ? stream.columns || USUAL_WIDTH : Number.POSITIVE_INFINITY;
  const column = indent + Math.max(0, ...fields.map(([name]) => textWidth(escapeText(name)))) + 2;
  return fields
    .map(([name, value]) => {
      const shown = escapeText(value);
      const [first = '', ...more] = width === Number.POSITIVE_INFINITY ? [shown] : wrapped(shown, Math.max(width - column, NARROWEST));
      const lines = [
        `${' '.repeat(indent)}${fitText(escapeText(name), column - indent)}${first}`,
        ...more.map((line) => ' '.repeat(column) + line),
      ];
      return lines.map((line) => `${line.trimEnd()}\n`).join('');
    })
    .join('');
}

/** At a space where there is one in the second half of the line. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (let fits = fittingLength(rest, width); fits < rest.length; fits = fittingLength(rest, width)) {
    if (lines.length === MOST_LINES - 1) return [...lines, cutText(rest, width)];
    const space = rest.lastIndexOf(' ', fits);
    const end = space > fits / 2 ? space : fits;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).replace(/^ /, '');
  }
  return [...lines, rest];
}
