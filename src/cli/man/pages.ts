/** The manual: `ctq(1)` and a page for each command, from the same data as `--help`. */
import type { HelpSection } from '../command.js';
import type { CommandTree, TreeArgument, TreeCommand, TreeOption, TreeVerb } from '../completion/command-tree.js';
import { EXIT } from '../exit-codes.js';
import { bold, entry, roffText, section } from './roff.js';

const EXIT_STATUS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'Done.'],
  [EXIT.failed, 'The task failed or was revoked, or something is to be done.'],
  [EXIT.usage, 'The command line or the configuration is wrong.'],
  [EXIT.unavailable, 'Broker or result backend cannot be reached, or nobody answered.'],
  [EXIT.internal, 'An error of ctq itself.'],
  [EXIT.cannotCreate, 'A pidfile or logfile cannot be made.'],
  [EXIT.tryAgain, 'Not ready yet.'],
  [EXIT.interrupted, 'Ended by SIGINT.'],
  [EXIT.terminated, 'Ended by SIGTERM.'],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['CTQ_APP', 'The module with the app, as with --app.'],
  ['CTQ_BROKER_URL', 'Where messages wait, as with --broker; CELERY_BROKER_URL is read, too.'],
  ['CTQ_RESULT_BACKEND', 'Where results are kept, as with --result-backend; CELERY_RESULT_BACKEND is read, too.'],
  ['CTQ_CONFIG', 'The config file, as with --config.'],
  ['NO_COLOR', 'No colours.'],
];

const FILES: readonly (readonly [string, string])[] = [
  ['ctq.config.{ts,mts,js,mjs,cjs}, .ctqrc, package.json', 'Settings; the first that is found from the working directory upwards.'],
  ['.ctq/ctq.db', 'Messages and results where no broker was named, beside the config file or in the working directory.'],
];

/** File name → page. */
export function manPages(tree: CommandTree): Map<string, string> {
  const pages = tree.commands.map((command) => [`ctq-${command.name}.1`, commandPage(command)] as const);
  return new Map([['ctq.1', mainPage(tree)], ...pages]);
}

function mainPage({ commands, options }: CommandTree): string {
  return page('ctq', 'a task queue for Node that speaks Celery in both directions', [
    section('SYNOPSIS'),
    `${bold('ctq')} [global options] ${bold('<command>')} [options]`,
    section('DESCRIPTION'),
    'Sends tasks, runs them, and looks after them, with the messages and the results of Celery, so that Python and Node work side by side.',
    'Each command has a page of its own.',
    section('COMMANDS'),
    ...commands.flatMap(({ name, summary }) => entry(`${bold(`ctq-${name}`)}(1)`, roffText(summary))),
    section('GLOBAL OPTIONS'),
    'They may stand before the command or after it.',
    ...optionEntries(options),
    section('ENVIRONMENT'),
    ...ENVIRONMENT.flatMap(([name, text]) => entry(bold(name), roffText(text))),
    section('FILES'),
    ...FILES.flatMap(([name, text]) => entry(bold(name), roffText(text))),
    ...exitStatus(),
    ...seeAlso(commands.map(({ name }) => `ctq-${name}`)),
  ]);
}

function commandPage(command: TreeCommand): string {
  const { name, spec, options, verbs } = command;
  return page(`ctq-${name}`, command.summary, [
    section('SYNOPSIS'),
    ...synopsis(command),
    section('DESCRIPTION'),
    roffText(`${spec.summary[0]?.toUpperCase()}${spec.summary.slice(1)}.`),
    ...command.arguments.flatMap((argument) => entry(roffText(placeholderOf(argument)), roffText(argument.summary))),
    ...verbs.flatMap((verb) => entry(`${bold(verb.name)}${argumentsText(verb.arguments)}`, roffText(verb.summary))),
    section('OPTIONS'),
    ...optionEntries(options),
    `${options.length === 0 ? 'None but those' : '.PP\nAlso those'} of every command: see ${bold('ctq')}(1).`,
    ...(spec.sections ?? []).filter((one) => !tellsVerbs(one, verbs)).flatMap(helpSection),
    section('EXAMPLES'),
    ...spec.examples.flatMap(example),
    ...exitStatus(),
    ...seeAlso(['ctq']),
  ]);
}

function page(name: string, summary: string, body: readonly string[]): string {
  const head = [
    '.\\" Made by "npm run generate" from the data of the commands: change it there.',
    `.TH "${roffText(name.toUpperCase())}" "1" "" "ctq" "ctq manual"`,
    // Lines are broken between words only, and not stretched: command lines stay as they are typed.
    '.nh',
    '.ad l',
    section('NAME'),
    `${roffText(name)} \\- ${roffText(summary)}`,
  ];
  return `${[...head, ...body].join('\n')}\n`;
}

function synopsis({ name, verbs, arguments: args }: TreeCommand): string[] {
  const start = `${bold('ctq')} ${bold(name)}`;
  // The methods of inspect and control would fill a page.
  const shown = verbs.length > 8 ? [] : verbs;
  const plain = shown.length > 0 ? '' : argumentsText(args);
  const lines = [
    `${start} [options]${plain}`,
    ...shown.map((verb) => `${start} ${bold(verb.name)}${argumentsText(verb.arguments)} [options]`),
  ];
  return lines.flatMap((line, index) => (index === 0 ? [line] : ['.br', line]));
}

function argumentsText(args: readonly TreeArgument[]): string {
  return args.map((argument) => ` ${roffText(placeholderOf(argument))}`).join('');
}

function placeholderOf({ name, required, variadic }: TreeArgument): string {
  const shape = variadic ? `${name}...` : name;
  return required ? `<${shape}>` : `[${shape}]`;
}

function optionEntries(options: readonly TreeOption[]): string[] {
  return options.flatMap(({ names, placeholder, summary }) => {
    const value = placeholder === undefined ? '' : ` ${roffText(placeholder)}`;
    return entry(`${names.map(bold).join(', ')}${value}`, roffText(summary));
  });
}

/** The list of methods, which stands in the description already. */
function tellsVerbs({ rows }: HelpSection, verbs: readonly TreeVerb[]): boolean {
  return verbs.length > 0 && rows.every(([term]) => verbs.some(({ name }) => term.split(' ', 1)[0] === name));
}

function helpSection({ heading, rows }: HelpSection): string[] {
  return [section(heading.replace(/:$/, '').toUpperCase()), ...rows.flatMap(([term, text]) => entry(bold(term), roffText(text)))];
}

function example([line, does]: readonly [string, string], index: number): string[] {
  const text = [`${roffText(does)}:`, '.PP', '.nf', '.RS 4', roffText(line), '.RE', '.fi'];
  return index === 0 ? text : ['.PP', ...text];
}

function exitStatus(): string[] {
  return [section('EXIT STATUS'), ...EXIT_STATUS.flatMap(([code, text]) => entry(bold(String(code)), roffText(text)))];
}

function seeAlso(names: readonly string[]): string[] {
  return [section('SEE ALSO'), names.map((name) => `${bold(name)}(1)`).join(',\n')];
}
