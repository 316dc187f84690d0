/** The lines of a stream, as they come. */

/** A line that does not end is cut here. */
const LONGEST_LINE = 64 * 1024;

export function eachLine(stream: NodeJS.ReadableStream, tell: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') tell(line.trimEnd());
    if (rest.length > LONGEST_LINE) {
      tell(rest);
      rest = '';
    }
  });
  stream.on('end', () => {
    if (rest.trim() !== '') tell(rest.trimEnd());
  });
  stream.on('error', () => {});
}
