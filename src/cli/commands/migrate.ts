/** `ctq migrate`: moves messages from one broker to another. */
import { messageFilter } from '../../ctq/message-filter.js';
import { concerns, isMigration, pairId } from '../../ctq/migration-asides.js';
import { migrate as move, type MigrationTerms, type QueueMigration } from '../../ctq/migration.js';
import { type MigrationEnd, type MigrationEnds, openMigrationEnds, openMigrationSource } from '../../ctq/migration-ends.js';
import { UsageError } from '../../errors.js';
import type { Estate } from '../../estate/estate.js';
import type { QueueReport } from '../../estate/queues.js';
import { asideRemedy, asideText } from '../aside-text.js';
import { openClient, surroundingsOf } from '../client.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { jsonObject } from '../json-values.js';
import { putBack, takenBackText } from '../migrate/put-back.js';
import { MigrationView } from '../migrate/view.js';
import { names, text, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { tableText } from '../output/table.js';

const options = {
  queue: list('-Q, --queue <a,b>', 'only these queues; default all that the source has', names, { completes: 'queue' }),
  task: value('--task <glob>', 'only messages of this task: tasks.mail.*', text, { completes: 'task' }),
  limit: value('--limit <number>', 'at most so many', wholeNumber(1)),
  dryRun: flag('--dry-run', 'only say how many wait'),
  putBack: flag('--put-back', 'bring back to their queues what unfinished migrations set aside'),
  force: flag('-f, --force', '--put-back: also what may have arrived'),
  sourceOptions: value('--source-options <json>', 'transport options of the source; default broker_transport_options', jsonObject),
  destinationOptions: value('--destination-options <json>', 'those of the destination; the same default', jsonObject),
} as const;

type Call = CommandCall<typeof options>;

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'move messages from one broker to another',
  arguments: [
    { name: 'source', summary: 'URL of the broker that has them', required: true },
    { name: 'destination', summary: 'URL of the broker that gets them, behind what waits there', required: false },
  ],
  options,
  sections: [
    {
      heading: 'What is promised:',
      rows: [
        ['nothing is lost', 'a message leaves the source after it has arrived'],
        ['it can be killed', 'the same command goes on, and each message arrives once (docs/migrate.md)'],
        ['back again', '--put-back asks the destination what it has, and brings the others back'],
        ['as they are', 'headers, properties, priority and ETA; what workers hold, results and failed tasks stay'],
      ],
    },
  ],
  examples: [
    ['ctq migrate redis://old redis://new', 'all queues'],
    ['ctq migrate redis://localhost sqlite:///srv/ctq.db -Q mail --limit 1000', 'a thousand of one queue'],
    ['ctq migrate --put-back redis://old redis://new', 'it was killed, and shall not go on'],
  ],
  run: (call) => runMigrate(call),
});

/** SIGINT ends it after the page at hand, and it says what went; asked for before what it works with is closed, so begun after that is open. */
function toItsEnd<T>(call: Call, work: Promise<T>): Promise<T> {
  call.defer(() =>
    work.then(
      () => {},
      () => {},
    ),
  );
  return work;
}

/** Those that nobody can list would be left behind unseen. */
async function allQueues(source: Estate): Promise<readonly string[]> {
  if ((await source.blindSpot?.()) !== undefined) {
    throw new UsageError(`nobody can say which queues there are at ${source.displayUrl}`, {
      hint: '-Q names them; RabbitMQ lists them by its management plugin: --source-options \'{"management_url": "http://host:15672"}\'',
    });
  }
  return source.queues.names();
}

async function runMigrate(call: Call): Promise<number> {
  const { args, options: given, signal } = call;
  const [from, to] = args;
  const isPutBack = given.putBack === true;
  if (from === undefined || (to === undefined && !isPutBack) || args.length > 2) {
    throw new UsageError('ctq migrate takes two URLs: where messages are, and where they go', {
      hint: 'ctq migrate redis://old redis://new',
    });
  }
  if (given.force === true && !isPutBack) throw new UsageError('-f belongs to --put-back', { hint: 'ctq migrate asks nothing' });
  const app = await openClient(call);
  const { connectTimeoutMs, baseFolder } = surroundingsOf(call);
  const { brokerTransportOptions, brokerUseSsl } = app.conf;
  const end = (url: string, own: Readonly<Record<string, unknown>> | undefined): MigrationEnd => ({
    url,
    options: {
      transportOptions: own ?? brokerTransportOptions,
      connectTimeoutMs,
      ...(brokerUseSsl === false ? {} : { ssl: brokerUseSsl }),
    },
  });
  const only = given.queue?.flat();
  const back = { only, signal, which: given.force === true ? 'all' : 'what has not arrived' } as const;
  if (to === undefined) {
    const source = await openMigrationSource(end(from, given.sourceOptions), baseFolder);
    call.defer(() => source.close());
    return toItsEnd(call, putBack(call, { ...back, source, to: undefined }));
  }
  const ends = await openMigrationEnds(end(from, given.sourceOptions), end(to, given.destinationOptions), baseFolder);
  call.defer(() => ends.close());
  if (isPutBack) return toItsEnd(call, putBack(call, { ...back, source: ends.source, to: ends }));
  const filter = messageFilter({ task: given.task });
  const reports = await ends.source.queues.report(only ?? (await allQueues(ends.source)));
  await tellOthers(call, ends, only);
  if (given.dryRun === true) return tellWaiting(call, ends.source, reports, filter);
  return toItsEnd(call, moveAndTell(call, { ends, only, reports, filter }));
}

interface Moving {
  readonly ends: MigrationEnds;
  readonly only: readonly string[] | undefined;
  readonly reports: readonly QueueReport[];
  readonly filter: MigrationTerms['filter'];
}

async function moveAndTell(call: Call, { ends, only, reports, filter }: Moving): Promise<number> {
  const { options: given, signal, context, globals } = call;
  const view = new MigrationView(call, { reports, limit: given.limit, filtered: filter !== undefined });
  const counts: QueueMigration[] = [];
  const terms: MigrationTerms = {
    ...{ ...ends, filter, signal, only, queues: reports.map(({ name }) => name), limit: given.limit ?? Number.POSITIVE_INFINITY },
    onProgress: (queue, moved) => view.progress(queue, moved),
    onTakenBack: (page) => {
      view.stop();
      if (globals.quiet !== true) context.stderr.write(`ctq: ${takenBackText(page)}\n`);
    },
  };
  try {
    await move(terms, (count) => {
      counts.push(count);
      view.done(count);
    });
  } catch (error) {
    view.stop();
    const moved = counts.reduce((sum, count) => sum + count.moved, 0);
    if (globals.quiet !== true && globals.json !== true && moved > 0)
      context.stderr.write(`ctq: ${countText(moved, 'message')} had moved; the same command goes on\n`);
    throw error;
  }
  view.stop();
  const after = await ends.source.queues.report(counts.map(({ queue }) => queue));
  return conclude(call, counts, { from: ends.source.displayUrl, to: ends.destination.displayUrl, after });
}

/** What this one does not go on with would else lie where nobody looks. */
async function tellOthers({ context, globals }: Call, { source, pair }: MigrationEnds, only: readonly string[] | undefined): Promise<void> {
  if (globals.quiet === true) return;
  for (const aside of await source.messages.aside()) {
    const isOurs = isMigration(aside.id) && aside.id.startsWith(pairId(pair)) && concerns(aside, only);
    if (!isOurs) context.stderr.write(`ctq: note: ${asideText(aside)}; ${asideRemedy(aside, source.displayUrl)}\n`);
  }
}

interface Conclusion {
  readonly from: string;
  readonly to: string;
  /** The queues at the source as they are now, in the order of the counts. */
  readonly after: readonly QueueReport[];
}

async function conclude(call: Call, counts: readonly QueueMigration[], { from, to, after }: Conclusion): Promise<number> {
  const { context, globals, signal } = call;
  const moved = counts.reduce((sum, count) => sum + count.moved, 0);
  const resumed = counts.reduce((sum, count) => sum + count.resumed, 0);
  const rows = counts.map((count, index) => ({ ...count, left: waiting(after[index]), held: after[index]?.unacked ?? 0 }));
  if (globals.json === true) {
    const queues = rows.map(({ queue, ...row }) => ({ name: queue, moved: row.moved, left: row.left, held: row.held }));
    const document = { source: from, destination: to, queues, moved, resumed, dry_run: false, interrupted: signal.aborted };
    context.stdout.write(`${jsonText(document)}\n`);
    return EXIT.ok;
  }
  const shown = rows.filter((row) => row.moved + row.left + row.held > 0);
  const cells = shown.map(({ queue, ...row }) => [queue, row.moved, row.left]);
  if (cells.length > 0) context.stdout.write(await tableText(['QUEUE', 'MOVED', 'LEFT'], cells, context.stdout, { flexible: ['QUEUE'] }));
  if (globals.quiet === true) return EXIT.ok;
  const say = (line: string): void => void context.stderr.write(`ctq: ${line}\n`);
  if (cells.length === 0) say('nothing waits at the source');
  if (resumed > 0) say(`${countText(resumed, 'message')} of them had been set aside by an earlier migration`);
  const held = rows.reduce((sum, row) => sum + row.held, 0);
  if (held > 0) say(`${countText(held, 'message')} in the hands of workers stay where they are`);
  if (signal.aborted) say('interrupted; the same command goes on');
  return EXIT.ok;
}

async function tellWaiting(
  call: Call,
  source: MigrationTerms['source'],
  reports: readonly QueueReport[],
  filter: MigrationTerms['filter'],
): Promise<number> {
  const { context, globals, signal } = call;
  const { countPurge } = await import('../purge/removing.js');
  const places = ['ready', 'delayed'] as const;
  const queues = reports.map(({ name }) => name);
  const counts = await countPurge({ estate: source, queues, places, filter, signal }, () => {});
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  if (globals.json === true) {
    const document = { source: source.displayUrl, queues: counts.map(({ queue, count }) => ({ name: queue, waiting: count })) };
    context.stdout.write(`${jsonText({ ...document, waiting: total, dry_run: true })}\n`);
    return EXIT.ok;
  }
  const rows = counts.filter(({ count }) => count > 0).map(({ queue, count }) => [queue, count]);
  if (rows.length > 0) context.stdout.write(await tableText(['QUEUE', 'WAITING'], rows, context.stdout, { flexible: ['QUEUE'] }));
  if (globals.quiet !== true) {
    context.stderr.write(
      total === 0 ? 'ctq: nothing waits at the source\n' : `ctq: nothing was moved from ${escapeText(source.displayUrl)}: --dry-run\n`,
    );
  }
  return EXIT.ok;
}

function waiting(report: QueueReport | undefined): number {
  return (report?.ready ?? 0) + (report?.delayed ?? 0);
}
