/**
 * What a command is: data, and a function. `program.ts` hands the data to commander; help, completions
 * and the man page are made from the same data.
 */
import type { CommandEntry } from './commands/index.js';
import type { CliContext } from './context.js';
import type { LoadedConfig } from './config-file.js';
import type { GlobalOptions } from './global-options.js';

/** How to read an option's value. Throws {@link Expected} with what it should have been. */
export type ReadValue<Value> = (raw: string) => Value;

/** Thrown by a {@link ReadValue}: the second half of "--countdown is "soon"; it must be …". */
export class Expected extends Error {
  override readonly name = 'Expected';
}

/** By name, for the options of the worker come from another bundle (docs/decisions/0008). */
export function isExpected(error: unknown): error is Expected {
  return error instanceof Error && error.name === 'Expected';
}

interface OptionBase {
  /** As commander writes them: `-c, --concurrency <number>`. */
  readonly flags: string;
  readonly summary: string;
  readonly choices?: readonly string[];
  /** What a shell may offer for the value. */
  readonly completes?: 'file' | 'folder' | 'queue' | 'task' | 'node' | 'held id' | 'failed id';
}

export interface FlagOption extends OptionBase {
  readonly kind: 'flag';
}

/** `--retry` and `--no-retry`; neither leaves it to the default. */
export interface ToggleOption extends OptionBase {
  readonly kind: 'toggle';
}

export interface ValueOption<Value> extends OptionBase {
  readonly kind: 'value';
  readonly read: ReadValue<Value>;
}

/** May be given several times. */
export interface ListOption<Value> extends OptionBase {
  readonly kind: 'list';
  readonly read: ReadValue<Value>;
}

/** One of Celery's that this version does not have yet: refused by name rather than as a typing mistake. */
export interface UnavailableOption extends OptionBase {
  readonly kind: 'unavailable';
}

export type CommandOption = FlagOption | ToggleOption | ValueOption<unknown> | ListOption<unknown> | UnavailableOption;
export type CommandOptions = Readonly<Record<string, CommandOption>>;

type More = Partial<Pick<OptionBase, 'choices' | 'completes'>>;

export const flag = (flags: string, summary: string): FlagOption => ({ kind: 'flag', flags, summary });
export const toggle = (flags: string, summary: string): ToggleOption => ({ kind: 'toggle', flags, summary });
export const value = <Value>(flags: string, summary: string, read: ReadValue<Value>, more: More = {}): ValueOption<Value> => ({
  kind: 'value',
  flags,
  summary,
  read,
  ...more,
});
export const list = <Value>(flags: string, summary: string, read: ReadValue<Value>, more: More = {}): ListOption<Value> => ({
  kind: 'list',
  flags,
  summary,
  read,
  ...more,
});
export const unavailable = (flags: string, instead: string): UnavailableOption => ({ kind: 'unavailable', flags, summary: instead });

/** The values a command's `run` gets: undefined where nothing was said. */
export type OptionValues<Options extends CommandOptions> = {
  readonly [Key in keyof Options]: Options[Key] extends ValueOption<infer Value>
    ? Value | undefined
    : Options[Key] extends ListOption<infer Value>
      ? readonly Value[] | undefined
      : Options[Key] extends UnavailableOption
        ? undefined
        : boolean | undefined;
};

/** One call of a command: what was typed, and the world it runs in. */
export interface CommandCall<Options extends CommandOptions = CommandOptions> {
  readonly args: readonly string[];
  readonly options: OptionValues<Options>;
  readonly globals: GlobalOptions;
  readonly config: LoadedConfig;
  /** Where relative paths start. */
  readonly workdir: string;
  readonly context: CliContext;
  /** All there are, for whoever tells about them. */
  readonly commands: readonly CommandEntry[];
  /** Aborted when the command shall end: SIGINT, SIGTERM, a closed pipe. */
  readonly signal: AbortSignal;
  /** Runs when the command ends, however it ends; last in, first out. */
  readonly defer: (cleanup: () => void | Promise<void>) => void;
}

export interface CommandArgument {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly variadic?: boolean;
  readonly completes?: OptionBase['completes'];
  readonly choices?: readonly string[];
}

/** A first word that makes something else of the command: `ctq queues peek <queue>`. */
export interface CommandVerb {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly CommandArgument[];
}

/** A part of a command's help, between its options and its examples. */
export interface HelpSection {
  readonly heading: string;
  readonly rows: readonly (readonly [term: string, description: string])[];
}

export interface CommandSpec<Options extends CommandOptions = CommandOptions> {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly CommandArgument[];
  readonly options: Options;
  /** Some of the words that its first argument may be. Help, completions and the man page tell of them; `run` reads them. */
  readonly verbs?: readonly CommandVerb[];
  readonly sections?: readonly HelpSection[];
  /** Command lines that work as they stand, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, does: string])[];
  /** Ends on SIGINT and SIGTERM in a way of its own. */
  readonly ownsSignals?: boolean;
  /** Resolves with the exit code; what it throws becomes one in `main.ts`. */
  run(call: CommandCall<Options>): Promise<number>;
}

/** Lets `run` see its options' types. */
export function defineCommand<const Options extends CommandOptions>(spec: CommandSpec<Options>): CommandSpec {
  return spec;
}
