/** `ctq keys`: what broker and result backend hold, key by key, each named for what it is. */
import { KEY_KINDS, type KeyReport } from '../../estate/keys.js';
import type { Ctq } from '../../ctq.js';
import { NotFoundError, UsageError } from '../../errors.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { confirm } from '../question.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { KEY_ORDERS } from '../keys/census.js';
import { cleanQuestion, countOrphans, orphansText, removeAll, totalOf } from '../keys/clean.js';
import { contentsJson, contentsText, findKey, moreNote } from '../keys/contents.js';
import { censusJson, censusNote, censusText, type Listing, takeCensus } from '../keys/listing.js';
import { oneOf, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { startSpinner } from '../output/spinner.js';
import { isTerminal } from '../output/terminal.js';
import { openRemote } from '../remote-call.js';
import { tellUnseenResults } from '../unseen-results.js';
import { showView, watchOptions } from '../watch.js';

const options = {
  kind: list('--kind <kind>', 'only keys of this kind; may be given several times', oneOf(KEY_KINDS), { choices: KEY_KINDS }),
  sort: value('--sort <order>', 'bytes (default), members, ttl or name', oneOf(KEY_ORDERS), { choices: KEY_ORDERS }),
  limit: value('--limit <number>', 'list so many; on a screen 20, show 10', wholeNumber(1, 1_000_000)),
  offset: value('--offset <number>', 'show: leave out so many entries', wholeNumber(0)),
  orphans: flag('--orphans', 'only what nobody will want again'),
  dryRun: flag('--dry-run', 'clean: only say what would go'),
  force: flag('-f, --force', 'clean: do not ask'),
  ...watchOptions,
} as const;

type Call = CommandCall<typeof options>;

const LISTED_ON_SCREEN = 20;
const SHOWN_ENTRIES = 10;
/** More in one answer is a dump, and no page. */
const MOST_ENTRIES = 1_000;

export const keys = defineCommand({
  name: 'keys',
  summary: 'tell what broker and result backend hold, key by key',
  arguments: [
    { name: 'pattern', summary: 'a glob such as "celery-task-meta-*", or the words show and clean', required: false },
    { name: 'key', summary: 'the key to show', required: false },
  ],
  options,
  verbs: [
    { name: 'show', summary: 'decode one key', arguments: [{ name: 'key', summary: 'its name', required: true }] },
    { name: 'clean', summary: 'remove what nobody will want again', arguments: [] },
  ],
  sections: [
    {
      heading: 'What it does:',
      rows: [
        ['ctq keys [pattern]', 'lists keys with what each is, summed by kind when there are many'],
        ['ctq keys show <key>', 'decodes one: messages, results, chords, bindings. A pickle is described and never loaded'],
        ['ctq keys clean --orphans', 'removes what --orphans lists, after a question'],
        ['kinds', KEY_KINDS.join(', ')],
      ],
    },
  ],
  examples: [
    ['ctq keys', 'what there is, the largest first'],
    ['ctq keys --kind result --sort ttl --limit 5', 'the results that expire next'],
    ['ctq keys show celery', 'the next messages of a queue, decoded'],
    ['ctq keys clean --orphans --dry-run', 'what nobody will want again'],
  ],
  async run(call) {
    const [what, key] = call.args;
    if (what === 'show') return show(call, key);
    if (key !== undefined) throw new UsageError('too many arguments for ctq keys', { hint: 'ctq keys [pattern], ctq keys show <key>' });
    return what === 'clean' ? clean(call) : listKeys(call, what);
  },
});

async function listKeys(call: Call, pattern: string | undefined): Promise<number> {
  const { options, globals, context, signal } = call;
  const app = await openRemote(call);
  const estates = await app.estates();
  const listing = listingOf(call, app, pattern);
  let note = '';
  // On a screen that is drawn again the line below belongs to it; a pipe gets rows alone.
  const isRedrawn = options.watch === true && isTerminal(context.stdout);
  await showView(call, options, async () => {
    const spinner = startSpinner(context, 'looking at keys', { ...globals, elsewhere: 'lines' });
    try {
      const census = await takeCensus(estates, listing, {
        signal,
        onProgress: (keys) => spinner.say(`looking at keys: ${countText(keys, 'key')} so far`),
      });
      if (globals.json === true) return `${censusJson(census)}\n`;
      note =
        census.total === 0
          ? nothingNote(
              call,
              pattern,
              estates.map(({ displayUrl }) => displayUrl),
            )
          : censusNote(census, listing);
      const text = census.total === 0 ? '' : await censusText(census, listing, context.stdout);
      return isRedrawn ? `${text}\n${note}\n` : text;
    } finally {
      spinner.stop();
    }
  });
  if (!isRedrawn && globals.json !== true) {
    tell(call, note);
    for (const estate of estates) {
      const blindSpot = await estate.blindSpot?.();
      if (blindSpot !== undefined) tell(call, blindSpot);
    }
    await tellUnseenResults(call, app);
  }
  return EXIT.ok;
}

function listingOf({ options, globals, context }: Call, app: Ctq, pattern: string | undefined): Listing {
  const wholeList = !isTerminal(context.stdout) && globals.json !== true;
  const { resultExpires } = app.conf;
  const forEver = resultExpires === null || resultExpires === 0;
  return {
    pattern,
    kinds: options.kind,
    order: options.sort ?? 'bytes',
    limit: options.limit ?? (wholeList || globals.json === true ? Number.MAX_SAFE_INTEGER : LISTED_ON_SCREEN),
    orphans: options.orphans === true ? 'only' : 'too',
    isOrphan: ({ orphan }: KeyReport) => !(forEver && orphan?.reason === 'result without expiry'),
  };
}

async function show(call: Call, key: string | undefined): Promise<number> {
  const { options, globals, context } = call;
  if (key === undefined) throw new UsageError('ctq keys show needs a key', { hint: 'ctq keys lists them' });
  const page = { offset: options.offset ?? 0, limit: Math.min(options.limit ?? SHOWN_ENTRIES, MOST_ENTRIES) };
  const estates = await (await openRemote(call)).estates();
  const found = await findKey(estates, key, page);
  if (found === undefined) {
    const queues = await Promise.all(estates.filter(({ parts }) => parts.includes('broker')).map((estate) => estate.queues.names()));
    // Redis has no empty lists.
    if (queues.flat().includes(key)) throw new NotFoundError(`queue ${escapeText(key)} is empty`, { hint: 'ctq queues lists all of them' });
    throw new NotFoundError(`there is no key ${key} at ${estates.map(({ displayUrl }) => displayUrl).join(' or ')}`, {
      hint: `ctq keys '*${key}*' lists those whose name has it`,
    });
  }
  if (globals.json === true) context.stdout.write(`${contentsJson(found)}\n`);
  else {
    context.stdout.write(contentsText(found, context.stdout));
    const note = moreNote(found, page);
    if (note !== undefined) tell(call, note);
  }
  return EXIT.ok;
}

async function clean(call: Call): Promise<number> {
  const { options, globals, context, signal } = call;
  if (options.orphans !== true) throw new UsageError('ctq keys clean needs to know what', { hint: 'ctq keys clean --orphans' });
  const app = await openRemote(call);
  const estates = await app.estates();
  const listing = { ...listingOf(call, app, undefined), limit: Number.MAX_SAFE_INTEGER };
  const found = countOrphans((await takeCensus(estates, listing, { signal })).keys);
  const total = totalOf(found);
  if (total > 0 && globals.json !== true) context.stdout.write(await orphansText(found, context.stdout));
  let removed = 0;
  if (total > 0 && options.dryRun !== true) {
    if (options.force !== true && !(await confirm(call, cleanQuestion(found)))) {
      tell(call, 'nothing was removed');
      return EXIT.failed;
    }
    removed = await removeAll(estates, found, signal);
  }
  if (globals.json === true) {
    const orphans = found.map(({ reason, count }) => ({ reason, count }));
    context.stdout.write(`${jsonText({ orphans, found: total, removed, dry_run: options.dryRun === true })}\n`);
  } else if (total === 0) tell(call, 'no orphans: nothing to clean');
  else if (options.dryRun === true) tell(call, 'nothing was removed: --dry-run');
  else tell(call, `${numberText(removed)} of ${numberText(total)} cleaned up${removed < total ? '; the others are in use again' : ''}`);
  return EXIT.ok;
}

function nothingNote({ options }: Call, pattern: string | undefined, urls: readonly string[]): string {
  const where = urls.join(' and ');
  if (options.orphans === true) return `no orphans at ${where}`;
  if (pattern !== undefined || options.kind !== undefined) {
    const what = [
      ...(pattern === undefined ? [] : [`of the name ${escapeText(pattern)}`]),
      ...(options.kind === undefined ? [] : ['of this kind']),
    ];
    return `no key ${what.join(' and ')} at ${where}${pattern === undefined || /[*?[]/.test(pattern) ? '' : `; '*${escapeText(pattern)}*' finds it inside a name`}`;
  }
  return `${where} is empty; ctq send <task> puts something there, -b <url> looks elsewhere`;
}

/** For people: on stderr, and not when nobody wants to hear it. */
function tell({ context, globals }: Call, note: string): void {
  if (globals.quiet !== true && note !== '') context.stderr.write(`ctq: ${note}\n`);
}
