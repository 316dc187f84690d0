/** `ctq completion`: prints the script that lets a shell complete ctq's words. The same files stand in completions/. */
import { UsageError } from '../../errors.js';
import { closestName } from '../../config/closest-name.js';
import { defineCommand } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

export const completion = defineCommand({
  name: 'completion',
  summary: 'print what lets a shell complete commands, options, files, and names of queues, tasks and workers',
  arguments: [{ name: 'shell', summary: 'the name of the shell: bash, zsh, fish or powershell', required: true, choices: SHELLS }],
  options: {},
  sections: [
    {
      heading: 'Where it goes:',
      rows: [
        ['bash', 'source <(ctq completion bash) in ~/.bashrc'],
        ['zsh', 'source <(ctq completion zsh) in ~/.zshrc, after compinit'],
        ['fish', 'ctq completion fish > ~/.config/fish/completions/ctq.fish'],
        ['powershell', 'ctq completion powershell | Out-String | Invoke-Expression in $PROFILE'],
      ],
    },
    {
      heading: 'Names:',
      rows: [
        [
          'queues, tasks, workers, ids',
          'are asked for at the broker of the line (-b, --config), the environment or the config file; ' +
            'what it does not tell at once is not offered. The module behind -A is not loaded for it',
        ],
      ],
    },
  ],
  examples: [
    ['source <(ctq completion bash)', 'for this shell, from now on'],
    ['ctq completion zsh > ~/.zfunc/_ctq', 'for every zsh with ~/.zfunc in its fpath'],
    ['ctq completion fish > ~/.config/fish/completions/ctq.fish', 'for every fish'],
  ],
  async run({ args: [typed = ''], context, commands }) {
    const shell = SHELLS.find((name) => name === typed);
    if (shell === undefined) {
      const lookalike = closestName(typed, SHELLS);
      throw new UsageError(`there is no completion for ${JSON.stringify(escapeText(typed))}`, {
        hint: lookalike === undefined ? `there is one for ${SHELLS.join(', ')}` : `did you mean ${lookalike}?`,
      });
    }
    // Only here, for they load all the other commands.
    const { completionScript } = await import('../completion/scripts.js');
    context.stdout.write(await completionScript(shell, commands));
    return EXIT.ok;
  },
});
