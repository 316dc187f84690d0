/** `ctq purge`: empties queues, or takes some messages out of them, and brings them back. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { messageFilter } from '../../ctq/message-filter.js';
import { DEAD_AFTER_MS } from '../../ctq/migration-asides.js';
import type { Ctq } from '../../ctq.js';
import { UsageError } from '../../errors.js';
import type { Estate } from '../../estate/estate.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { confirm } from '../question.js';
import { asideText, asideRemedy } from '../aside-text.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { duration, names, text } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { startSpinner } from '../output/spinner.js';
import { tableText } from '../output/table.js';
import { CopyWriter, copyName } from '../purge/copy-file.js';
import { countPurge, type PurgeTerms, type QueueCount, removeEach } from '../purge/removing.js';
import { undoPurge } from '../purge/undo.js';
import { unknownQueues } from '../queues/unknown.js';
import { openRemote } from '../remote-call.js';

const options = {
  queues: list('-Q, --queues <a,b>', 'these queues; default those of the app (-A) or config file, else celery', names, {
    completes: 'queue',
  }),
  excludeQueues: list('-X, --exclude-queues <a,b>', 'but not these', names, { completes: 'queue' }),
  task: value('--task <glob>', 'only messages of this task: tasks.mail.*', text, { completes: 'task' }),
  olderThan: value(
    '--older-than <duration>',
    'only messages sent longer ago: 30m, 6h, 2d; needs messages that say when (ctq’s do)',
    duration,
  ),
  delayed: flag('--delayed', 'also those that workers have parked until their time'),
  dryRun: flag('--dry-run', 'only say how many would go'),
  keepCopy: value('--keep-copy [file]', 'write them to this file first; default ctq-purge-<time>.jsonl', text, { completes: 'file' }),
  undo: value('--undo <file>', 'bring back what that file has: the same messages in the same order, before all others', text, {
    completes: 'file',
  }),
  force: flag('-f, --force', 'do not ask'),
} as const;

type Call = CommandCall<typeof options>;

export const purge = defineCommand({
  name: 'purge',
  summary: 'remove messages that wait in queues, and bring them back',
  arguments: [],
  options,
  sections: [
    {
      heading: 'The copy:',
      rows: [
        ['one line of JSON a message', 'it is on disk before the messages are gone, whatever happens in between'],
        ['ctq purge --undo <file>', 'puts them back byte for byte, each once, however often it is called'],
        ['ctq send --batch <file>', 'sends them as new messages; not those of chains and chords, and no pickles'],
      ],
    },
  ],
  examples: [
    ['ctq purge -Q mail --dry-run', 'how many would go'],
    ['ctq purge -Q mail --keep-copy mail.jsonl', 'after a question'],
    ['ctq purge --undo mail.jsonl', 'it was a mistake'],
    ["ctq purge -f --task 'tasks.report.*' --older-than 1d", 'yesterday’s reports'],
  ],
  run: (call) => (call.options.undo === undefined ? runPurge(call) : runUndo(call, call.options.undo)),
});

async function runPurge(call: Call): Promise<number> {
  const { options: given, context, globals, signal } = call;
  const app = await openRemote(call);
  const estate = await brokerEstate(app);
  const filter = messageFilter({
    task: given.task,
    sentBeforeMs: given.olderThan === undefined ? undefined : context.clock.nowMs() - given.olderThan,
  });
  const terms: PurgeTerms = {
    ...{ estate, queues: queuesOf(call, app), filter, signal },
    places: given.delayed === true ? ['ready', 'delayed'] : ['ready'],
  };
  if (given.queues !== undefined && globals.quiet !== true)
    for (const line of await unknownQueues(estate, terms.queues)) context.stderr.write(`ctq: note: ${line}\n`);
  await tellOfAside(call, estate);
  const copyPath = copyPathOf(call);
  // Before a question whose answer could not be kept.
  if (copyPath !== undefined) await CopyWriter.assertFree(copyPath);
  if (given.force !== true || given.dryRun === true) {
    const counts = await countFirst(call, terms);
    const total = totalOf(counts);
    if (given.dryRun === true || total === 0) return conclude(call, counts, { copy: undefined, filter: terms.filter, went: 'would go' });
    if (!(await confirm(call, question(call, counts)))) {
      if (globals.quiet !== true) context.stderr.write('ctq: nothing was removed\n');
      return EXIT.failed;
    }
  }
  const work = removeAndTell(call, terms);
  // SIGINT ends it after the page at hand, and says what went.
  call.defer(() =>
    work.then(
      () => {},
      () => {},
    ),
  );
  return work;
}

async function removeAndTell(call: Call, terms: PurgeTerms): Promise<number> {
  const { context, globals } = call;
  const id = randomUUID();
  const copy = await openCopy(call, id, terms.estate);
  const spinner = startSpinner(context, 'removing', { ...globals, elsewhere: 'lines' });
  const counts: QueueCount[] = [];
  try {
    const onProgress = (queue: string, removed: number): void => spinner.say(`${escapeText(queue)}: ${numberText(removed)} removed`);
    await removeEach({ ...terms, id, copy, onProgress }, (count) => void counts.push(count));
  } catch (error) {
    spinner.stop();
    // What could not be written down goes back at once, if the store can be reached.
    if (copy !== undefined) await terms.estate.messages.putBackAside(id).catch(() => 0);
    if (counts.length > 0) await conclude(call, counts, { copy: copy?.path, filter: terms.filter, went: 'removed' });
    throw error;
  } finally {
    spinner.stop();
    await copy?.close();
  }
  if (copy !== undefined && totalOf(counts) === 0) await copy.discard();
  return conclude(call, counts, { copy: copy?.path, filter: terms.filter, went: 'removed' });
}

async function brokerEstate(app: Ctq): Promise<Estate> {
  const [estate] = await app.estates();
  if (estate === undefined) throw new UsageError('there is no broker to look into', { hint: 'name one with --broker' });
  return estate;
}

/** As `celery purge`: the queues that a worker of this app would take from. */
function queuesOf({ options: given }: Call, app: Ctq): readonly string[] {
  const excluded = given.excludeQueues?.flat() ?? [];
  const [own] = given.queues?.flat().filter((name) => name.startsWith('ctq:')) ?? [];
  if (own !== undefined) {
    const hint = own.startsWith('ctq:dead:') ? 'ctq failed lists dead letters, ctq failed rm drops them' : 'ctq keys tells what it is';
    throw new UsageError(`${escapeText(own)} is no queue but a list of ctq's own`, { hint });
  }
  const declared = app.router.queues.declared().filter(({ broadcast }) => broadcast !== true);
  const wanted = given.queues?.flat() ?? declared.map(({ name }) => name);
  const queues = [...new Set(wanted)].filter((name) => !excluded.includes(name));
  if (queues.length === 0) throw new UsageError('no queue is left to purge', { hint: '-X leaves out all of them' });
  return queues;
}

async function countFirst({ context, globals }: Call, terms: PurgeTerms): Promise<readonly QueueCount[]> {
  const spinner = startSpinner(context, 'counting', globals);
  try {
    return await countPurge(terms, (looked) => spinner.say(`counting: looked at ${numberText(looked)}`));
  } finally {
    spinner.stop();
  }
}

async function openCopy(call: Call, id: string, estate: Estate): Promise<CopyWriter | undefined> {
  const path = copyPathOf(call);
  return path === undefined ? undefined : CopyWriter.create(path, id, estate.displayUrl);
}

function copyPathOf({ options: { keepCopy }, context, workdir }: Call): string | undefined {
  if (keepCopy === undefined) return undefined;
  return resolve(workdir, typeof keepCopy === 'string' ? keepCopy : copyName(context.clock.nowMs()));
}

function question({ options: given }: Call, counts: readonly QueueCount[]): string {
  const full = counts.filter(({ count }) => count > 0);
  const from = full
    .map(({ queue, count }) => (full.length === 1 ? escapeText(queue) : `${escapeText(queue)} (${numberText(count)})`))
    .join(', ');
  const kept = given.keepCopy === undefined ? 'for good; --keep-copy would keep a copy' : 'a copy is kept';
  return `Remove ${countText(totalOf(counts), 'message')} from ${from} (${kept})`;
}

interface Conclusion {
  readonly copy: string | undefined;
  readonly filter: PurgeTerms['filter'];
  readonly went: 'removed' | 'would go';
}

async function conclude(call: Call, counts: readonly QueueCount[], { copy, filter, went }: Conclusion): Promise<number> {
  const { context, globals, signal } = call;
  const total = totalOf(counts);
  const ageless = filter?.ageless() ?? 0;
  if (globals.json === true) {
    const queues = counts.map(({ queue, count }) => ({ name: queue, removed: count }));
    const document = {
      queues,
      removed: total,
      dry_run: went === 'would go',
      copy: copy ?? null,
      without_age: ageless,
      interrupted: signal.aborted,
    };
    context.stdout.write(`${jsonText(document)}\n`);
    return EXIT.ok;
  }
  const rows = counts.map(({ queue, count }) => [queue, count]);
  context.stdout.write(
    await tableText(['QUEUE', went === 'removed' ? 'REMOVED' : 'WOULD GO'], rows, context.stdout, { flexible: ['QUEUE'] }),
  );
  if (globals.quiet === true) return EXIT.ok;
  const say = (line: string): void => void context.stderr.write(`ctq: ${line}\n`);
  if (ageless > 0) say(`${countText(ageless, 'message')} left alone: Python’s do not say when they were sent`);
  if (went === 'would go') say(total === 0 ? 'nothing to remove' : 'nothing was removed: --dry-run');
  else if (signal.aborted) say(`interrupted: ${countText(total, 'message')} went, the others wait still`);
  if (copy !== undefined && total > 0) say(`ctq purge --undo ${escapeText(copy)} brings them back`);
  return EXIT.ok;
}

function totalOf(counts: readonly QueueCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0);
}

async function tellOfAside({ context, globals }: Call, estate: Estate): Promise<void> {
  if (globals.quiet === true) return;
  for (const aside of await estate.messages.aside()) {
    if (aside.idleMs < DEAD_AFTER_MS) continue;
    context.stderr.write(`ctq: note: ${asideText(aside)}; ${asideRemedy(aside, estate.displayUrl)}\n`);
  }
}

async function runUndo(call: Call, file: string): Promise<number> {
  const { options: given, context, globals, signal, workdir } = call;
  for (const name of ['queues', 'excludeQueues', 'task', 'olderThan', 'delayed', 'dryRun', 'keepCopy'] as const) {
    if (given[name] !== undefined) throw new UsageError('--undo brings back all of a file', { hint: 'give it alone, or with -f' });
  }
  const estate = await brokerEstate(await openRemote(call));
  const path = resolve(workdir, file);
  const spinner = startSpinner(context, 'bringing back', { ...globals, elsewhere: 'lines' });
  call.defer(() => spinner.stop());
  const work = undoPurge({
    ...{ estate, path, name: file, signal },
    anyBroker: given.force === true ? 'yes' : 'no',
    onProgress: (done, of) => spinner.say(`bringing back: ${numberText(done)} of ${numberText(of)}`),
  }).then(async ({ restored, before, left }) => {
    spinner.stop();
    if (globals.json === true) {
      const queues = [...restored].map(([name, count]) => ({ name, restored: count }));
      context.stdout.write(`${jsonText({ queues, restored_before: before, left })}\n`);
      return EXIT.ok;
    }
    context.stdout.write(await tableText(['QUEUE', 'RESTORED'], [...restored], context.stdout, { flexible: ['QUEUE'] }));
    if (globals.quiet !== true && before > 0) context.stderr.write(`ctq: ${countText(before, 'message')} had been brought back before\n`);
    if (globals.quiet !== true && estate.messages.restores === 'behind all' && restored.size > 0)
      context.stderr.write('ctq: note: they wait behind what has come since: RabbitMQ takes messages at the end of a queue only\n');
    if (globals.quiet !== true && left > 0)
      context.stderr.write(`ctq: interrupted: ${countText(left, 'message')} to go; the same command goes on\n`);
    return EXIT.ok;
  });
  call.defer(() =>
    work.then(
      () => {},
      () => {},
    ),
  );
  return work;
}
