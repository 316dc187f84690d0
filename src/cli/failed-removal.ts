/** `ctq failed rm`: failed tasks that nobody wants to see any more, with a copy of their messages where one is wanted. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { FailedTask } from '../ctq/failed-task.js';
import { detailsOf, findFailed } from '../ctq/failed-tasks.js';
import type { Ctq } from '../ctq.js';
import { UsageError } from '../errors.js';
import type { DeadLetter } from '../estate/dead-letters.js';
import type { Estate } from '../estate/estate.js';
import type { RemovedMessage } from '../estate/messages.js';
import type { CommandCall } from './command.js';
import { escapeText } from './escape-text.js';
import { EXIT } from './exit-codes.js';
import { type FailedCall, lookForFailed } from './failed-options.js';
import { jsonText } from './output/json.js';
import { countText } from './output/number.js';
import { CopyWriter, copyName } from './purge/copy-file.js';
import { confirm } from './question.js';
import { openRemote } from './remote-call.js';

interface Removal {
  readonly keepCopy: string | true | undefined;
  readonly all: boolean | undefined;
  readonly force: boolean | undefined;
}

type Call = CommandCall & FailedCall;

export async function removeFailed(call: Call, ids: readonly string[], given: Removal): Promise<number> {
  const { context, globals, options, signal } = call;
  const chosen = [options.task, options.since, options.queues].some((one) => one !== undefined) || given.all === true;
  if (ids.length > 0 && chosen)
    throw new UsageError('ctq failed rm takes ids, or --all, --task, --since and --queues', { hint: 'not both at once' });
  if (ids.length === 0 && !chosen)
    throw new UsageError('which failed tasks are to go?', { hint: 'ctq failed rm <id…>, or --all, or those of --task, --since, --queues' });
  const app = await openRemote(call);
  const estates = await app.estates();
  const missing: string[] = [];
  const failed = ids.length === 0 ? await lookForFailed(call, app) : await named(estates, ids, { missing, signal });
  for (const id of missing) context.stderr.write(`ctq: ${escapeText(id)} is not among the failed tasks (ctq failed lists them)\n`);
  if (ids.length === 0 && failed.length > 0 && given.force !== true) {
    const kept = given.keepCopy === undefined ? 'for good; --keep-copy would keep their messages' : 'a copy of their messages is kept';
    if (!(await confirm(call, `Drop ${countText(failed.length, 'failed task')} (${kept})`))) {
      if (globals.quiet !== true) context.stderr.write('ctq: nothing was dropped\n');
      return EXIT.failed;
    }
  }
  const copy = failed.length === 0 ? undefined : await Copy.open(call, estates, given.keepCopy);
  const gone: string[] = [];
  try {
    for (const one of failed) {
      signal.throwIfAborted();
      if (await dropOne(one, { app, estates, copy })) gone.push(one.handle);
    }
  } finally {
    await copy?.close();
  }
  if (globals.json === true)
    context.stdout.write(`${jsonText({ dropped: gone, missing, copy: copy?.path ?? null, copied: copy?.count ?? 0 })}\n`);
  else {
    context.stdout.write(gone.map((handle) => `${escapeText(handle)}\n`).join(''));
    if (globals.quiet !== true && copy !== undefined) {
      context.stderr.write(
        `ctq: ${countText(copy.count, 'message')} kept; ctq purge --undo ${escapeText(copy.path)} puts them into their queues, to be run\n`,
      );
    }
    if (globals.quiet !== true && failed.length === 0 && missing.length === 0)
      context.stderr.write('ctq: no such task has failed; there is nothing to drop\n');
  }
  return missing.length > 0 ? EXIT.failed : EXIT.ok;
}

async function named(
  estates: readonly Estate[],
  ids: readonly string[],
  { missing, signal }: { readonly missing: string[]; readonly signal: AbortSignal },
): Promise<readonly FailedTask[]> {
  const found = new Map<string, FailedTask>();
  for (const id of new Set(ids)) {
    const details = await findFailed(estates, id, signal);
    if (details === undefined) missing.push(id);
    else found.set(details.failed.handle, details.failed);
  }
  return [...found.values()];
}

/** Its message, and the result that would list it again. False when somebody else was faster. */
async function dropOne(
  failed: FailedTask,
  { app, estates, copy }: { readonly app: Ctq; readonly estates: readonly Estate[]; readonly copy: Copy | undefined },
): Promise<boolean> {
  const details = await detailsOf(failed, estates);
  if (details === undefined) return false;
  const { letter, failure } = details;
  if (letter !== undefined) {
    await copy?.write(letter);
    if (!(await failed.estate.deadLetters.remove(letter))) return false;
  }
  if (failure !== undefined) await (await app.backend()).forget(failed.taskId);
  return true;
}

/** In the words of a purge's copy, which `ctq purge --undo` and `ctq send --batch` read. */
class Copy {
  readonly path: string;
  count = 0;
  readonly #writer: CopyWriter;

  private constructor(writer: CopyWriter) {
    this.path = writer.path;
    this.#writer = writer;
  }

  static async open(
    { context, workdir }: Pick<CommandCall, 'context' | 'workdir'>,
    estates: readonly Estate[],
    wanted: Removal['keepCopy'],
  ): Promise<Copy | undefined> {
    if (wanted === undefined) return undefined;
    const name = wanted === true ? copyName(context.clock.nowMs()) : wanted;
    const broker = estates.find(({ parts }) => parts.includes('broker'));
    return new Copy(await CopyWriter.create(resolve(workdir, name), randomUUID(), broker?.displayUrl ?? ''));
  }

  async write({ queue, text, message, atMs }: DeadLetter): Promise<void> {
    // Of a message that was too large nothing is left to copy.
    if (text === '') return;
    const priority = message?.properties.priority ?? 0;
    const removed: RemovedMessage = {
      ...{ number: this.count, queue, place: 'ready', priority, position: 0, raw: Buffer.from(text), message },
      ...(atMs > 0 ? { publishedAtMs: atMs } : {}),
    };
    await this.#writer.write([removed]);
    this.count += 1;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
