/**
 * Sends a failed task again, under its own id: whoever asks for its result from then on waits for the new
 * one. Where a message was kept it is that message with all its links; else it is made of an extended result.
 */
import { randomUUID } from 'node:crypto';
import { ProtocolError, ResultBackendError } from '../errors.js';
import type { SendAgain } from '../estate/dead-letters.js';
import type { Estate } from '../estate/estate.js';
import { encodeEnvelope } from '../protocol/envelope.js';
import { processOid } from '../protocol/oid.js';
import { isRecord } from '../protocol/record.js';
import { encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { sentAgain } from '../protocol/sent-again.js';
import { FAILURE, RETRY, SUCCESS } from '../protocol/states.js';
import { encodeTaskMessage } from '../protocol/task-call.js';
import { peekTask, type TaskMessage } from '../protocol/task-message.js';
import type { ResultBackend } from '../result-backend.js';
import type { FailedTask } from './failed-task.js';
import { detailsOf, type FailedDetails } from './failed-tasks.js';
import { readTask } from './read-task.js';

export interface RetryWorld {
  readonly estates: readonly Estate[];
  readonly backend: () => Promise<ResultBackend>;
  readonly nowMs: number;
  /** Who sends what has no sender any more. */
  readonly origin: string;
  /** Instead of the task's own queue. */
  readonly to?: string | undefined;
}

/** What is about to be sent, or why it will not be. */
export type RetryPlan =
  | {
      readonly kind: 'ready';
      readonly failed: FailedTask;
      readonly queue: string;
      readonly again: SendAgain;
      readonly meta: ResultMeta | undefined;
      /** What an operator should know about it. */
      readonly notes: readonly string[];
    }
  | { readonly kind: 'refused'; readonly failed: FailedTask; readonly why: string };

export async function planRetry(failed: FailedTask, world: RetryWorld): Promise<RetryPlan> {
  const refused = (why: string): RetryPlan => ({ kind: 'refused', failed, why });
  const details = await detailsOf(failed, world.estates);
  if (details === undefined) return refused('it is not among the failed tasks any more: somebody else has sent or removed it');
  if (details.failure === undefined && (await stateOf(failed.taskId, world)) === SUCCESS) {
    return refused('it has succeeded meanwhile: a new result would not replace that');
  }
  const made = details.letter === undefined ? await fromResult(details, world) : await fromLetter(details, world);
  if ('why' in made) return refused(made.why);
  const { queue, priority, envelope, notes } = made;
  const { letter, failure } = details;
  const again: SendAgain = {
    ...(letter === undefined ? {} : { letter }),
    ...(failure === undefined ? {} : { failure: { taskId: failure.meta.taskId, seen: failure.text, now: willBeTried(failure.meta) } }),
    ...{ queue, priority, envelope },
  };
  return { kind: 'ready', failed, queue, again, meta: failure?.meta, notes };
}

/**
 * Where messages and results share a store it happens once, whoever else tries the same and whatever dies
 * meanwhile. With results elsewhere a message that was kept is still sent once, and one that was made of a
 * result may be sent by two who try at the same moment.
 */
export async function carryOutRetry(plan: Extract<RetryPlan, { kind: 'ready' }>, world: RetryWorld): Promise<'sent' | 'gone'> {
  const { again, meta, failed } = plan;
  const broker = world.estates.find(({ parts }) => parts.includes('broker'));
  if (broker === undefined) return 'gone';
  const together = broker.parts.includes('result backend');
  if (together || again.failure === undefined) return broker.deadLetters.sendAgain(again);
  const backend = await world.backend();
  const now: ResultMeta = { ...(meta as ResultMeta), status: RETRY, dateDone: null };
  const { failure, ...message } = again;
  if (again.letter === undefined) {
    if ((await failed.estate.deadLetters.findFailure(failure.taskId))?.text !== failure.seen) return 'gone';
    // Sent first: a crash in between may repeat the task, and loses nothing.
    await broker.deadLetters.sendAgain(message);
    await backend.store(now);
    return 'sent';
  }
  // Before the message, or a quick worker's new failure would be covered up.
  if ((await backend.load(failure.taskId))?.status === FAILURE) await backend.store(now);
  return broker.deadLetters.sendAgain(message);
}

interface Made {
  readonly queue: string;
  readonly priority: number;
  readonly envelope: string;
  readonly notes: readonly string[];
}

async function fromLetter({ letter }: FailedDetails, world: RetryWorld): Promise<Made | { readonly why: string }> {
  if (letter?.kind === 'failed' && letter.text === '') return { why: 'its message was too large to be kept (failed_tasks_max_size)' };
  if (letter?.message === undefined) return { why: 'what was kept is no message' };
  const notes: string[] = [];
  let made: ReturnType<typeof sentAgain>;
  try {
    made = sentAgain(letter.text, { deliveryTag: randomUUID(), nowMs: world.nowMs, queue: world.to });
  } catch (error) {
    if (error instanceof ProtocolError) return { why: error.message };
    throw error;
  }
  if (made.freshened.includes('eta')) notes.push('its ETA is over: it runs at once');
  if (made.freshened.includes('expires')) notes.push('its expiry is over: it has none now');
  const task = await readTask(letter.message);
  if (task === undefined && peekTask(letter.message) === undefined) return { why: 'what was kept names no task' };
  if (task === undefined) notes.push('its body could not be read here: a chord or an expiry in it would not be seen');
  else notes.push(...(await chordNotes(task, world)));
  return { queue: world.to ?? letter.queue, priority: letter.message.properties.priority ?? 0, envelope: made.text, notes };
}

async function chordNotes({ chord, group, chain }: TaskMessage, { estates }: RetryWorld): Promise<readonly string[]> {
  const notes: string[] = [];
  if (chord !== null && group !== null) {
    const open = await Promise.all(
      estates.filter(({ parts }) => parts.includes('result backend')).map((estate) => estate.deadLetters.isChordOpen(group)),
    );
    notes.push(
      open.includes(true)
        ? 'its chord still waits for other tasks: the new result takes the place of the failure'
        : 'its chord has failed already: the task runs again, and the body of the chord is not called',
    );
  }
  if (chain !== null && chain.length > 0) notes.push(`the ${chain.length === 1 ? 'step' : `${chain.length} steps`} after it will run too`);
  return notes;
}

async function fromResult({ failure, failed }: FailedDetails, world: RetryWorld): Promise<Made | { readonly why: string }> {
  const meta = failure?.meta;
  const extended = meta?.extended;
  if (meta === undefined || extended === undefined || extended.name === null) {
    return { why: 'its result does not say what was called; with result_extended = True it would' };
  }
  const { args, kwargs, name } = extended;
  if (!Array.isArray(args) || !isRecord(kwargs)) return { why: 'its result does not have its arguments as they were' };
  const queue = world.to ?? extended.queue ?? undefined;
  if (queue === undefined || queue === '') return { why: 'its result does not say which queue it was in; --to names one' };
  const message = await encodeTaskMessage({
    id: failed.taskId,
    task: name,
    args,
    kwargs,
    nowMs: world.nowMs,
    origin: world.origin,
    replyTo: processOid(),
    groupId: meta.groupId,
    parentId: meta.parentId,
    ...(meta.stamps === undefined ? {} : { stampedHeaders: Object.keys(meta.stamps), stamps: meta.stamps }),
  });
  const envelope = encodeEnvelope(message, { deliveryTag: randomUUID(), deliveryInfo: { exchange: '', routingKey: queue } });
  const notes = ['made anew of its result: callbacks, chain, chord, headers, priority, limits and expiry of the first call are not known'];
  if (world.to === undefined) notes.push(`its queue is taken to be its routing key, ${queue}`);
  return { queue, priority: 0, envelope, notes };
}

/** The document of a task that is to be tried again: with what went wrong, and not final. */
function willBeTried(meta: ResultMeta): string {
  return encodeResultMeta({ ...meta, status: RETRY, dateDone: null });
}

async function stateOf(taskId: string, { backend }: RetryWorld): Promise<string | undefined> {
  if (taskId === '') return undefined;
  try {
    return (await (await backend()).load(taskId))?.status;
  } catch (error) {
    if (error instanceof ResultBackendError && error.code === 'CTQ_BACKEND_DISABLED') return undefined;
    throw error;
  }
}
