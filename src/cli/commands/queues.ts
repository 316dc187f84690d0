/** `ctq queues`: what waits, what is being worked on, who works on it; a look inside; and the brake. */
import { type Census, QueueCensus, type QueueView } from '../../ctq/queue-census.js';
import { closestName } from '../../config/closest-name.js';
import { concerns } from '../../ctq/migration-asides.js';
import type { Ctq } from '../../ctq.js';
import { UsageError } from '../../errors.js';
import type { Estate } from '../../estate/estate.js';
import type { Aside } from '../../estate/messages.js';
import { asideRemedy, asideText } from '../aside-text.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT, isCtqError } from '../exit-codes.js';
import { names, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { isTerminal } from '../output/terminal.js';
import { breakDown } from '../queues/by-task.js';
import { breakdownText, queueDocument, queuesText, type TaskBreakdown } from '../queues/listing.js';
import { peekedDocument, peekText } from '../queues/peek.js';
import { type Pausing, pauseQueue, resumeQueue } from '../queues/pausing.js';
import { unknownQueues } from '../queues/unknown.js';
import { openRemote } from '../remote-call.js';
import { showView, watchOptions } from '../watch.js';

const options = {
  queues: list('-Q, --queues <a,b>', 'only these', names, { completes: 'queue' }),
  byTask: flag('--by-task', 'also how many messages of which task; of a long queue a sample tells'),
  limit: value('--limit <number>', 'peek: show so many; default 10', wholeNumber(1, 10_000)),
  offset: value('--offset <number>', 'peek: leave out so many', wholeNumber(0)),
  ...watchOptions,
} as const;

type Call = CommandCall<typeof options>;

const PEEKED = 10;

const queueWord = { name: 'queue', summary: 'its name', required: true, completes: 'queue' } as const;

export const queues = defineCommand({
  name: 'queues',
  summary: 'tell what waits in each queue, and who takes from it',
  arguments: [
    { name: 'action', summary: 'peek, pause or resume; without one it lists, queues that are named alone', required: false },
    { name: 'queue', summary: 'the queues it is about', required: false, variadic: true, completes: 'queue' },
  ],
  options,
  verbs: [
    { name: 'peek', summary: 'show the next messages, decoded', arguments: [queueWord] },
    { name: 'pause', summary: 'let nobody take from them', arguments: [{ ...queueWord, variadic: true }] },
    { name: 'resume', summary: 'let everybody go on', arguments: [{ ...queueWord, variadic: true }] },
  ],
  sections: [
    {
      heading: 'What it does:',
      rows: [
        ['ctq queues', 'lists each queue: ready, unacked, delayed, workers, rates, age of the oldest message (~ marks an estimate)'],
        ['ctq queues peek <queue>', 'shows the next messages, decoded and not run'],
        ['ctq queues pause <queue...>', 'nobody takes from them until they are resumed; Python workers that start later do'],
        ['ctq queues resume <queue...>', 'everybody goes on'],
      ],
    },
  ],
  examples: [
    ['ctq queues', 'what waits'],
    ['ctq queues --watch', 'again every two seconds, with what comes and goes'],
    ['ctq queues --by-task -Q celery', 'which tasks wait'],
    ['ctq queues peek celery --offset 100 --limit 20', 'messages 101 to 120'],
    ['ctq queues pause mail', 'until ctq queues resume mail'],
  ],
  async run(call) {
    const [action, ...words] = call.args;
    if (action === undefined) return listQueues(call, []);
    if (action === 'peek') return peek(call, words);
    if (action === 'pause' || action === 'resume') return pauseOrResume(call, action, words);
    if (await areQueues(call)) return listQueues(call, call.args);
    const meant = closestName(action, ['peek', 'pause', 'resume']);
    throw new UsageError(`ctq queues knows no ${JSON.stringify(escapeText(action))}`, {
      hint: meant === undefined ? 'it knows peek, pause and resume, and no queue of that name' : `did you mean ctq queues ${meant}?`,
    });
  },
});

async function open(call: Call): Promise<{ readonly app: Ctq; readonly estate: Estate }> {
  const app = await openRemote(call);
  const [estate] = await app.estates();
  if (estate === undefined) throw new UsageError('there is no broker to look into', { hint: 'name one with --broker' });
  return { app, estate };
}

/** Whether all that was typed are names of queues: a word that was meant to do something must not pass for one. */
async function areQueues(call: Call): Promise<boolean> {
  try {
    const known = await (await open(call)).estate.queues.names();
    return call.args.every((name) => known.includes(name));
  } catch (error) {
    if (!isCtqError(error)) throw error;
    return false;
  }
}

async function listQueues(call: Call, named: readonly string[]): Promise<number> {
  const { options: given, globals, context, signal } = call;
  const { app, estate } = await open(call);
  const only = named.length === 0 ? given.queues?.flat() : [...named, ...(given.queues?.flat() ?? [])];
  const census = new QueueCensus({ estate, control: app.control, nowMs: () => context.clock.monotonicMs(), signal });
  // Of an app that names its queues, those are shown that nobody has used yet.
  const declared =
    app.conf.taskQueues === null || app.conf.taskQueues === undefined ? [] : app.router.queues.declared().map(({ name }) => name);
  let notes: readonly string[] = [];
  const unknown = only === undefined ? [] : await unknownQueues(estate, only);
  const look = async (): Promise<string> => {
    const asides = (await estate.messages.aside()).filter((aside) => concerns(aside, only));
    const withAside = asides.flatMap((aside) => [...aside.queues.keys()]);
    const seen = await census.look(only, [...declared, ...withAside], given.watch === true ? 'again' : 'once');
    const { queues: views } = seen;
    const breakdowns = given.byTask === true ? await breakAllDown(estate, views) : new Map<string, TaskBreakdown>();
    if (globals.json === true) {
      const documents = views.map((view) => ({ ...queueDocument(view, breakdowns.get(view.name)), set_aside: asideOf(asides, view.name) }));
      return `${jsonText(documents)}\n`;
    }
    notes = [
      ...unknown,
      ...asides.map((aside) => `${asideText(aside)}; ${asideRemedy(aside, estate.displayUrl)}`),
      ...notesOf(seen, [...breakdowns.values()]),
    ];
    if (views.length === 0)
      notes = [...notes, ...((await estate.neighbours?.()) ?? []).map((text) => `note: ${text}: was that one meant?`)];
    if (views.length === 0) return given.watch === true ? `${EMPTY}\n` : '';
    const tables = [await queuesText(views, context.stdout)];
    if (breakdowns.size > 0) tables.push(await breakdownText([...breakdowns], context.stdout));
    return given.watch === true ? [...tables, ...notes.map((note) => `${note}\n`)].join('\n') : tables.join('\n');
  };
  let last: string | undefined;
  await showView(call, given, async () => {
    try {
      last = await look();
      return last;
    } catch (error) {
      // It is just when the server goes away that somebody watches.
      if (given.watch !== true || last === undefined || !isCtqError(error)) throw error;
      const problem = `${error.message}; trying again\n`;
      if (isTerminal(context.stdout) && globals.json !== true) return `${last}\n${problem}`;
      context.stderr.write(`ctq: note: ${problem}`);
      return '';
    }
  });
  if (given.watch !== true && globals.json !== true && globals.quiet !== true)
    for (const note of notes) context.stderr.write(`ctq: ${note}\n`);
  return EXIT.ok;
}

/** What a migration or a purge has taken out of the queue and not got rid of. */
function asideOf(asides: readonly Aside[], queue: string): number {
  return asides.reduce((sum, { queues: counts }) => sum + (counts.get(queue) ?? 0), 0);
}

const EMPTY = 'no queues here yet; ctq send <task> makes the first, and so does a worker: ctq worker -A <app>';
/** Where the server lists none, that we know none does not mean that there is none. */
const UNKNOWN = 'no queue is known here: -Q <queue> names one';

function notesOf({ queues: views, silent, unasked, blindSpot }: Census, breakdowns: readonly TaskBreakdown[]): readonly string[] {
  const notes: string[] = [];
  if (blindSpot !== undefined) notes.push(blindSpot);
  if (views.length === 0) notes.push(blindSpot === undefined ? EMPTY : UNKNOWN);
  if (views.some(({ delayed }) => delayed === undefined))
    notes.push('the server does not say for which queues it delays messages: ctq queues peek shows them');
  if (silent > 0) notes.push(`${countText(silent, 'worker')} did not answer in time: WORKERS and OUT/S may be more`);
  if (unasked !== undefined) notes.push(`Python workers could not be asked, WORKERS may be more: ${unasked}`);
  const idle = views.filter(({ ready, consumers, paused }) => ready > 0 && consumers.length === 0 && !paused).map(({ name }) => name);
  if (idle.length > 0 && silent === 0 && unasked === undefined)
    notes.push(`nobody takes from ${idle.map(escapeText).join(', ')}; ctq worker -A <app> -Q ${escapeText(idle.join(','))} does`);
  const held = views.filter(({ unacked = 0, consumers }) => unacked > 0 && consumers.length === 0).map(({ name }) => name);
  if (held.length > 0 && silent === 0 && unasked === undefined)
    notes.push(`messages of ${held.map(escapeText).join(', ')} are held by nobody who answers; ctq doctor tells when they come back`);
  if (breakdowns.some(({ sampled, of }) => sampled < of)) {
    const looked = breakdowns.filter(({ sampled, of }) => sampled < of).map(({ sampled }) => numberText(sampled));
    notes.push(`~ is an estimate: of long queues ${[...new Set(looked)].join(' or ')} messages were looked at`);
  }
  return notes;
}

async function breakAllDown(estate: Estate, views: readonly QueueView[]): Promise<Map<string, TaskBreakdown>> {
  const full = views.filter(({ ready }) => ready > 0);
  return new Map(await Promise.all(full.map(async ({ name }) => [name, await breakDown(estate.messages, name)] as const)));
}

async function peek(call: Call, words: readonly string[]): Promise<number> {
  const { options: given, globals, context } = call;
  const [queue, ...others] = words;
  if (queue === undefined) throw new UsageError('ctq queues peek needs a queue', { hint: 'ctq queues lists them' });
  if (others.length > 0) throw new UsageError('ctq queues peek looks into one queue', { hint: `ctq queues peek ${queue}` });
  const { estate } = await open(call);
  const { offset = 0, limit = PEEKED } = given;
  const nowMs = context.clock.nowMs();
  const page = await estate.messages.page(queue, offset, limit);
  const documents = await Promise.all(page.map((stored) => peekedDocument(stored, nowMs)));
  if (globals.json === true) {
    context.stdout.write(`${jsonText(documents)}\n`);
    return EXIT.ok;
  }
  if (documents.length > 0) context.stdout.write(await peekText(documents, nowMs, context.stdout));
  if (globals.quiet !== true) {
    const note = await peekNote(estate, queue, { offset, shown: documents.length, limit });
    if (note !== undefined) context.stderr.write(`ctq: ${note}\n`);
  }
  return EXIT.ok;
}

async function peekNote(
  estate: Estate,
  queue: string,
  { offset, shown, limit }: { readonly offset: number; readonly shown: number; readonly limit: number },
): Promise<string | undefined> {
  const [report] = await estate.queues.report([queue]);
  const total = (report?.ready ?? 0) + (report?.delayed ?? 0);
  const name = escapeText(queue);
  const [unknown] = shown === 0 && total === 0 ? await unknownQueues(estate, [queue]) : [];
  if (unknown !== undefined) return unknown;
  if (shown === 0)
    return total === 0
      ? `nothing waits in ${name}; ctq queues lists what there is`
      : `${name} has ${countText(total, 'message')}: a smaller --offset shows them`;
  if (offset + shown >= total) return undefined;
  return `${numberText(offset + shown)} of ${countText(total, 'message')}; --offset ${offset + limit} shows the next`;
}

async function pauseOrResume(call: Call, action: 'pause' | 'resume', words: readonly string[]): Promise<number> {
  const { globals, context, signal } = call;
  if (words.length === 0) throw new UsageError(`which queues shall ${action}?`, { hint: `ctq queues ${action} mail video` });
  const { app, estate } = await open(call);
  const parts = { app, desk: estate.queues, signal };
  // A typing mistake would be taken for a pause that does not hold.
  const unknown = action === 'pause' && globals.quiet !== true ? await unknownQueues(estate, words) : [];
  const done: Pausing[] = [];
  for (const queue of new Set(words)) done.push(await (action === 'pause' ? pauseQueue(parts, queue) : resumeQueue(parts, queue)));
  for (const line of unknown) context.stderr.write(`ctq: note: ${line}\n`);
  if (globals.json === true) {
    context.stdout.write(
      `${jsonText(done.map(({ queue: name, changed, told, silent }) => ({ name, paused: action === 'pause', changed, told, silent })))}\n`,
    );
    return EXIT.ok;
  }
  for (const one of done) {
    context.stdout.write(
      `${escapeText(one.queue)}: ${action === 'pause' ? pausedText(one, who(estate)) : resumedText(one, who(estate))}\n`,
    );
    if (one.silent.length > 0) context.stderr.write(`ctq: note: no answer from ${one.silent.map(escapeText).join(', ')}\n`);
  }
  if (
    action === 'pause' &&
    globals.quiet !== true &&
    (estate.queues.holds === 'whoever is told' || done.some(({ told }) => told.length > 0))
  ) {
    context.stderr.write('ctq: note: a Python worker that starts later is not held; pause again then\n');
  }
  return EXIT.ok;
}

/** Those that have to be told, as people call them. */
function who({ queues: desk }: Estate): string {
  return desk.holds === 'our workers' ? 'Python worker' : 'worker';
}

function pausedText({ changed, told }: Pausing, worker: string): string {
  const also = told.length === 0 ? '' : `, and ${countText(told.length, worker)} told: ${told.map(escapeText).join(', ')}`;
  return `${changed ? 'paused' : 'was paused already'}${also}`;
}

function resumedText({ changed, told }: Pausing, worker: string): string {
  if (!changed) return 'was not paused';
  return told.length === 0 ? 'goes on' : `goes on, and ${countText(told.length, worker)} told: ${told.map(escapeText).join(', ')}`;
}
