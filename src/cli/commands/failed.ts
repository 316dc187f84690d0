/** `ctq failed`: tasks that failed, and what is left of them. */
import { UsageError } from '../../errors.js';
import type { FailedTask } from '../../ctq/failed-task.js';
import { findFailed } from '../../ctq/failed-tasks.js';
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { detailsDocument, detailsText } from '../failed-details.js';
import { failedDocument, failedOptions, lookForFailed } from '../failed-options.js';
import { removeFailed } from '../failed-removal.js';
import { text, wholeNumber } from '../option-values.js';
import { paintFor } from '../output/colour.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { relativeTime } from '../output/relative-time.js';
import { shortIds } from '../output/short-ids.js';
import { tableText } from '../output/table.js';
import { isTerminal } from '../output/terminal.js';
import { openRemote } from '../remote-call.js';
import { tellUnseenResults } from '../unseen-results.js';
import { showView, watchOptions } from '../watch.js';

const DEFAULT_LIMIT = 100;

const options = {
  ...failedOptions,
  ...watchOptions,
  all: flag('--all', 'rm: all of them'),
  keepCopy: value('--keep-copy [file]', 'rm: write their messages to this file first', text, { completes: 'file' }),
  force: flag('-f, --force', 'rm: do not ask before many go'),
  limit: value('--limit <number>', `print the newest so many; default ${DEFAULT_LIMIT}, 0 prints all`, wholeNumber(0)),
} as const;

type Call = CommandCall<typeof options>;

export const failed = defineCommand({
  name: 'failed',
  summary: 'list the tasks that failed',
  arguments: [
    {
      name: 'action',
      summary: 'show <id…> tells all about these, rm <id…> drops them; without one it lists',
      required: false,
      variadic: true,
    },
  ],
  options,
  verbs: [
    {
      name: 'show',
      summary: 'tell everything about these, with the traceback',
      arguments: [{ name: 'id', summary: 'ids, or their beginnings', required: true, variadic: true, completes: 'failed id' }],
    },
    {
      name: 'rm',
      summary: 'drop these: their messages and their results',
      arguments: [
        {
          name: 'id',
          summary: 'ids, or their beginnings; or --all, --task, --since, --queues',
          required: false,
          variadic: true,
          completes: 'failed id',
        },
      ],
    },
  ],
  sections: [
    {
      heading: 'rm:',
      rows: [
        ['what goes', 'the message that was kept, and the result that says FAILURE; whoever asks for that finds none'],
        ['--keep-copy', 'is what ctq purge --undo puts into the queues again, to be run, and ctq send --batch sends anew'],
      ],
    },
  ],
  examples: [
    ['ctq failed', 'the newest first'],
    ["ctq failed --task 'tasks.mail.*' --since 1h", 'what went wrong with mail in the last hour'],
    ['ctq failed show 57cb3c6b', 'arguments, links and traceback of one; the beginning of its id is enough'],
    ['ctq failed rm --since 1d --keep-copy failed.jsonl', 'drop those of a day, after a question'],
  ],
  async run(call) {
    const [word, ...ids] = call.args;
    if (word === undefined) return listAll(call);
    if (word === 'rm') {
      const { keepCopy, all, force } = call.options;
      return removeFailed(call, ids, { keepCopy, all, force });
    }
    if (word !== 'show') {
      throw new UsageError(`ctq failed has no "${escapeText(word)}"`, {
        hint: 'ctq failed lists them, ctq failed show <id> shows one, ctq failed rm <id> drops one',
      });
    }
    if (ids.length === 0) throw new UsageError('which failed task is to be shown?', { hint: 'ctq failed show <id>' });
    return showEach(call, ids);
  },
});

async function listAll(call: Call): Promise<number> {
  const { context, globals, options: given } = call;
  const app = await openRemote(call);
  let note = '';
  await showView(call, given, async () => {
    const all = await lookForFailed(call, app);
    const limit = given.limit ?? DEFAULT_LIMIT;
    const shown = limit === 0 ? all : all.slice(0, limit);
    if (globals.json === true) return `${jsonText(shown.map(failedDocument))}\n`;
    const nameless = shown.filter(({ source, task }) => source === 'result' && task === undefined).length;
    const blind = nameless === 0 ? '' : namelessText(nameless);
    const more = shown.length < all.length ? ` The newest ${shown.length} are shown; --limit 0 shows all.` : '';
    note =
      shown.length === 0
        ? emptyText(given)
        : `${countText(all.length, 'failed task')}.${more} ctq failed show <id> says more, ctq retry <id> runs it again, ctq failed rm <id> drops it.${blind}`;
    return `${shown.length === 0 ? '' : await listText(shown, call)}${given.watch === true ? `\n${note}\n` : ''}`;
  });
  if (given.watch === true || globals.json === true || globals.quiet === true) return EXIT.ok;
  await tellUnseenResults(call, app);
  // Next to a table in a pipe nobody wants to hear how many lines it has.
  if (note === emptyText(given)) context.stderr.write(`ctq: ${note}\n`);
  else if (context.stderr.isTTY === true) context.stderr.write(`\n${note}\n`);
  return EXIT.ok;
}

function listText(shown: readonly FailedTask[], { context: { stdout, clock } }: Call): Promise<string> {
  const nowMs = clock.nowMs();
  const shortId = shortIds(
    shown.map(({ handle }) => handle),
    stdout,
  );
  const rows = shown.map(({ handle, task, queue, atMs, reason }) => [
    shortId(handle),
    task ?? '',
    queue ?? '',
    atMs === undefined ? '' : { shown: relativeTime(atMs, nowMs), plain: new Date(atMs).toISOString() },
    reason,
  ]);
  return tableText(['ID', 'TASK', 'QUEUE', 'FAILED', 'REASON'], rows, stdout, { flexible: ['REASON', 'TASK', 'QUEUE'] });
}

/** Of these nothing is left but what they ended with. */
function namelessText(count: number): string {
  const [whose, them] = count === 1 ? ['result does', 'it'] : ['results do', 'them'];
  return ` ${countText(count, 'failure')} of other workers cannot be run again: the ${whose} not say what was called; result_extended = True there would tell of ${them}.`;
}

function emptyText({ task, since, queues }: Call['options']): string {
  const asked = task !== undefined || since !== undefined || queues !== undefined;
  return asked
    ? 'no such task has failed; ctq failed alone lists all of them'
    : 'no task has failed, as far as messages and results tell. Python workers leave a trace only with a result backend';
}

async function showEach(call: Call, ids: readonly string[]): Promise<number> {
  const { context, globals, signal } = call;
  const app = await openRemote(call);
  const estates = await app.estates();
  const found = await Promise.all(ids.map((id) => findFailed(estates, id, signal)));
  const missing = ids.filter((_id, index) => found[index] === undefined);
  const documents = await Promise.all(found.flatMap((details) => (details === undefined ? [] : [detailsDocument(details)])));
  if (globals.json === true) {
    context.stdout.write(`${jsonText(ids.length === 1 ? (documents[0] ?? null) : documents)}\n`);
  } else {
    const paint = await paintFor(context.stdout, context.env, globals.noColor);
    const view = {
      nowMs: context.clock.nowMs(),
      width: isTerminal(context.stdout) ? context.stdout.columns || 80 : Number.POSITIVE_INFINITY,
      paint,
    };
    context.stdout.write(documents.map((document) => detailsText(document, view)).join('\n'));
  }
  for (const id of missing) {
    context.stderr.write(`ctq: ${escapeText(id)} is not among the failed tasks (ctq result ${escapeText(id)} prints its state)\n`);
  }
  return missing.length > 0 ? EXIT.failed : EXIT.ok;
}
