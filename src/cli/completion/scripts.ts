/** One script for each shell, all from the same table of words. */
import type { CommandEntry } from '../commands/index.js';
import { bashScript } from './bash.js';
import { commandTree } from './command-tree.js';
import { fishScript } from './fish.js';
import { powershellScript } from './powershell.js';
import { wordTable } from './word-table.js';
import { zshScript } from './zsh.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript } as const;

export type Shell = keyof typeof SCRIPTS;

export async function completionScript(shell: Shell, commands: readonly CommandEntry[]): Promise<string> {
  return SCRIPTS[shell](wordTable(await commandTree(commands)));
}
