/** Lines of a stream, one at a time: an input of any length in bounded memory. */

/** A line as long as the longest message anybody accepts; more is no task but a wrong file. */
const LONGEST_LINE = 64 * 1024 * 1024;

export interface InputLine {
  readonly number: number;
  /** undefined when the line is too long to be read. */
  readonly text: string | undefined;
}

export async function* readLines(input: AsyncIterable<Uint8Array | string>, longest: number = LONGEST_LINE): AsyncGenerator<InputLine> {
  const decoder = new TextDecoder();
  let number = 1;
  let rest = '';
  let tooLong = false;
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', start)) {
      yield { number, text: tooLong ? undefined : withoutReturn(rest.slice(start, end)) };
      tooLong = false;
      number += 1;
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > longest) [rest, tooLong] = ['', true];
  }
  rest += decoder.decode();
  if (rest !== '' || tooLong) yield { number, text: tooLong ? undefined : withoutReturn(rest) };
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
