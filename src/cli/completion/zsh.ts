/** For zsh from 5.0 on, sourced or as `_ctq` in a folder of fpath. */
import walk from './walk.zsh';

/** @param table - See `word-table.ts`. */
export function zshScript(table: readonly string[]): string {
  return walk.replace('@TABLE@', () => table.map((line) => `  '${line.replaceAll("'", `'\\''`)}'`).join('\n'));
}
