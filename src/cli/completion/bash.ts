/** For bash from 3.2 on (macOS still brings that one along), without the package bash-completion. */
import walk from './walk.bash';

/** @param table - See `word-table.ts`. */
export function bashScript(table: readonly string[]): string {
  // It shows no summaries.
  const lines = table.map((line) => `${line.split('|').slice(0, 3).join('|')}|`);
  return walk.replace('@TABLE@', () => lines.join('\n').replaceAll("'", `'\\''`));
}
