/** Tasks that nobody is going to run: those that failed in a ctq worker, those that it refused, those whose result says so. */
import type { Message } from '../protocol/message.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import type { FailureNote } from './failed-task.js';

/** A message that was kept. */
export interface DeadLetter {
  /** `failed`: it ran, to the end of its retries. `refused`: nobody could or would run it. */
  readonly kind: 'failed' | 'refused';
  /** Names it within the store. */
  readonly key: string;
  readonly queue: string;
  readonly reason: string;
  /** Of a task that failed. */
  readonly note: FailureNote | undefined;
  readonly atMs: number;
  /** The envelope, as it was taken from its queue. */
  readonly text: string;
  /** undefined when it is no message. */
  readonly message: Message | undefined;
}

/** A stored result in the state FAILURE, whoever stored it. */
export interface StoredFailure {
  readonly meta: ResultMeta;
  /** The document as it is stored. */
  readonly text: string;
}

/** A message that goes to its queue again, and what must still be as it was seen for that. */
export interface SendAgain {
  /** Taken out in the same step; gone means that somebody else was faster. */
  readonly letter?: DeadLetter;
  /** Without a letter it must still be stored as it was seen. In either case it gives way to `now`. With neither nothing is checked. */
  readonly failure?: { readonly taskId: string; readonly seen: string; readonly now: string };
  readonly queue: string;
  readonly priority: number;
  readonly envelope: string;
}

export interface LetterCounts {
  /** Ran and failed: in all, and since the moment that was asked for. */
  readonly failed: number;
  readonly failedSince: number;
  /** Refused, by queue. */
  readonly refused: ReadonlyMap<string, number>;
}

export interface DeadLetterDesk {
  /** Those that failed, newest first, then those that were refused, queue by queue and newest first. */
  list(signal?: AbortSignal): AsyncIterable<readonly DeadLetter[]>;
  /** Without reading any. */
  counts?(this: void, sinceMs: number): Promise<LetterCounts>;
  /** One that failed, by its task's id. */
  find(taskId: string): Promise<DeadLetter | undefined>;
  /** Results in the state FAILURE, in pages and in no order. */
  failures(signal?: AbortSignal): AsyncIterable<readonly StoredFailure[]>;
  findFailure(taskId: string): Promise<StoredFailure | undefined>;
  /** Whether this chord still counts its parts. */
  isChordOpen(groupId: string): Promise<boolean>;
  /** Takes and sends in one step: whoever gets `sent` is the only one. Nothing has happened when it is `gone`. */
  sendAgain(again: SendAgain): Promise<'sent' | 'gone'>;
  /** Removes one without sending it; false when it is gone already. */
  remove(letter: DeadLetter): Promise<boolean>;
}
