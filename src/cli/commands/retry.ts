/** `ctq retry`: sends failed tasks again. */
import { hostname } from 'node:os';
import { UsageError } from '../../errors.js';
import type { Ctq } from '../../ctq.js';
import type { FailedTask } from '../../ctq/failed-task.js';
import { findFailed } from '../../ctq/failed-tasks.js';
import { carryOutRetry, planRetry, type RetryPlan, type RetryWorld } from '../../ctq/retry-failed.js';
import { anonymousNodename } from '../../protocol/nodename.js';
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { failedOptions, lookForFailed } from '../failed-options.js';
import { text } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { shortIds } from '../output/short-ids.js';
import { tableText } from '../output/table.js';
import { confirm } from '../question.js';
import { openRemote } from '../remote-call.js';

const options = {
  ...failedOptions,
  failed: flag('--failed', 'all failed tasks, or those that --task, --since and --queues choose'),
  to: value('--to <queue>', 'send to this queue instead of the one it came from', text, { completes: 'queue' }),
  dryRun: flag('--dry-run', 'only say what would be sent'),
  force: flag('-f, --force', 'do not ask before many are sent'),
} as const;

type Call = CommandCall<typeof options>;

/** One task, as `--json` prints it. */
interface RetryDocument {
  readonly id: string | null;
  /** What commands call it by. */
  readonly handle: string;
  readonly task: string | null;
  readonly queue: string | null;
  /** `ready` only with `--dry-run`; `gone`: somebody else was faster. */
  readonly outcome: 'sent' | 'ready' | 'gone' | 'refused';
  /** What could not be kept or known, and why it was refused. */
  readonly notes: readonly string[];
}

export const retry = defineCommand({
  name: 'retry',
  summary: 'run failed tasks again',
  arguments: [{ name: 'id', summary: 'ids of failed tasks, or their beginnings', required: false, variadic: true, completes: 'failed id' }],
  options,
  examples: [
    ['ctq retry 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'send it again, under the same id'],
    ["ctq retry --failed --task 'tasks.mail.*' --since 1h --dry-run", 'what would be sent'],
    ['ctq retry --failed --since 30m -f', 'all that failed in the last half hour, without a question'],
  ],
  async run(call) {
    const { args, options: given, context, globals } = call;
    const chosen = [given.task, given.since, given.queues].some((one) => one !== undefined);
    if (args.length > 0 && (given.failed === true || chosen)) {
      throw new UsageError('ctq retry takes ids, or --failed with --task, --since and --queues', { hint: 'not both at once' });
    }
    if (args.length === 0 && given.failed !== true) {
      throw new UsageError('which failed tasks are to run again?', {
        hint: 'ctq retry <id…>, or ctq retry --failed for all; ctq failed lists them',
      });
    }
    const app = await openRemote(call);
    const { failed, missing } = args.length > 0 ? await named(call, app) : { failed: await lookForFailed(call, app), missing: [] };
    const documents: RetryDocument[] = missing.map(missingDocument);
    for (const id of missing) context.stderr.write(`ctq: ${escapeText(id)} is not among the failed tasks (ctq failed lists them)\n`);
    if (args.length === 0 && failed.length > 0 && given.dryRun !== true && given.force !== true) {
      if (!(await confirm(call, questionOf(failed)))) {
        if (globals.quiet !== true) context.stderr.write('ctq: nothing was sent\n');
        return EXIT.failed;
      }
    }
    const world: RetryWorld = {
      estates: await app.estates(),
      backend: () => app.backend(),
      nowMs: context.clock.nowMs(),
      origin: anonymousNodename({ hostname: hostname(), pid: context.pid }),
      to: given.to,
    };
    try {
      for (const one of failed) {
        call.signal.throwIfAborted();
        const document = await sendOne(one, world, given.dryRun === true ? 'dry run' : 'for real');
        documents.push(document);
        if (globals.json !== true && document.outcome === 'sent') context.stdout.write(`${escapeText(document.id ?? '')}\n`);
      }
    } finally {
      if (globals.json !== true) tellNotes(call, documents.slice(missing.length));
    }
    if (globals.json === true) context.stdout.write(`${jsonText(documents)}\n`);
    else await conclude(call, documents);
    return documents.some(({ outcome }) => outcome === 'refused' || outcome === 'gone') ? EXIT.failed : EXIT.ok;
  },
});

/** Of some only a result is left that does not say what was called, or what is no message: those are no part of the promise. */
function questionOf(failed: readonly FailedTask[]): string {
  const nameless = failed.filter(({ task }) => task === undefined).length;
  const rest = nameless === 0 ? '' : `, and leave ${nameless} that ${nameless === 1 ? 'does' : 'do'} not say what was called`;
  return `Send ${countText(failed.length - nameless, 'failed task')} again${rest}`;
}

async function named(
  { args, signal }: Call,
  app: Ctq,
): Promise<{ readonly failed: readonly FailedTask[]; readonly missing: readonly string[] }> {
  const estates = await app.estates();
  const found = new Map<string, FailedTask>();
  const missing: string[] = [];
  for (const id of new Set(args)) {
    const details = await findFailed(estates, id, signal);
    if (details === undefined) missing.push(id);
    else found.set(details.failed.handle, details.failed);
  }
  return { failed: [...found.values()], missing };
}

async function sendOne(failed: FailedTask, world: RetryWorld, how: 'dry run' | 'for real'): Promise<RetryDocument> {
  const plan = await planRetry(failed, world);
  if (plan.kind === 'refused') return documentOf(plan, 'refused');
  return documentOf(plan, how === 'dry run' ? 'ready' : await carryOutRetry(plan, world));
}

function documentOf(plan: RetryPlan, outcome: RetryDocument['outcome']): RetryDocument {
  const { failed } = plan;
  const notes = plan.kind === 'refused' ? [plan.why] : outcome === 'gone' ? ['somebody else has sent it meanwhile'] : plan.notes;
  const queue = plan.kind === 'refused' ? failed.queue : plan.queue;
  return {
    id: failed.taskId === '' ? null : failed.taskId,
    handle: failed.handle,
    task: failed.task ?? null,
    queue: queue ?? null,
    outcome,
    notes,
  };
}

function missingDocument(id: string): RetryDocument {
  return { id, handle: id, task: null, queue: null, outcome: 'refused', notes: ['it is not among the failed tasks'] };
}

/** What there is to know of many is said once: five hundred tasks of one kind have the same to tell. */
function tellNotes({ context, globals, options: { dryRun } }: Call, documents: readonly RetryDocument[]): void {
  const refused = new Map<string, string[]>();
  const noted = new Map<string, string[]>();
  for (const { id, handle, task, outcome, notes } of documents) {
    const name = escapeText(`${task ?? 'a task without a name'}[${id ?? handle}]`);
    if (outcome === 'refused' || outcome === 'gone') add(refused, notes.join('; '), name);
    else for (const note of notes) add(noted, note, name);
  }
  for (const [why, names] of refused) {
    context.stderr.write(`ctq: ${namesText(names)} ${names.length === 1 ? 'was' : 'were'} not sent: ${escapeText(why)}\n`);
  }
  if (globals.quiet === true || dryRun === true) return;
  for (const [note, names] of noted) context.stderr.write(`ctq: note: ${namesText(names)}: ${escapeText(note)}\n`);
}

function add(map: Map<string, string[]>, key: string, name: string): void {
  const names = map.get(key);
  if (names === undefined) map.set(key, [name]);
  else names.push(name);
}

/** Of many the first tells which ones are meant. */
function namesText(names: readonly string[]): string {
  const [first = ''] = names;
  return names.length === 1 ? first : `${countText(names.length, 'task')} (${first} …)`;
}

async function conclude({ context, globals, options: { dryRun } }: Call, documents: readonly RetryDocument[]): Promise<void> {
  const ready = documents.filter(({ outcome }) => outcome === 'ready');
  if (dryRun === true) {
    const shortId = shortIds(
      ready.map(({ id }) => id ?? ''),
      context.stdout,
    );
    const rows = ready.map(({ id, task, queue, notes }) => [shortId(id ?? ''), task ?? '', queue ?? '', notes.join('; ')]);
    if (rows.length > 0) {
      context.stdout.write(
        await tableText(['ID', 'TASK', 'QUEUE', 'NOTES'], rows, context.stdout, { flexible: ['NOTES', 'TASK', 'QUEUE'] }),
      );
    }
  }
  if (globals.quiet === true) return;
  if (documents.length === 0) context.stderr.write('ctq: no such task has failed; there is nothing to send again\n');
  else if (context.stderr.isTTY === true) {
    const count = dryRun === true ? ready.length : documents.filter(({ outcome }) => outcome === 'sent').length;
    context.stderr.write(`\n${countText(count, 'task')} ${dryRun === true ? 'would be' : count === 1 ? 'was' : 'were'} sent again.\n`);
  }
}
