import { fittingLength } from './width.js';

/** Breaks a text into lines of at most `width` characters, at spaces; a longer word has a line of its own. */
export function wrapText(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}

/** Breaks a line of code or of a traceback wherever the screen ends; what follows stands two columns further right than it began. */
export function foldLine(line: string, width: number): readonly string[] {
  const indent = ' '.repeat(Math.min(line.length - line.trimStart().length + 2, Math.floor(width / 2)));
  const lines: string[] = [];
  let rest = line;
  while (rest.length > 0) {
    const length = fittingLength(rest, width);
    lines.push(rest.slice(0, length));
    rest = rest.length === length ? '' : indent + rest.slice(length);
  }
  return lines.length === 0 ? [''] : lines;
}
