/**
 * Finds the command's name among the words typed, so that only that command is loaded. Global options
 * may stand before the name, as Celery users type them (`celery -A tasks worker`); what follows the
 * name is left to `program.ts`.
 */
import { UsageError } from '../errors.js';
import type { CommandOption } from './command.js';
import { globalOptions } from './global-options.js';

export interface CommandLine {
  /** undefined when there are options only. */
  readonly command: string | undefined;
  /** All words but the command's name. */
  readonly rest: readonly string[];
}

export function splitCommandLine(argv: readonly string[]): CommandLine {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return { command: undefined, rest: argv };
    if (!word.startsWith('-') || word === '-') {
      return { command: word, rest: [...argv.slice(0, index), ...argv.slice(index + 1)] };
    }
    if (takesNextWord(word)) index += 1;
  }
  return { command: undefined, rest: argv };
}

/** The names in `-b, --broker <url>`: `-b` and `--broker`. */
export function namesOf(option: Pick<CommandOption, 'flags'>): readonly string[] {
  // Without its value: `<file|->` is no name.
  const [names = ''] = option.flags.split(/[<[]/, 1);
  return names.split(/[ ,|]+/).filter((part) => part.startsWith('-'));
}

const withValue = new Set<string>();
const withoutValue = new Set<string>();
for (const option of Object.values(globalOptions)) {
  for (const name of namesOf(option)) (option.kind === 'value' ? withValue : withoutValue).add(name);
}

function takesNextWord(word: string): boolean {
  if (word.startsWith('--')) {
    const [name = ''] = word.split('=', 1);
    if (!withValue.has(name) && !withoutValue.has(name)) throw notGlobal(name);
    return withValue.has(name) && !word.includes('=');
  }
  // `-qA tasks` and `-Atasks`: letters without a value, then perhaps one with.
  for (const [position, letter] of [...word.slice(1)].entries()) {
    if (withValue.has(`-${letter}`)) return position === word.length - 2;
    if (!withoutValue.has(`-${letter}`)) throw notGlobal(`-${letter}`);
  }
  return false;
}

function notGlobal(name: string): UsageError {
  return new UsageError(`unknown option ${name} before the command`, {
    hint: `a command's own options follow its name: ctq <command> ${name}; ctq --help lists both`,
  });
}
