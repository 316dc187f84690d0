/** A question before something cannot be undone. */
import { UsageError } from '../errors.js';
import type { CommandCall } from './command.js';
import { readLines } from './line-reader.js';
import { isTerminal } from './output/terminal.js';

type Call = Pick<CommandCall, 'context' | 'signal'>;

/**
 * Asks on the terminal; only `y` and `yes` mean yes.
 *
 * @param force - The name of the option that answers beforehand, for the hint.
 * @throws UsageError when nobody is there to be asked.
 */
export async function confirm({ context, signal }: Call, question: string, force = '-f'): Promise<boolean> {
  const { stdin, stderr } = context;
  if ((stdin as { readonly isTTY?: boolean }).isTTY !== true || !isTerminal(stderr)) {
    throw new UsageError('there is nobody to ask: this needs a terminal', { hint: `${force} does it without asking` });
  }
  stderr.write(`${question} [y/N] `);
  const answer = await firstLine(stdin as unknown as AsyncIterable<Uint8Array>, signal);
  return /^\s*y(es)?\s*$/i.test(answer);
}

async function firstLine(input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  const aborted = new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve(''), { once: true }));
  const typed = async (): Promise<string> => {
    for await (const { text } of readLines(input)) return text ?? '';
    return '';
  };
  return Promise.race([typed(), aborted]);
}
