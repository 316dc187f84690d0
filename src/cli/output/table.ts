/** Rows: a table for people, tab-separated lines without a heading for pipes. */
import { escapeText } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { isTerminal } from './terminal.js';

export async function tableText(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  stream: TerminalStream,
): Promise<string> {
  const cells = rows.map((row) => row.map(escapeText));
  if (!isTerminal(stream)) return cells.map((row) => `${row.join('\t')}\n`).join('');
  const { default: Table } = await import('cli-table3');
  const table = new Table({ head: [...headings], style: { head: [], border: [], compact: true }, chars: NO_LINES });
  for (const row of cells) table.push([...row]);
  return `${table.toString().replace(/[ \t]+$/gm, '')}\n`;
}

/** Columns with two spaces between and nothing else. */
const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ' ' },
};
