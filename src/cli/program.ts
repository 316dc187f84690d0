/** The command table → commander: parsing and help. Nothing is built but the command that was called. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { closestName } from '../config/closest-name.js';
import { camelCase } from '../config/setting-names.js';
import { UsageError } from '../errors.js';
import { celeryOptionHint } from './celery-words.js';
import { namesOf } from './command-line.js';
import type { CommandEntry } from './commands/index.js';
import { type CommandOption, type CommandOptions, type CommandSpec, type HelpSection, isExpected } from './command.js';
import { globalOptions, unavailableGlobals } from './global-options.js';

export interface ParsedCommand {
  readonly kind: 'command';
  readonly args: readonly string[];
  /** Option key → value; absent where the option was not given. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** What `--help` and `--version` ask for. */
export interface ParsedQuestion {
  readonly kind: 'question';
  readonly answer: string;
}

export interface ProgramSetting {
  readonly version: string;
  /** Columns of the terminal that help is printed on. */
  readonly width: number;
}

/**
 * @throws {@link UsageError} for whatever is wrong with the command line.
 */
export function parseCommand(spec: CommandSpec, argv: readonly string[], setting: ProgramSetting): ParsedCommand | ParsedQuestion {
  let answer = '';
  const command = buildCommand(spec, setting);
  command.configureOutput({
    writeOut: (text) => {
      answer += text;
    },
    writeErr: () => {},
  });
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
      return { kind: 'question', answer: `${answer.trimEnd()}\n` };
    throw usageError(error, spec, command);
  }
  return { kind: 'command', args: command.args, values: readValues(allOptions(spec), command.opts()) };
}

/** The help of one command. */
export function helpOf(spec: CommandSpec, setting: ProgramSetting): string {
  const parsed = parseCommand(spec, ['--help'], setting);
  return parsed.kind === 'question' ? parsed.answer : '';
}

/** `ctq --help`: what there is, without loading any of it. */
export function overview(entries: readonly CommandEntry[], setting: ProgramSetting): string {
  const program = bareCommand('ctq', setting).usage('[global options] <command> [options]');
  program.description('A task queue for Node that speaks Celery in both directions.');
  for (const { name, summary } of entries) program.command(name).description(summary).helpOption(false);
  addOptions(program, globalOptions, 'Global options, before the command or after it:');
  program.version(setting.version, '--version', 'print the version').helpOption('-h, --help', 'print this help').helpCommand(false);
  return `${program.helpInformation()}\nctq <command> --help tells about one command.\n`;
}

/** Reads a value as the option would; `where` is how the error names the place. */
export function readOption(option: CommandOption, raw: string, where: string): unknown {
  if (option.kind !== 'value' && option.kind !== 'list') return raw;
  try {
    return option.read(raw);
  } catch (error) {
    if (isExpected(error)) throw new UsageError(`${where} is ${JSON.stringify(shorten(raw))}`, { hint: error.message });
    throw error;
  }
}

/** `--countdown`, or the short name where there is no long one. */
export function displayName(option: Pick<CommandOption, 'flags'>): string {
  const names = namesOf(option);
  return names.find((name) => name.startsWith('--')) ?? names[0] ?? option.flags;
}

function bareCommand(name: string, setting: ProgramSetting): Command {
  const command = new Command(name).exitOverride();
  command.configureHelp({ helpWidth: setting.width });
  return command;
}

function buildCommand(spec: CommandSpec, setting: ProgramSetting): Command {
  const command = bareCommand(`ctq ${spec.name}`, setting).description(`${spec.summary[0]?.toUpperCase()}${spec.summary.slice(1)}.`);
  for (const { name, summary, required, variadic } of spec.arguments) {
    const shape = variadic === true ? `${name}...` : name;
    command.addArgument(new Argument(required ? `<${shape}>` : `[${shape}]`, summary));
  }
  addOptions(command, spec.options);
  addOptions(command, globalOptions, 'Global options:');
  addOptions(command, unavailableGlobals);
  command.version(setting.version, '--version', 'print the version');
  command.helpOption('-h, --help', 'print this help');
  for (const section of spec.sections ?? []) command.addHelpText('after', `\n${sectionText(section, setting.width)}`);
  const lines = spec.examples.map(([line, does]) => `  # ${does}\n  ${line}\n`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  // Without an action commander does not check the arguments.
  return command.action(() => {});
}

/** Terms on the left, what they mean below them where they are long. */
function sectionText({ heading, rows }: HelpSection, width: number): string {
  const column = 26;
  const lines = rows.flatMap(([term, description]) => {
    const text = wrap(description, Math.max(width - column - 2, 20)).map((line) => `${' '.repeat(column)}${line}`);
    const [first = '', ...more] = text;
    return term.length + 4 > column ? [`  ${term}`, first, ...more] : [`  ${term.padEnd(column - 2)}${first.trimStart()}`, ...more];
  });
  return `${heading}\n${lines.join('\n')}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function addOptions(command: Command, options: CommandOptions, heading?: string): void {
  for (const [key, spec] of Object.entries(options)) {
    if (options === globalOptions && (key === 'help' || key === 'version')) continue;
    const option = new Option(spec.flags, spec.summary).hideHelp(spec.kind === 'unavailable');
    if (heading !== undefined) option.helpGroup(heading);
    if (spec.kind === 'list') option.argParser((raw: string, before: unknown) => [...((before as string[] | undefined) ?? []), raw]);
    command.addOption(option);
    if (spec.kind === 'toggle') command.addOption(new Option(displayName(spec).replace('--', '--no-')).hideHelp());
  }
}

function allOptions(spec: CommandSpec): CommandOptions {
  return { ...spec.options, ...globalOptions, ...unavailableGlobals };
}

function readValues(options: CommandOptions, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(options)) {
    const name = displayName(option);
    // Commander turns `--no-color` into color: true, and false where it was given.
    const negative = option.kind !== 'toggle' && name.startsWith('--no-');
    const given = raw[camelCase(name.slice(negative ? 5 : 2).replaceAll('-', '_'))];
    if (given === undefined) continue;
    if (option.kind === 'unavailable') {
      throw new UsageError(`${name} is not available in this version of ctq`, { hint: option.summary });
    }
    if (negative) {
      if (given === false) values[key] = true;
    } else if (option.kind === 'list') values[key] = (given as string[]).map((one) => readOption(option, one, name));
    else values[key] = typeof given === 'string' ? readOption(option, given, name) : given;
  }
  return values;
}

function usageError(error: CommanderError, spec: CommandSpec, command: Command): UsageError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const help = `ctq ${spec.name} --help`;
  switch (error.code) {
    case 'commander.unknownOption':
      return new UsageError(`unknown option ${shorten(quoted)} for ctq ${spec.name}`, { hint: optionHint(quoted, spec) });
    case 'commander.optionMissingArgument':
      return new UsageError(`${displayName({ flags: quoted })} needs a value`, { hint: `${quoted}; see ${help}` });
    case 'commander.missingArgument': {
      const missing = spec.arguments.find(({ name }) => name === quoted);
      return new UsageError(`${missing?.summary ?? quoted} is missing`, { hint: `usage: ctq ${spec.name} ${command.usage()}` });
    }
    case 'commander.excessArguments':
      return new UsageError(`too many arguments for ctq ${spec.name}`, { hint: excessHint(command, spec) });
    default:
      return new UsageError(error.message.replace(/^error: /, ''), { hint: `see ${help}` });
  }
}

/** What a word alone was probably meant for. */
const MEANT: Readonly<Record<string, string>> = { purge: '-Q', worker: '-A', exporter: '-A' };

function excessHint(command: Command, spec: CommandSpec): string {
  const flag = Object.hasOwn(MEANT, spec.name) ? MEANT[spec.name] : undefined;
  const word = command.args[spec.arguments.length];
  const meant = flag === undefined || word === undefined ? '' : `did you mean ${flag} ${shorten(word)}? `;
  return `${meant}usage: ctq ${spec.name} ${command.usage()}`;
}

function optionHint(typed: string, spec: CommandSpec): string {
  const [name = typed] = typed.split('=', 1);
  const celerys = celeryOptionHint(spec.name, name);
  if (celerys !== undefined) return celerys;
  const names = Object.values<CommandOption>({ ...spec.options, ...globalOptions })
    .filter(({ kind }) => kind !== 'unavailable')
    .flatMap(namesOf);
  const lookalike = name.startsWith('--')
    ? closestName(
        name,
        names.filter((known) => known.startsWith('--')),
      )
    : undefined;
  if (lookalike !== undefined) return `did you mean ${lookalike}?`;
  const dash = spec.arguments.some(({ variadic }) => variadic === true) ? '; arguments that begin with a dash go after --' : '';
  return `see ctq ${spec.name} --help${dash}`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
