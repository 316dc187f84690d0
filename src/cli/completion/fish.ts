/** For fish from 3.1 on. */
import walk from './walk.fish';

/** @param table - See `word-table.ts`. */
export function fishScript(table: readonly string[]): string {
  return walk.replace('@TABLE@', () => table.map((line) => `    '${line.replaceAll(/[\\']/g, '\\$&')}'`).join(' \\\n'));
}
