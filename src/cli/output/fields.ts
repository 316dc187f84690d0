/** Names and values below each other: what one thing is, for people. */
import { escapeText } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { isTerminal } from './terminal.js';

export type Field = readonly [name: string, value: string];

const USUAL_WIDTH = 80;
/** A value that needs more ends with a …; `--json` has all of it. */
const MOST_LINES = 4;
/** Less room than this is no room for a value. */
const NARROWEST = 20;

/** Long values go on below themselves; a pipe gets each on one line, whole. */
export function fieldsText(fields: readonly Field[], stream: TerminalStream, indent = 0): string {
  const width = isTerminal(stream) ? stream.columns || USUAL_WIDTH : Number.POSITIVE_INFINITY;
  const column = indent + Math.max(0, ...fields.map(([name]) => name.length)) + 2;
  return fields
    .map(([name, value]) => {
      const [first = '', ...more] = wrapped(escapeText(value), Math.max(width - column, NARROWEST));
      const lines = [
        `${' '.repeat(indent)}${escapeText(name).padEnd(column - indent)}${first}`,
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
  while (rest.length > width) {
    if (lines.length === MOST_LINES - 1) return [...lines, `${rest.slice(0, width - 1)}…`];
    const space = rest.lastIndexOf(' ', width);
    const end = space > width / 2 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).replace(/^ /, '');
  }
  return [...lines, rest];
}
