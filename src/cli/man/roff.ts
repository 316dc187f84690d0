/** Text → roff, the language of man pages, so that it prints as it stands. */

const CHARACTERS: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  '’': '\\(cq',
  '‘': '\\(oq',
  "'": '\\(aq',
  '…': '...',
  '–': '\\(en',
};

/** A line of running text. */
export function roffText(text: string): string {
  const escaped = text.replaceAll(/[\\’‘'…–-]|[^ -~]/g, (character) => CHARACTERS[character] ?? codePoint(character));
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped;
}

export const bold = (text: string): string => `\\fB${roffText(text)}\\fR`;

export const section = (heading: string): string => `.SH "${roffText(heading).replaceAll('"', '')}"`;

/** A term, and what it means, indented below it. */
export const entry = (term: string, ...description: readonly string[]): string[] => ['.TP', term, ...description];

function codePoint(character: string): string {
  return `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
}
