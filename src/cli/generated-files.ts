/** The files in completions/, man/ and docs/reference/: `npm run generate` writes them, and a test compares. Not part of the program. */
import { commands } from './commands/index.js';
import { commandTree } from './completion/command-tree.js';
import { completionScript, type Shell } from './completion/scripts.js';
import { manPages } from './man/pages.js';
import { cliPage } from './reference/cli-page.js';
import { settingsPage } from './reference/settings-page.js';

const SCRIPT_FILES: Readonly<Record<Shell, string>> = { bash: 'ctq.bash', zsh: '_ctq', fish: 'ctq.fish', powershell: 'ctq.ps1' };

/**
 * Path below the project → text. The page of the library is made by tools/api-reference.mjs, beside these.
 *
 * @param settingsSource - The text of the tables in src/config/settings/.
 */
export async function generatedFiles(settingsSource: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [shell, file] of Object.entries(SCRIPT_FILES))
    files.set(`completions/${file}`, await completionScript(shell as Shell, commands));
  const tree = await commandTree(commands);
  for (const [file, page] of manPages(tree)) files.set(`man/${file}`, page);
  files.set('docs/reference/cli.md', cliPage(tree));
  files.set('docs/reference/settings.md', settingsPage(settingsSource));
  return files;
}
