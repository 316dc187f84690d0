/** Signals as remote control names them: `SIGTERM`, `TERM`, `term`, 15. */
import { constants } from 'node:os';
import { pythonRepr } from '../protocol/python-repr.js';
import { CommandError } from './command.js';

export interface NamedSignal {
  readonly name: string;
  readonly number: number;
}

const numbers = new Map<string, number>(Object.entries(constants.signals));

/** @throws CommandError for a signal that this machine does not have. */
export function signalNumber(given: unknown): NamedSignal {
  if (given === undefined || given === null || given === '') return { name: 'SIGTERM', number: 15 };
  if (typeof given === 'number') {
    const name = [...numbers].find(([, number]) => number === given)?.[0];
    if (name !== undefined) return { name, number: given };
  }
  if (typeof given === 'string') {
    const upper = given.toUpperCase();
    const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
    const number = numbers.get(name);
    if (number !== undefined) return { name, number };
  }
  throw new CommandError('ValueError', `unknown signal ${pythonRepr(given).slice(0, 60)}`);
}
