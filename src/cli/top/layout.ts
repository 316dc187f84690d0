/** Columns on a screen of a given width: what gives way, and what is left out. */
import { fitText, textWidth } from '../output/width.js';
import type { Pane, PaneRow } from './panes.js';
import type { Sort } from './state.js';

export interface PlacedColumn {
  /** Which of the pane's columns. */
  readonly index: number;
  readonly width: number;
}

const GAP = 2;
/** Further rows are not measured: a screen does not show so many. */
const MEASURED = 500;

export function placeColumns(
  pane: Pick<Pane, 'columns'>,
  rows: readonly Pick<PaneRow, 'cells'>[],
  { width, sort }: { readonly width: number; readonly sort: Sort },
): readonly PlacedColumn[] {
  const measured = rows.slice(0, MEASURED);
  let placed = pane.columns.map((column, index) => {
    // Room for the mark of the order beside the heading.
    const heading = column.heading.length + (index === sort.column ? 1 : 0);
    const natural = Math.max(heading, ...measured.map(({ cells }) => textWidth(cells[index] ?? '')));
    return { index, rank: column.rank, natural, width: natural, least: Math.min(column.least ?? natural, natural) };
  });
  const total = (read: (column: (typeof placed)[number]) => number): number =>
    placed.reduce((sum, column) => sum + read(column) + GAP, -GAP);
  for (;;) {
    const last = Math.max(...placed.map(({ rank }) => rank));
    if (last === 0 || total(({ least }) => least) <= width) break;
    placed = placed.filter(({ rank }) => rank !== last);
  }
  for (let excess = total((column) => column.width) - width; excess > 0; excess -= 1) {
    const spare = placed.filter((column) => column.width > column.least);
    const first = spare.filter(({ index }) => pane.columns[index]?.givesFirst === true);
    const [widest] = (first.length > 0 ? first : spare).sort((a, b) => b.width - a.width);
    if (widest === undefined) break;
    widest.width -= 1;
  }
  return placed.map(({ index, width: fitted }) => ({ index, width: fitted }));
}

export function headingTexts(pane: Pick<Pane, 'columns'>, placed: readonly PlacedColumn[], sort: Sort): readonly string[] {
  return placed.map(({ index, width }, at) => {
    const column = pane.columns[index];
    const mark = index === sort.column ? (sort.order === 'up' ? '▴' : '▾') : '';
    return cellText(`${column?.heading ?? ''}${mark}`, width, column?.align ?? 'left', at === placed.length - 1 ? 'last' : 'between');
  });
}

export function rowTexts(pane: Pick<Pane, 'columns'>, placed: readonly PlacedColumn[], row: Pick<PaneRow, 'cells'>): readonly string[] {
  return placed.map(({ index, width }, at) =>
    cellText(row.cells[index] ?? '', width, pane.columns[index]?.align ?? 'left', at === placed.length - 1 ? 'last' : 'between'),
  );
}

function cellText(text: string, width: number, align: 'left' | 'right', place: 'last' | 'between'): string {
  return `${fitText(text, width, align)}${place === 'last' ? '' : ' '.repeat(GAP)}`;
}
