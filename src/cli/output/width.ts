/** How many columns of a screen a text takes: letters of East Asia and emoji take two, accents that are put on a letter none. */
import { eastAsianWidth } from 'get-east-asian-width';

const ASCII = /^[\u0020-\u007e]*$/;
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\p{Control}\p{Mark}\p{Surrogate}]+$/u;
/** Drawn as pictures by themselves, or because the next character asks for it. */
const PICTURE = /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Regional_Indicator}{2})/u;

let segmenter: Intl.Segmenter | undefined;

/** What a reader takes for one character, each with its columns. */
function* charactersOf(text: string): Iterable<{ readonly character: string; readonly columns: number }> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(text)) yield { character: segment, columns: columnsOf(segment) };
}

function columnsOf(character: string): number {
  if (ASCII.test(character)) return character.length;
  if (INVISIBLE.test(character)) return 0;
  if (PICTURE.test(character)) return 2;
  return eastAsianWidth(character.codePointAt(0) ?? 0);
}

export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { columns } of charactersOf(text)) width += columns;
  return width;
}

/** At most so many columns; what is cut off leaves a …. */
export function cutText(text: string, width: number): string {
  // No character takes less than one unit and shows more than two columns, so far beyond the end nothing needs to be measured.
  if (text.length <= width / 2 || (text.length <= width && ASCII.test(text)) || textWidth(text.slice(0, width * 8 + 8)) <= width)
    return text;
  if (width <= 1) return width === 1 ? '…' : '';
  let [shown, taken] = ['', 0];
  for (const { character, columns } of charactersOf(text.slice(0, width * 8 + 8))) {
    if (taken + columns > width - 1) break;
    shown += character;
    taken += columns;
  }
  return `${shown}…`;
}

/** How many units of a text stand in so many columns: at least one character. */
export function fittingLength(text: string, width: number): number {
  if (ASCII.test(text.slice(0, width))) return Math.min(text.length, width);
  let [length, taken] = [0, 0];
  for (const { character, columns } of charactersOf(text.slice(0, width * 8 + 8))) {
    if (length > 0 && taken + columns > width) break;
    length += character.length;
    taken += columns;
  }
  return length;
}

/** Exactly so many columns. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutText(text, width);
  const space = ' '.repeat(Math.max(0, width - textWidth(cut)));
  return align === 'left' ? cut + space : space + cut;
}
