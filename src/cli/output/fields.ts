/** Names and values below each other: what one thing is, for people. */
import { escapeText } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { isTerminal } from './terminal.js';

export type Field = readonly [name: string, value: string];

const USUAL_WIDTH = 80;

/** Values are cut with a … where the screen ends; a pipe gets them whole. */
export function fieldsText(fields: readonly Field[], stream: TerminalStream, indent = 0): string {
  const width = isTerminal(stream) ? stream.columns || USUAL_WIDTH : Number.POSITIVE_INFINITY;
  const column = Math.max(0, ...fields.map(([name]) => name.length)) + 2;
  return fields
    .map(([name, value]) => {
      const line = `${' '.repeat(indent)}${escapeText(name).padEnd(column)}${escapeText(value)}`.trimEnd();
      return `${line.length > width ? `${line.slice(0, Math.max(width - 1, column))}…` : line}\n`;
    })
    .join('');
}
