/** For PowerShell 5.1 and later. */
import walk from './walk.ps1';

/** @param table - See `word-table.ts`. */
export function powershellScript(table: readonly string[]): string {
  return walk.replace('@TABLE@', () => table.map((line) => `    '${line.replaceAll("'", "''")}'`).join('\n'));
}
