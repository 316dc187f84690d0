/** Markdown for the pages of docs/reference/. */

export const MADE = '<!-- Made by "npm run generate": change the code it is made from. -->';

/** A text inside a table cell or a paragraph, as it stands. */
export function plain(text: string): string {
  return text.replaceAll(/[\\|<>*[\]]/g, (character) => `\\${character}`).replaceAll('\n', ' ');
}

/** Code inside a table cell. */
export function code(text: string): string {
  return `\`${text.replaceAll('|', String.raw`\|`)}\``;
}

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(headings), `|${headings.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Paragraphs, tables and fences → a page. */
export function page(parts: readonly string[]): string {
  return `${[MADE, ...parts].join('\n\n')}\n`;
}
