/** Colours where they can be seen. chalk is loaded only then. */
import type { Environment } from '../../config/resolve.js';
import type { TerminalStream } from '../context.js';
import { wantsColour } from './terminal.js';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'inverse';
export type Paint = (colour: Colour, text: string) => string;

const plain: Paint = (_colour, text) => text;

export async function paintFor(stream: TerminalStream, env: Environment, noColor: boolean | undefined): Promise<Paint> {
  if (!wantsColour(stream, env, noColor)) return plain;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return (colour, text) => chalk[colour](text);
}

/** The colour of a task state, the same everywhere. */
export function stateColour(state: string): Colour {
  if (state === 'SUCCESS') return 'green';
  if (state === 'FAILURE' || state === 'REVOKED') return 'red';
  return state === 'PENDING' ? 'dim' : 'yellow';
}
