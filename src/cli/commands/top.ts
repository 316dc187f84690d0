/** `ctq top`: workers, queues, tasks that run and failures on one screen, as they change; and what can be done about them. */
import type { Ctq } from '../../ctq.js';
import { whyUnasked } from '../../ctq/unasked.js';
import { UsageError } from '../../errors.js';
import type { Estate } from '../../estate/estate.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { EXIT, isCtqError } from '../exit-codes.js';
import { names, oneOf, positiveSeconds, text, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { startSpinner } from '../output/spinner.js';
import { isTerminal } from '../output/terminal.js';
import { openRemote } from '../remote-call.js';
import { PANES, type PaneName, type Snapshot } from '../top/model.js';
import { PANE_TABLE } from '../top/panes.js';
import { plainText, topDocument } from '../top/plain.js';
import { Poller } from '../top/poller.js';
import { ONCE } from '../top/render.js';
import { problemOf } from '../top/reduce.js';
import { canDraw } from '../top/screen.js';
import { runSession } from '../top/session.js';
import { beginning, type Sort, type TopState } from '../top/state.js';
import { DEFAULT_INTERVAL_S, showView } from '../watch.js';

const options = {
  interval: value('-d, --interval <seconds>', `the time between two looks; default ${DEFAULT_INTERVAL_S}`, positiveSeconds),
  times: value('-n, --times <number>', 'print it so many times instead of filling the screen', wholeNumber(1)),
  once: flag('--once', 'print it once'),
  queues: list('-Q, --queues <a,b>', 'only these queues', names, { completes: 'queue' }),
  view: value('--view <name>', `begin with workers, queues, tasks or failures`, oneOf(PANES), { choices: PANES }),
  sort: value('--sort <column>', 'order of the view: ready, running, runs-for …; with a - before it the other way round', text),
  filter: value('--filter <words>', 'only rows that have all of these words', text),
} as const;

type Call = CommandCall<typeof options>;

export const top = defineCommand({
  name: 'top',
  summary: 'show workers, queues, tasks and failures on one screen, and act on them',
  arguments: [],
  options,
  sections: [
    {
      heading: 'Keys:',
      rows: [
        ['1 2 3 4, Tab', 'workers, queues, tasks that run, failures'],
        ['arrows, Enter, Esc', 'select, show all of it, go back'],
        ['/  f  < >  i', 'filter, find, sort by another column, turn the order'],
        ['Space  ?  q', 'hold still, help with everything else, quit'],
      ],
    },
    {
      heading: 'Without a terminal:',
      rows: [['in a pipe, TERM=dumb', 'prints it every two seconds, until Ctrl-C; --json one document a line, --once one and the end']],
    },
  ],
  examples: [
    ['ctq top', 'what goes on, every two seconds'],
    ['ctq top --sort ready -d 10', 'begins with the queues, the fullest first, every ten seconds'],
    ['ctq top --once --json', 'for scripts'],
  ],
  run: runTop,
});

async function runTop(call: Call): Promise<number> {
  const { options: given, globals, context } = call;
  if (given.once === true && given.times !== undefined) throw new UsageError('--once is --times 1', { hint: 'give one of them' });
  const { pane, sort } = order(given.view, given.sort);
  const times = given.once === true ? 1 : given.times;
  const intervalMs = (given.interval ?? DEFAULT_INTERVAL_S) * 1000;
  const app = await openRemote(call);
  const estates = await app.estates();
  const [estate] = estates;
  if (estate === undefined) throw new UsageError('there is no broker to look into', { hint: 'name one with --broker' });
  const poller = new Poller(
    {
      ...{ app, estates, intervalMs },
      queues: given.queues?.flat(),
      declared: declaredQueues(app),
      ...{ clock: context.clock, signal: call.signal },
    },
    estate,
  );
  call.defer(() => poller.close());
  const snapshot = await firstLook(call, poller);
  const state = beginning({ snapshot, intervalMs: times === 1 ? ONCE : intervalMs, pane, sort, filter: given.filter ?? '' });
  if (times !== undefined || globals.json === true || !canDraw(context)) return printAgain(call, poller, { state, times });
  const { workdir, signal } = call;
  return runSession({
    call,
    poller,
    estates,
    beginning: state,
    actions: { app, estate: queueEstate(estates, estate), estates, context, workdir, signal },
  });
}

/** Of an app that names its queues, those are shown that nobody has used yet. */
function declaredQueues({ conf, router }: Ctq): readonly string[] {
  return conf.taskQueues === null || conf.taskQueues === undefined ? [] : router.queues.declared().map(({ name }) => name);
}

function queueEstate(estates: readonly Estate[], first: Estate): Estate {
  return estates.find(({ parts }) => parts.includes('broker')) ?? first;
}

/** A broker that is not there is told of before the screen is taken. */
async function firstLook(call: Call, poller: Poller): Promise<Snapshot> {
  const spinner = startSpinner(call.context, 'looking', call.globals);
  call.defer(() => spinner.stop());
  try {
    return await poller.look();
  } finally {
    spinner.stop();
  }
}

async function printAgain(
  call: Call,
  poller: Poller,
  { state, times }: { readonly state: TopState; readonly times: number | undefined },
): Promise<number> {
  const { globals, context, options: given } = call;
  const width = isTerminal(context.stdout) ? context.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  // Without events there is the rest.
  if (times !== 1)
    await poller.listen().catch((error: unknown) => {
      if (whyUnasked(error) === undefined) throw error;
    });
  let first: Snapshot | undefined = state.snapshot;
  let shown = state;
  await showView(call, { watch: true, interval: given.interval, times }, async () => {
    try {
      const snapshot = first ?? (await poller.look());
      shown = { ...shown, snapshot, problem: problemOf(snapshot) };
      first = undefined;
    } catch (error) {
      if (!isCtqError(error)) throw error;
      shown = { ...shown, problem: `${error.message}; trying again` };
      if (globals.json === true) {
        context.stderr.write(`ctq: note: ${shown.problem}\n`);
        return '';
      }
    }
    if (globals.json === true) return `${jsonText(topDocument(shown.snapshot))}\n`;
    return `${plainText(shown, { nowMs: context.clock.nowMs(), width })}${times === 1 ? '' : '\n'}`;
  });
  return EXIT.ok;
}

/** `--sort -ready`, and the view that has such a column when none is named. */
function order(view: PaneName | undefined, wanted: string | undefined): { readonly pane: PaneName; readonly sort: Sort | undefined } {
  if (wanted === undefined) return { pane: view ?? 'workers', sort: undefined };
  const name = plainName(wanted);
  for (const pane of view === undefined ? PANES : [view]) {
    const { columns } = PANE_TABLE[pane];
    const column = columns.findIndex(({ heading }) => plainName(heading) === name);
    if (column < 0) continue;
    const natural = columns[column]?.align === 'right' ? 'down' : 'up';
    const other = natural === 'up' ? 'down' : 'up';
    return { pane, sort: { column, order: wanted.startsWith('-') ? other : natural } };
  }
  const known = (view === undefined ? PANES : [view]).flatMap((pane) => PANE_TABLE[pane].columns.map(({ heading }) => columnName(heading)));
  throw new UsageError(`--sort is ${JSON.stringify(wanted)}`, { hint: `it must be one of ${[...new Set(known)].join(', ')}` });
}

function columnName(heading: string): string {
  return heading.toLowerCase().replaceAll(' ', '-');
}

/** `runs-for`, `RUNS FOR` and `begun/s` as people may write them. */
function plainName(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^a-z/]/g, '');
}
