/** A task that failed in a ctq worker, as it is kept beside its message until somebody looks or it is too old. */
import { isRecord, textOr } from '../protocol/record.js';

/** What the message itself does not say. */
export interface FailureNote {
  readonly taskId: string;
  readonly task: string;
  readonly queue: string;
  readonly exceptionType: string;
  readonly exceptionMessage: string;
  /** Its last part, where it was long: results may be gone before the record is. */
  readonly traceback: string | null;
  /** Node name. */
  readonly worker: string;
  /** How many tries there were before the last one. */
  readonly retries: number;
  readonly atMs: number;
}

/** A note on its way into the store, and how much is kept there. */
export interface FailureRecord {
  readonly note: FailureNote;
  /** The newest so many (`failed_tasks_kept`). */
  readonly kept: number;
  /** For so many seconds (`failed_tasks_expires`); 0 for ever. */
  readonly keptForS: number;
  /** Of a message with more bytes than this only the note is kept (`failed_tasks_max_size`); 0 for any. */
  readonly maxBytes: number;
}

/** One line of JSON: in Redis the message follows behind a line feed. */
export function encodeFailureNote(note: FailureNote): string {
  return JSON.stringify({
    task: note.task,
    queue: note.queue,
    exc_type: note.exceptionType,
    exc_message: note.exceptionMessage,
    traceback: note.traceback,
    worker: note.worker,
    retries: note.retries,
    at: note.atMs,
  });
}

/** The message, or nothing of one that is too large. */
export function keptText({ maxBytes }: Pick<FailureRecord, 'maxBytes'>, text: string): string {
  return maxBytes > 0 && Buffer.byteLength(text) > maxBytes ? '' : text;
}

/** undefined for what nobody of ours wrote. */
export function decodeFailureNote(taskId: string, text: string): FailureNote | undefined {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(note)) return undefined;
  return {
    taskId,
    task: textOr(note['task'], ''),
    queue: textOr(note['queue'], ''),
    exceptionType: textOr(note['exc_type'], ''),
    exceptionMessage: textOr(note['exc_message'], ''),
    traceback: textOr(note['traceback'], null),
    worker: textOr(note['worker'], ''),
    retries: typeof note['retries'] === 'number' ? note['retries'] : 0,
    atMs: typeof note['at'] === 'number' ? note['at'] : 0,
  };
}
