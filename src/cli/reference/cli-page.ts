/** docs/reference/cli.md: all that `--help` says, on one page. */
import type { CommandTree, TreeArgument, TreeCommand, TreeOption } from '../completion/command-tree.js';
import { code, page, plain, table } from './markdown.js';

export function cliPage({ commands, options }: CommandTree): string {
  return page([
    '# Commands',
    'The same as `ctq <command> --help`; `man ctq-<command>` has it, too. Exit codes are in [errors](../errors.md).',
    table(
      ['command', 'does'],
      commands.map(({ name, summary }) => [`[\`ctq ${name}\`](#ctq-${name})`, plain(summary)]),
    ),
    '## Options of every command',
    'Before the command or after it.',
    optionTable(options),
    ...commands.flatMap(chapter),
  ]);
}

function chapter({ name, spec, arguments: args, verbs, options }: TreeCommand): string[] {
  const words = args.map((argument) => ` ${placeholder(argument)}`).join('');
  const sections = (spec.sections ?? []).flatMap(({ heading, rows }) => [
    `**${plain(heading.replace(/:$/, ''))}**`,
    table(
      ['', ''],
      rows.map(([term, text]) => [code(term), plain(text)]),
    ),
  ]);
  const told = new Set((spec.sections ?? []).flatMap(({ rows }) => rows.map(([term]) => term.replace(/^ctq \S+ /, '').split(' ', 1)[0])));
  const untold = verbs.filter((verb) => !told.has(verb.name));
  return [
    `## ctq ${name}`,
    `${plain(`${spec.summary[0]?.toUpperCase()}${spec.summary.slice(1)}`)}.`,
    fence('', [`ctq ${name} [options]${words}`]),
    ...(args.length === 0
      ? []
      : [
          table(
            ['argument', ''],
            args.map((argument) => [code(placeholder(argument)), plain(argument.summary)]),
          ),
        ]),
    ...(untold.length === 0
      ? []
      : [
          table(
            ['first word', ''],
            untold.map((verb) => [code([verb.name, ...verb.arguments.map(placeholder)].join(' ')), plain(verb.summary)]),
          ),
        ]),
    ...(options.length === 0 ? [] : [optionTable(options)]),
    ...sections,
    fence(
      'sh',
      spec.examples.map(([line, does]) => `${line}    # ${does}`),
    ),
  ];
}

function optionTable(options: readonly TreeOption[]): string {
  return table(
    ['option', ''],
    options.map(({ names, placeholder: value, summary }) => [
      `${names.map((name) => code(name)).join(', ')}${value === undefined ? '' : ` ${code(value)}`}`,
      plain(summary),
    ]),
  );
}

function placeholder({ name, required, variadic }: TreeArgument): string {
  const shape = variadic ? `${name}...` : name;
  return required ? `<${shape}>` : `[${shape}]`;
}

function fence(language: string, lines: readonly string[]): string {
  return ['```' + language, ...lines, '```'].join('\n');
}
