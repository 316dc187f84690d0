/** The files in completions/ and man/: `npm run generate` writes them, and a test compares. Not part of the program. */
import { commands } from './commands/index.js';
import { commandTree } from './completion/command-tree.js';
import { completionScript, type Shell } from './completion/scripts.js';
import { manPages } from './man/pages.js';

const SCRIPT_FILES: Readonly<Record<Shell, string>> = { bash: 'ctq.bash', zsh: '_ctq', fish: 'ctq.fish', powershell: 'ctq.ps1' };

/** Path below the project → text. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [shell, file] of Object.entries(SCRIPT_FILES))
    files.set(`completions/${file}`, await completionScript(shell as Shell, commands));
  for (const [file, page] of manPages(await commandTree(commands))) files.set(`man/${file}`, page);
  return files;
}
