/** A task's value for people and scripts: a text as it is, everything else as JSON. */
import { escapeBlock } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { jsonText } from './json.js';
import { isTerminal } from './terminal.js';

export function valueText(value: unknown, stream: TerminalStream): string {
  const text = plainText(value);
  // In a pipe the bytes are the data; on a screen an escape sequence in them is an attack.
  return isTerminal(stream) ? escapeBlock(text) : text;
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  const text = jsonText(value);
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
