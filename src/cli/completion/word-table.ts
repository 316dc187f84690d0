/**
 * The command tree as lines that a shell can search: `scope|word|offer|summary`.
 *
 * | scope | word | |
 * |---|---|---|
 * | `.` | `worker` | a command |
 * | `*` | `--broker` | an option of every command |
 * | `worker` | `--pool` | an option of one |
 * | `queues` | `peek` | a word that may come first |
 * | `queues` or `queues peek` | `1`, `2+` | an argument, and all from there on |
 *
 * The offer is empty for words that take no value, `=a,b` for these, else `file`, `folder`, `queue`, `task`, `node`, `held`, `failed` or `any`; a comma
 * behind it says that several may come, with commas between.
 */
import type { CommandTree, Offer, TreeArgument, TreeOption } from './command-tree.js';

export function wordTable(tree: CommandTree): string[] {
  return [
    ...tree.commands.map(({ name, summary }) => line('.', name, '', summary)),
    line('.', 'help', '', 'print help'),
    line('help', '1', offerText(tree.commands.map(({ name }) => name)), 'the command to tell about'),
    ...tree.options.flatMap((option) => optionLines('*', option)),
    ...tree.commands.flatMap(({ name, options, verbs, arguments: args }) => [
      ...verbs.map((verb) => line(name, verb.name, '', verb.summary)),
      ...options.flatMap((option) => optionLines(name, option)),
      ...argumentLines(name, args),
      ...verbs.flatMap((verb) => argumentLines(`${name} ${verb.name}`, verb.arguments)),
    ]),
  ];
}

function optionLines(scope: string, { names, placeholder, offer, shape, summary }: TreeOption): string[] {
  const value = placeholder === undefined ? '' : `${offerText(offer)}${shape === 'comma list' ? ',' : ''}`;
  return names.map((name) => line(scope, name, value, summary));
}

/** Those that a shell cannot help with are left out. */
function argumentLines(scope: string, args: readonly TreeArgument[]): string[] {
  return args.flatMap(({ offer, summary, variadic }, index) =>
    offer === 'any' ? [] : [line(scope, `${index + 1}${variadic ? '+' : ''}`, offerText(offer), summary)],
  );
}

function offerText(offer: Offer): string {
  // One word each: a shell asks for it by that word.
  return typeof offer === 'string' ? offer.replace(/ id$/, '') : `=${offer.join(',')}`;
}

function line(scope: string, word: string, offer: string, summary: string): string {
  return [scope, word, offer, plainText(summary)].join('|');
}

/** ASCII, for a shell may read its files in any encoding, and PowerShell takes a ’ for a quote. */
function plainText(text: string): string {
  return text
    .replaceAll(/[‘’]/g, "'")
    .replaceAll(/[“”]/g, '"')
    .replaceAll('…', '...')
    .replaceAll(/[–—]/g, '-')
    .replaceAll(/[^ -~]+/g, '?');
}
