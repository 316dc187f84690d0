/**
 * Text from elsewhere (ids, names, exception texts, file names) on its way to a terminal or a log: a
 * line end in it would forge a line, an escape sequence would paint the screen (RELIABILITY S10).
 */

// C0 and C1 controls, line and paragraph separators, and the marks that reorder text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const UNSAFE_BUT_LAYOUT = /(?![\n\t])[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Everything on one line, nothing that moves the cursor. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, visible);
}

/** The same, but line ends and tabs stay. */
export function escapeBlock(text: string): string {
  return text.replace(UNSAFE_BUT_LAYOUT, visible);
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
