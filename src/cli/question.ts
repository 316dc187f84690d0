/** A question before something that cannot be taken back. */
import { createInterface } from 'node:readline';
import { UsageError } from '../errors.js';
import type { CommandCall } from './command.js';
import { Interruption } from './exit-codes.js';
import { isTerminal } from './output/terminal.js';

/**
 * Asks on stderr; nothing but `y` and `yes` is a yes.
 *
 * @throws {@link UsageError} where nobody can answer.
 */
export async function confirm({ context, signal }: Pick<CommandCall, 'context' | 'signal'>, question: string): Promise<boolean> {
  const { stdin, stderr } = context;
  if ((stdin as { readonly isTTY?: boolean }).isTTY !== true || !isTerminal(stderr)) {
    throw new UsageError(`${question}: nobody is here to answer`, {
      hint: '-f goes ahead without asking, --dry-run shows what would happen',
    });
  }
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  const cancel = (): void => lines.close();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    stderr.write(`${question}? [y/N] `);
    const answer = await new Promise<string | undefined>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(undefined));
    });
    if (answer === undefined && signal.aborted) throw new Interruption('SIGINT');
    return /^\s*y(es)?\s*$/i.test(answer ?? '');
  } finally {
    signal.removeEventListener('abort', cancel);
    lines.close();
  }
}
