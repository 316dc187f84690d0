/** What a stream can show. */
import type { Environment } from '../../config/resolve.js';
import type { TerminalStream } from '../context.js';

export function isTerminal(stream: TerminalStream): boolean {
  return stream.isTTY === true;
}

/** `--no-color` › `NO_COLOR` › `FORCE_COLOR` › whether it is a terminal that can (no-color.org, force-color.org). */
export function wantsColour(stream: TerminalStream, env: Environment, noColor: boolean | undefined): boolean {
  if (noColor === true || (env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return isTerminal(stream) && env['TERM'] !== 'dumb';
}

/** Writes, and waits while the reader is behind: a slow pipe must not fill our memory. */
export async function writeWhole(stream: TerminalStream, text: string): Promise<void> {
  if (!stream.write(text)) await new Promise<void>((resolve) => void stream.once('drain', resolve));
}
