/** Tracebacks as people read them: what ctq itself did before it called the task is one line. Pipes and `--json` have it all. */
import { countText } from './output/number.js';

/** A frame as ctq's workers write it, in Python's form (protocol/traceback.ts), of the installed package's own code. */
const OWN_FRAME = /^ {2}File "(?:[^"]*[/\\])?node_modules[/\\]ctq[/\\]dist[/\\][^"]*", line \d+/;

export function foldedTraceback(text: string): string {
  const lines: string[] = [];
  let own: string[] = [];
  const flush = (): void => {
    if (own.length > 0) lines.push(own.length === 1 ? (own[0] ?? '') : `  (${countText(own.length, 'frame')} of ctq itself)`);
    own = [];
  };
  for (const line of text.split('\n')) {
    if (OWN_FRAME.test(line)) {
      own.push(line);
      continue;
    }
    flush();
    lines.push(line);
  }
  flush();
  return lines.join('\n');
}
