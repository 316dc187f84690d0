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
/** The second line of a row begins so far to the right. */
const INDENT = 3;
/** A terminal that does not say how wide it is. */
const USUAL_WIDTH = 80;

export async function tableText(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  stream: TerminalStream,
  { flexible = [] }: TableLayout = {},
): Promise<string> {
  if (!isTerminal(stream)) return rows.map((row) => `${row.map(plainCell).join('\t')}\n`).join('');
  const screen = stream.columns || USUAL_WIDTH;
  const columns = headings.map((heading, at): Column => {
    const texts = [heading, ...rows.map((row) => shownCell(row[at] ?? ''))];
    const isRight = rows.length > 0 && rows.every((row) => isFigure(row[at]));
    return { texts, width: Math.max(...texts.map(textWidth)), gives: flexible.includes(heading), isRight };
  });
  const lines = await Promise.all(linesOf(columns, screen).map((part, index) => renderLines(part, index === 0 ? screen : screen - INDENT)));
  const [first = [], ...others] = lines;
  const below = (row: number): string => others.map((other) => `\n${' '.repeat(INDENT)}${other[row] ?? ''}`.trimEnd()).join('');
  return first.map((line, row) => `${line}${below(row)}\n`).join('');
}

interface Column {
  /** The heading and the cells. */
  readonly texts: readonly string[];
  readonly width: number;
  readonly gives: boolean;
  readonly isRight: boolean;
}

/** The columns of each line of a row: one where they fit when some give way, or else as many as it takes, so that an id stays whole. */
function linesOf(columns: readonly Column[], screen: number): readonly (readonly Column[])[] {
  const least = (column: Column): number => (column.gives ? Math.min(column.width, NARROWEST - 1) : column.width) + 2;
  const fits = (some: readonly Column[], width: number): boolean => some.reduce((sum, column) => sum + least(column), -1) <= width;
  if (fits(columns, screen)) return [columns];
  const telling = columns.filter(({ texts }, at) => at === 0 || texts.slice(1).some((text) => !/^(?:|\{\}|\[\])$/.test(text)));
  const lines: Column[][] = [[]];
  for (const column of telling) {
    const line = lines.at(-1) ?? [];
    if (line.length === 0 || fits([...line, column], lines.length === 1 ? screen : screen - INDENT)) line.push(column);
    else lines.push([column]);
  }
  return lines;
}

async function renderLines(columns: readonly Column[], screen: number): Promise<readonly string[]> {
  const { default: Table } = await import('cli-table3');
  const { widths, padding } = fittingWidths(columns, screen);
  const table = new Table({
    head: columns.map(({ texts }) => texts[0] ?? ''),
    style: { head: [], border: [], compact: true, 'padding-left': padding - 1 },
    chars: NO_LINES,
    colAligns: columns.map(({ isRight }) => (isRight ? 'right' : 'left')),
    colWidths: widths,
  });
  const rows = (columns[0]?.texts.length ?? 1) - 1;
  for (let row = 1; row <= rows; row += 1) table.push(columns.map(({ texts }) => texts[row] ?? ''));
  return table
    .toString()
    .replace(/[ \t]+$/gm, '')
    .split('\n');
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
function fittingWidths(columns: readonly Column[], screen: number): Fitted {
  const texts = columns.map(({ width }) => width);
  const gives = columns.map((column) => column.gives);
  const everybody = columns.map(() => true);
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
