/** Everything that can be typed after `ctq`, as plain data: what completions and man pages are made from. */
import type { CommandEntry } from '../commands/index.js';
import type { CommandArgument, CommandOption, CommandOptions, CommandSpec } from '../command.js';
import { namesOf } from '../command-line.js';
import { globalOptions } from '../global-options.js';

/** What a shell may offer: these words, files, folders, or what the broker tells; `any` is a value that nobody knows beforehand. */
export type Offer = readonly string[] | 'file' | 'folder' | 'queue' | 'task' | 'node' | 'held id' | 'failed id' | 'any';

export interface TreeOption {
  /** `-Q` and `--queues`; both of `--retry` and `--no-retry`. */
  readonly names: readonly string[];
  /** `<a,b>`, `[count]`; undefined for a flag. */
  readonly placeholder: string | undefined;
  readonly summary: string;
  readonly offer: Offer;
  /** Several with commas between. */
  readonly shape: 'one' | 'comma list';
}

export interface TreeArgument {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly offer: Offer;
}

export interface TreeVerb {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly TreeArgument[];
}

export interface TreeCommand {
  /** The data it was made from, for what only a page tells: sections, examples. */
  readonly spec: CommandSpec;
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly TreeArgument[];
  readonly verbs: readonly TreeVerb[];
  readonly options: readonly TreeOption[];
}

export interface CommandTree {
  readonly options: readonly TreeOption[];
  readonly commands: readonly TreeCommand[];
}

export async function commandTree(entries: readonly CommandEntry[]): Promise<CommandTree> {
  const commands = await Promise.all(
    entries.map(async (entry) => {
      const { name, summary } = entry;
      const spec = await entry.load();
      const verbs = (spec.verbs ?? []).map((verb) => ({
        name: verb.name,
        summary: verb.summary,
        arguments: verb.arguments.map(treeArgument),
      }));
      return { spec, name, summary, verbs, arguments: spec.arguments.map(treeArgument), options: treeOptions(spec.options) };
    }),
  );
  return { options: treeOptions(globalOptions), commands };
}

function treeOptions(options: CommandOptions): TreeOption[] {
  return Object.values(options)
    .filter(({ kind }) => kind !== 'unavailable')
    .map(treeOption);
}

function treeOption(option: CommandOption): TreeOption {
  const names = namesOf(option);
  const placeholder = /[<[].*$/.exec(option.flags)?.[0];
  const negative = option.kind === 'toggle' ? names.filter((name) => name.startsWith('--')).map((name) => name.replace('--', '--no-')) : [];
  return {
    names: [...names, ...negative],
    placeholder,
    summary: option.summary,
    offer: option.choices ?? option.completes ?? 'any',
    shape: option.kind === 'list' && placeholder?.includes(',') === true ? 'comma list' : 'one',
  };
}

function treeArgument({ name, summary, required, variadic = false, completes, choices }: CommandArgument): TreeArgument {
  return { name, summary, required, variadic, offer: choices ?? completes ?? 'any' };
}
