/** One failed task as an operator sees it, whatever is left of it. */
import { createHash } from 'node:crypto';
import type { DeadLetter, StoredFailure } from '../estate/dead-letters.js';
import type { Estate } from '../estate/estate.js';
import { remoteErrorText } from '../errors.js';
import { decodeException } from '../protocol/exception.js';
import { parseIsoDate } from '../protocol/iso-date.js';
import { peekTask } from '../protocol/task-message.js';

/** Where it is known from: the record of a ctq worker, a message that was refused, or a stored result alone. */
export type FailedSource = 'record' | 'refused' | 'result';

export interface FailedTask {
  readonly source: FailedSource;
  readonly estate: Estate;
  /** '' of a message that is none. */
  readonly taskId: string;
  /** What commands call it by: its id, or one made of what it is. */
  readonly handle: string;
  readonly task: string | undefined;
  readonly queue: string | undefined;
  /** `ValueError: boom`, or why it was refused. */
  readonly reason: string;
  readonly worker: string | undefined;
  readonly retries: number | undefined;
  /** undefined when nobody wrote it down. */
  readonly atMs: number | undefined;
  /** Kept for those that were refused, which are few; the others are read again when they are needed. */
  readonly letter: DeadLetter | undefined;
}

export function ofLetter(letter: DeadLetter, estate: Estate): FailedTask {
  const { note, message, queue, atMs } = letter;
  const peek = message === undefined ? undefined : peekTask(message);
  const retries = message?.headers['retries'];
  const taskId = note?.taskId ?? (letter.kind === 'failed' ? letter.key : (peek?.id ?? ''));
  return {
    source: letter.kind === 'failed' ? 'record' : 'refused',
    estate,
    taskId,
    handle: taskId === '' ? handleOf(letter) : taskId,
    task: nonEmpty(note?.task) ?? peek?.task,
    queue: nonEmpty(queue),
    reason:
      note === undefined
        ? letter.reason || 'no reason given'
        : [note.exceptionType, note.exceptionMessage].filter((part) => part !== '').join(': '),
    worker: nonEmpty(note?.worker),
    retries: note?.retries ?? (typeof retries === 'number' ? retries : undefined),
    atMs: atMs > 0 ? atMs : undefined,
    letter: letter.kind === 'failed' ? undefined : letter,
  };
}

/** What is no message has no id: its bytes say which one it is. */
function handleOf({ queue, key, text }: DeadLetter): string {
  return `dead-${createHash('sha256')
    .update(JSON.stringify([queue, key, text]))
    .digest('hex')
    .slice(0, 12)}`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

export function ofFailure({ meta }: StoredFailure, estate: Estate): FailedTask {
  const { extended } = meta;
  return {
    source: 'result',
    estate,
    taskId: meta.taskId,
    handle: meta.taskId,
    task: extended?.name ?? undefined,
    queue: extended?.queue ?? undefined,
    reason: remoteErrorText(decodeException(meta.result, null)),
    worker: extended?.worker ?? undefined,
    retries: extended?.retries ?? undefined,
    atMs: meta.dateDone === null ? undefined : parseIsoDate(meta.dateDone)?.getTime(),
    letter: undefined,
  };
}
