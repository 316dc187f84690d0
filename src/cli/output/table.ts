/** Rows: a table for people, tab-separated lines without a heading for pipes. */
import { escapeText } from '../escape-text.js';
import type { TerminalStream } from '../context.js';
import { numberText } from './number.js';
import { isTerminal } from './terminal.js';
import { textWidth } from './width.js';

/** A number, or a figure with a unit: people read `shown`, programs `plain`. Both stand at the right of their column. */
export type Cell = string | number | { readonly shown: string; readonly plain: string };

export interface TableLayout {
  /** Headings of the columns that are cut with a … first when the table is wider than the screen, the widest first; then all others are. */
  readonly flexible?: readonly string[];
}

/** A column that gives way keeps so much, gap included: less tells nothing. */
const NARROWEST = 10;
/** Where even that is too much for the screen, every column gives way down to this. */
const TIGHTEST = 6;
/** A terminal that does not say how wide it is. */
const USUAL_WIDTH = 80;

export async function tableText(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  stream: TerminalStream,
  { flexible = [] }: TableLayout = {},
): Promise<string> {
  if (!isTerminal(stream)) return rows.map((row) => `${row.map(plainCell).join('\t')}\n`).join('');
  const cells = rows.map((row) => row.map(shownCell));
  const { default: Table } = await import('cli-table3');
  const { widths, padding } = fittingWidths(
    [headings, ...cells],
    headings.map((heading) => flexible.includes(heading)),
    stream.columns || USUAL_WIDTH,
  );
  const table = new Table({
    head: [...headings],
    style: { head: [], border: [], compact: true, 'padding-left': padding - 1 },
    chars: NO_LINES,
    colAligns: headings.map((_heading, column) => (rows.length > 0 && rows.every((row) => isFigure(row[column])) ? 'right' : 'left')),
    colWidths: widths,
  });
  for (const row of cells) table.push(row);
  return `${table.toString().replace(/[ \t]+$/gm, '')}\n`;
}

function plainCell(cell: Cell): string {
  return escapeText(typeof cell === 'object' ? cell.plain : String(cell));
}

function shownCell(cell: Cell): string {
  return typeof cell === 'number' ? numberText(cell) : escapeText(typeof cell === 'object' ? cell.shown : cell);
}

function isFigure(cell: Cell | undefined): boolean {
  return cell === undefined || typeof cell !== 'string' || cell === '';
}

interface Fitted {
  /** With the space around each cell; null where a column may be as wide as it is. */
  readonly widths: (number | null)[];
  readonly padding: 1 | 2;
}

/** Columns that may give way do so first; then the space between columns does, then all columns. */
function fittingWidths(rows: readonly (readonly string[])[], gives: readonly boolean[], screen: number): Fitted {
  const texts = gives.map((_give, column) => Math.max(...rows.map((row) => textWidth(row[column] ?? ''))));
  const everybody = gives.map(() => true);
  const airy = shrunk(texts, 2, screen, [[gives, NARROWEST]]);
  if (airy.excess <= 0) return { widths: airy.widths, padding: 2 };
  const { widths } = shrunk(texts, 1, screen, [
    [gives, NARROWEST],
    [everybody, NARROWEST],
    [gives, TIGHTEST],
    [everybody, TIGHTEST],
  ]);
  return { widths, padding: 1 };
}

type Step = readonly [giving: readonly boolean[], narrowest: number];

function shrunk(
  texts: readonly number[],
  padding: number,
  screen: number,
  steps: readonly Step[],
): { readonly widths: (number | null)[]; readonly excess: number } {
  const widths = texts.map((text) => text + padding);
  const fitted: (number | null)[] = widths.map(() => null);
  // A space between cells beside those around them.
  let excess = widths.reduce((sum, width) => sum + width + 1, -1) - screen;
  for (const [giving, narrowest] of steps) {
    while (excess > 0) {
      const candidates = widths.map((width, column) => (giving[column] === true ? width : 0));
      const widest = Math.max(...candidates);
      if (widest <= narrowest) break;
      const column = candidates.indexOf(widest);
      widths[column] = widest - 1;
      fitted[column] = widest - 1;
      excess -= 1;
    }
  }
  return { widths: fitted, excess };
}

/** Columns with spaces between and nothing else. */
const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ' ' },
};
