/** `ctq beat`: the scheduler, and with a word behind it the desk of its entries. */
import { setFlagsFromString } from 'node:v8';
import { scheduleKinds } from '../../beat/schedule-kinds.js';
import { closestName } from '../../config/closest-name.js';
import { expandPath } from '../../config/file-paths.js';
import { UsageError } from '../../errors.js';
import { CTQ_VERSION } from '../../version.js';
import { beatBanner } from '../beat/banner.js';
import { type Book, bookWith, openShelf, type Shelf } from '../beat/books.js';
import { COMING_HEADINGS, comingDocument, comingFirings, comingRow } from '../beat/coming.js';
import { addEntry, type Desk, pauseEntry, removeEntry, resumeEntry, runNow } from '../beat/edit.js';
import { knownEntries, openEntries, requireStore } from '../beat/entries.js';
import { LIST_HEADINGS, listDocument, listRow } from '../beat/listing.js';
import { beforeDeadline } from '../client.js';
import {
  type CommandArgument,
  type CommandCall,
  type CommandOption,
  type CommandVerb,
  defineCommand,
  flag,
  list,
  unavailable,
  value,
} from '../command.js';
import { detach, isDetached, reportReady } from '../daemon.js';
import { escapeText } from '../escape-text.js';
import { EXIT, Interruption } from '../exit-codes.js';
import { jsonList, jsonObject, keyAndValue, objectOf, readLoosely } from '../json-values.js';
import { metricsAt, metricsOption } from '../metrics.js';
import { oneOf, seconds, text, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { tableText } from '../output/table.js';
import { rootOption } from '../root-check.js';
import { openScheduleApp, serviceOptions, startService, styleLog } from '../service.js';

const CATCH_UPS = ['skip', 'once', 'all'] as const;
const MOST_COMING = 100_000;

/** One option for each kind of schedule: a new kind brings its own. */
const kindOptions: Readonly<Record<string, CommandOption>> = Object.fromEntries(
  scheduleKinds.map(({ name, argument, summary }) => [`kind:${name}`, value(`--${name} ${argument}`, `add: ${summary}`, text)]),
);

const options = {
  schedule: value('-s, --schedule <file>', 'keep last runs in this file; default: in the broker, else celerybeat-schedule', text, {
    completes: 'file',
  }),
  maxInterval: value('--max-interval <seconds>', 'sleep no longer between two looks at the schedule; default 300', seconds),
  next: value('--next [count]', 'print the coming firings, 10 or so many, and exit', wholeNumber(1, MOST_COMING)),
  ...metricsOption,
  ...rootOption,
  ...serviceOptions,
  ...kindOptions,
  args: value('--args <json>', 'add: positional arguments as a JSON list', jsonList),
  kwarg: list('-k, --kwarg <key=value>', 'add: keyword argument; repeatable', keyAndValue),
  kwargs: value('--kwargs <json>', 'add: keyword arguments as a JSON object', jsonObject),
  queue: value('-Q, --queue <name>', 'add: queue', text, { completes: 'queue' }),
  options: value('--options <json>', 'add: further options of the call, such as {"expires": 30}', jsonObject),
  timezone: value('--timezone <zone>', 'add: zone of the crontab; default the app’s', text),
  catchUp: value('--catch-up <policy>', 'add: what becomes of missed firings: skip, once (default) or all', oneOf(CATCH_UPS), {
    choices: CATCH_UPS,
  }),
  relative: flag('--relative', 'add: round firings of --every down to whole days, hours, minutes'),
  scheduler: unavailable('-S, --scheduler <class>', 'leave it out; entries live in the app and in the broker'),
} as const;

type Call = CommandCall<typeof options>;

interface Action {
  readonly summary: string;
  /** How many words it takes; Infinity for the rest of the line. */
  readonly words: readonly [least: number, most: number];
  readonly usage: string;
  run(call: Call, words: readonly string[]): Promise<number>;
}

const actions: Readonly<Record<string, Action>> = {
  list: { summary: 'show all entries; without -A those of every app at the broker', words: [0, 0], usage: 'list', run: listEntries },
  add: { summary: 'add or replace an entry', words: [2, Number.POSITIVE_INFINITY], usage: 'add <entry> <task> [args...]', run: add },
  rm: { summary: 'remove an entry', words: [1, 1], usage: 'rm <entry>', run: edit(removeEntry) },
  pause: {
    summary: 'stop an entry (this, resume and rm find it without -A, too)',
    words: [1, 1],
    usage: 'pause <entry>',
    run: edit(pauseEntry),
  },
  resume: { summary: 'let it go on', words: [1, 1], usage: 'resume <entry>', run: edit(resumeEntry) },
  'run-now': { summary: 'send it now', words: [1, 1], usage: 'run-now <entry>', run: sendNow },
};

/** From their usage: `add <entry> <task> [args...]`. */
const verbs: readonly CommandVerb[] = Object.entries(actions).map(([name, { summary, usage }]) => ({
  name,
  summary,
  arguments: [...usage.matchAll(/([<[])([\w-]+)(\.{3})?[>\]]/g)].map(([, bracket, word = '', dots]) =>
    argument(word, bracket === '<' ? 'required' : 'optional', dots === undefined ? 'one' : 'rest'),
  ),
}));

function argument(name: string, need: 'required' | 'optional', count: 'one' | 'rest'): CommandArgument {
  const about = { name, summary: name, required: need === 'required', variadic: count === 'rest' };
  return name === 'task' ? { ...about, completes: 'task' } : about;
}

export const beat = defineCommand({
  name: 'beat',
  summary: 'send tasks when their time has come; any number of beats send each firing once',
  arguments: [
    { name: 'action', summary: 'what to do with the entries; without one it runs', required: false },
    { name: 'words', summary: 'what the action is about', required: false, variadic: true },
  ],
  options,
  verbs,
  sections: [{ heading: 'Actions:', rows: Object.values(actions).map(({ usage, summary }) => [usage, summary]) }],
  examples: [
    ['ctq beat -A tasks -l info', 'run the schedule of tasks.ts'],
    ['ctq beat -A tasks --next 5', 'the five firings to come'],
    ['ctq beat -A tasks add nightly tasks.clean --crontab "0 3 * * *"', 'at three each night, from now on'],
    ['ctq beat -A tasks pause nightly', 'not until ctq beat -A tasks resume nightly'],
  ],
  ownsSignals: true,
  run: runBeat,
});

async function runBeat(call: Call): Promise<number> {
  const [word, ...words] = call.args;
  if (word === undefined) return call.options.next === undefined ? run(call) : interruptible(call, printComing);
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (action === undefined) {
    const meant = closestName(word, Object.keys(actions));
    throw new UsageError(`ctq beat knows no ${JSON.stringify(escapeText(word))}`, {
      hint: meant === undefined ? `it knows ${Object.keys(actions).join(', ')}; without a word it runs` : `did you mean ctq beat ${meant}?`,
    });
  }
  if (words.length < action.words[0] || words.length > action.words[1]) {
    throw new UsageError(`too ${words.length < action.words[0] ? 'few' : 'many'} words for ctq beat ${word}`, {
      hint: `usage: ctq beat ${action.usage}`,
    });
  }
  return interruptible(call, (one) => action.run(one, words));
}

/** Entries stay: a young generation that grows to hold them all and is never so full again is 30 MB for nothing. */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

async function run(call: Call): Promise<number> {
  const { options: given, context } = call;
  if (given.detach === true && !isDetached(context)) return detach(context);
  keepYoungGenerationSmall();
  const service = await startService(call, { who: 'beat' });
  const { logger, logfile, level, nodename, detached, paths, warning } = service;
  const schedule = given.schedule === undefined ? undefined : expandPath(given.schedule, '--schedule', paths);
  const { app, file } = await openScheduleApp(call);
  styleLog(logger, app.conf);
  const running = await app.beat({
    hostname: nodename,
    logger,
    ...(schedule === undefined ? {} : { schedule }),
    ...(given.maxInterval === undefined ? {} : { maxInterval: given.maxInterval }),
    ...metricsAt(given.metrics, context.env),
  });
  if (warning !== undefined) logger.warning('%s', warning);
  context.stdout.write(
    beatBanner({
      version: CTQ_VERSION,
      startedAtMs: context.clock.nowMs(),
      broker: running.parts.brokerUrl,
      loader: file,
      database: running.database,
      logfile,
      level,
      maxIntervalS: running.maxIntervalS,
    }),
  );
  const stop = (): void => void running.stop().catch(() => {}); // What went wrong comes out of start().
  call.defer(context.onSignal('SIGTERM', stop));
  call.defer(context.onSignal('SIGINT', stop));
  call.defer(context.onSignal('SIGQUIT', stop));
  if (detached) reportReady();
  await running.start();
  return EXIT.ok;
}

/** What answers and ends is ended at once by a signal; what stays has a way of its own. */
async function interruptible(call: Call, action: (call: Call) => Promise<number>): Promise<number> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) call.defer(call.context.onSignal(signal, () => reject(new Interruption(signal))));
  });
  return Promise.race([action(call), interrupted]);
}

async function printComing(call: Call): Promise<number> {
  const { context, globals, options: given } = call;
  const { app } = await openScheduleApp(call);
  const code = app.scheduleEntries();
  const store = await openEntries(app, call.defer);
  const stored = await store?.load();
  const count = typeof given.next === 'number' ? given.next : 10;
  const coming = comingFirings(knownEntries(code, stored), { now: new Date(context.clock.nowMs()), zone: app.timeZone, count });
  context.stdout.write(
    globals.json === true
      ? `${jsonText(coming.map(comingDocument))}\n`
      : await tableText(COMING_HEADINGS, coming.map(comingRow), context.stdout, { flexible: ['TASK', 'ENTRY', 'ZONE'] }),
  );
  if (coming.length === 0 && globals.quiet !== true) context.stderr.write('ctq: nothing is going to fire\n');
  return EXIT.ok;
}

async function listEntries(call: Call): Promise<number> {
  const { context, globals } = call;
  const { from, books } = await openShelf(call);
  const entries = books.flatMap((book) => book.entries.map((known) => ({ book, known })));
  const now = new Date(context.clock.nowMs());
  if (globals.json === true) context.stdout.write(`${jsonText(entries.map(({ book, known }) => listDocument(known, now, book)))}\n`);
  else {
    const whose = (app: string): readonly string[] => (from === 'broker' ? [app] : []);
    const rows = entries.map(({ book, known }) => [...whose(book.app), ...listRow(known, now, book.zone)]);
    context.stdout.write(
      await tableText([...whose('APP'), ...LIST_HEADINGS], rows, context.stdout, { flexible: ['TASK', 'ENTRY', 'APP'] }),
    );
  }
  if (entries.length === 0 && globals.quiet !== true) context.stderr.write('ctq: there are no entries\n');
  return EXIT.ok;
}

const UNIT = /^(s|m|h|d)(?:ec|econd|in|inute|our|ay)s?$/i;

/** `--every 5 minutes`: the shell hands over five seconds, and an argument "minutes" for the task. */
function assertNoUnit(kind: string, written: string, words: readonly string[]): void {
  const word = words.at(-1) ?? '';
  const [, unit] = UNIT.exec(word) ?? [];
  if (kind !== 'every' || unit === undefined || !/^\d+(\.\d+)?$/.test(written)) return;
  throw new UsageError(`--every ${written} is in seconds, and ${JSON.stringify(word)} an argument of the task`, {
    hint: `--every ${written}${unit.toLowerCase()} says it in one word; --args '[${JSON.stringify(word)}]' passes the text`,
  });
}

async function add(call: Call, [name = '', task = '', ...words]: readonly string[]): Promise<number> {
  const { options: given } = call;
  if (given.args !== undefined && words.length > 0) {
    throw new UsageError('arguments were given twice', { hint: 'either after the task, or with --args' });
  }
  const schedules = scheduleKinds.flatMap((kind) => {
    const written = (given as Readonly<Record<string, unknown>>)[`kind:${kind.name}`];
    return typeof written === 'string' ? [{ kind, written }] : [];
  });
  const [first, ...more] = schedules;
  if (first === undefined || more.length > 0) {
    const names = scheduleKinds.map((kind) => `--${kind.name}`).join(', ');
    throw new UsageError(`${first === undefined ? 'no' : 'more than one'} schedule was given`, { hint: `give one of ${names}` });
  }
  assertNoUnit(first.kind.name, first.written, words);
  const schedule = given.relative === true ? { [first.kind.name]: first.written, relative: true } : first.kind.fromText(first.written);
  const kwargs = given.kwargs === undefined && given.kwarg === undefined ? undefined : { ...given.kwargs, ...objectOf(given.kwarg) };
  const input = {
    task,
    schedule,
    args: given.args ?? words.map(readLoosely),
    kwargs,
    options: { ...given.options, ...(given.queue === undefined ? {} : { queue: given.queue }) },
    timezone: given.timezone,
    catchUp: given.catchUp,
  };
  return say(call, await addEntry(await openDesk(call), name, input));
}

/** What needs nothing of the app but its entries. */
function edit(change: (desk: Desk, name: string) => Promise<string>): Action['run'] {
  return async (call, [name = '']) => {
    const shelf = await openShelf(call);
    const desk = deskOf(call, shelf, bookWith(shelf, name));
    return say(call, await change(desk, name));
  };
}

/** By the app's own routes, so it must be at hand. */
async function sendNow(call: Call, [name = '']: readonly string[]): Promise<number> {
  const { id, published } = await runNow(await openDesk(call), name);
  await beforeDeadline(published, call);
  call.context.stdout.write(call.globals.json === true ? `${jsonText({ id, entry: name })}\n` : `${id}\n`);
  return EXIT.ok;
}

async function openDesk(call: Call): Promise<Desk> {
  const { app } = await openScheduleApp(call);
  const store = await openEntries(app, call.defer);
  return { app, code: 'known', store: requireStore(store), nowMs: call.context.clock.nowMs() };
}

function deskOf({ context }: Call, { app, from }: Shelf, { store }: Book): Desk {
  return { app, code: from === 'app' ? 'known' : 'unknown', store: requireStore(store), nowMs: context.clock.nowMs() };
}

function say({ context, globals }: Call, words: string): number {
  if (globals.json === true) context.stdout.write(`${jsonText({ message: words })}\n`);
  else if (globals.quiet !== true) context.stderr.write(`${words}\n`);
  return EXIT.ok;
}
