/** A line of the screen: pieces of text, each in a colour. */
import type { Colour, Paint } from '../output/colour.js';
import { cutText, fitText, textWidth } from '../output/width.js';

export interface Span {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export type Line = readonly Span[];

export function span(text: string, colour?: Colour): Span {
  return colour === undefined ? { text } : { text, colour };
}

export function plainLine(line: Line): string {
  return line.map(({ text }) => text).join('');
}

export function paintLine(line: Line, paint: Paint): string {
  return line.map(({ text, colour }) => (colour === undefined || text === '' ? text : paint(colour, text))).join('');
}

/** At most so many columns. */
export function cutLine(line: Line, width: number): Line {
  const cut: Span[] = [];
  let left = width;
  for (const [index, one] of line.entries()) {
    const wide = textWidth(one.text);
    // What still fits must leave room for the … of what does not.
    const fits = wide < left || (wide === left && line.slice(index + 1).every(({ text }) => text === ''));
    cut.push(fits ? one : { ...one, text: cutText(`${one.text}${wide <= left ? ' '.repeat(left) : ''}`, left) });
    left -= wide;
    if (!fits) break;
  }
  return cut;
}

/** All of it in one colour, from edge to edge. */
export function bar(line: Line, width: number, colour: Colour): Line {
  return [span(fitText(plainLine(line), width), colour)];
}

/** One piece at the left edge, one at the right; the left one gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const wide = textWidth(plainLine(right));
  if (wide + 2 > width) return cutLine(left, width);
  const cut = cutLine(left, width - wide - 1);
  return [...cut, span(' '.repeat(Math.max(1, width - wide - textWidth(plainLine(cut))))), ...right];
}
