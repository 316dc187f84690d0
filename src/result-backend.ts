/**
 * The contract between ctq and whatever keeps results. `result-backends/` holds the ways to keep it
 * and `test/contract/result-backend.ts` is what each must pass.
 *
 * Several programs have the same store open at once, each with options of its own. Thousands of calls may be
 * made in one tick. What can be mended (a server that is away) is tried again for `connectTimeoutMs`; then, and
 * after {@link ResultBackend.close}, a call rejects with a {@link ResultBackendError}.
 */
import type { Broker, Delivery, Route, Settled, SettledListener } from './broker.js';
import { ResultBackendError } from './errors.js';
import type { FailureRecord } from './estate/failed-task.js';
import type { Logger } from './logger.js';
import type { Message } from './protocol/message.js';
import type { ResultMeta, ResultTree } from './protocol/result-meta.js';

export interface ResultBackend {
  /** The URL with its password masked; `disabled://` when results are off. */
  readonly displayUrl: string;
  /**
   * Stores and announces. Never replaces a stored SUCCESS (WIRE 7.2). How long it is kept is decided here, by the
   * `resultExpires` of who stores; an expired result is as one that never was. Of one task the last of a tick counts.
   */
  store(meta: ResultMeta): Promise<void>;
  /** undefined is Celery's PENDING. */
  load(taskId: string): Promise<ResultMeta | undefined>;
  /** In the order of the ids. */
  loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]>;
  /**
   * Resolves with the first final state (SUCCESS, FAILURE, REVOKED); subscribes first and looks then, so
   * nothing falls between. `onUpdate` sees states on the way (STARTED, RETRY, custom).
   * Rejects with the signal's reason when aborted. `Waits` keeps the list of those who wait; `PollingWaits` does the
   * rest where a store announces nothing.
   */
  wait(taskId: string, options: WaitOptions): Promise<ResultMeta>;
  forget(taskId: string): Promise<void>;
  /**
   * Where results travel to who asked for them (`rpc://`): resolves when they can come in, so it stands before the
   * first message that is sent. What is stored without a {@link ResultMeta.reply} goes nowhere there.
   */
  listen?(): Promise<void>;
  /** Groups and the parts of chords; a backend that cannot count atomically has none. */
  readonly chords?: ChordStore;
  close(): Promise<void>;
}

/**
 * Keeps saved groups, and counts the parts of chords (WIRE 7.5, 7.6). Whoever reports the last part
 * gets all of them and calls the body; the counters stay until {@link close}, so that a worker that dies
 * in between leaves the chord as it was, and its part, which is then run again, completes it again.
 */
export interface ChordStore {
  /** How many parts the body waits for; written before any of them is sent. */
  setSize(groupId: string, size: number): Promise<void>;
  /** One part more: `addToChord`. */
  grow(groupId: string): Promise<void>;
  /**
   * Notes how a part ended. A part that ended before (its message was delivered again) replaces itself, so
   * the count never runs past the size.
   *
   * @returns All parts, in the order of their indexes (`inResultOrder`), when none is missing; else undefined. Of many
   *   that report at once exactly one gets them.
   */
  report(part: ChordPart): Promise<readonly ChordPart[] | undefined>;
  /** Removes the counters. */
  close(groupId: string): Promise<void>;
  saveGroup(groupId: string, tree: ResultTree): Promise<void>;
  loadGroup(groupId: string): Promise<ResultTree | undefined>;
  deleteGroup(groupId: string): Promise<void>;
}

/** How one task of a chord's header ended. */
export interface ChordPart {
  readonly groupId: string;
  readonly taskId: string;
  /** Its place among the results; without one it comes after those that have one. */
  readonly groupIndex: number | null;
  /** SUCCESS, FAILURE or REVOKED. */
  readonly status: string;
  /** As in a result document: the value, or an encoded exception. */
  readonly result: unknown;
}

/** @throws ResultBackendError when the backend keeps no groups. */
export function chordsOf({ chords, displayUrl }: ResultBackend): ChordStore {
  if (chords !== undefined) return chords;
  throw new ResultBackendError(
    `the result backend ${displayUrl} can neither keep groups nor count the parts of chords`,
    { hint: 'set result_backend to redis://, sqlite:// or db+postgresql://' },
    'CTQ_BACKEND_DISABLED',
  );
}

export interface WaitOptions {
  readonly signal?: AbortSignal;
  readonly onUpdate?: (meta: ResultMeta) => void;
}

export interface ResultBackendOptions {
  /** `result_backend_transport_options`, by Celery's names. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Seconds to keep results; 0 or null keeps them for ever. Celery's `result_expires`. */
  readonly resultExpires: number | null;
  readonly connectTimeoutMs: number;
  /** Told what is wrong with the place; absent where it is the broker's, which says so itself. */
  readonly logger?: Logger;
  /** For results that travel as messages. */
  readonly messages?: {
    readonly broker: () => Promise<Broker>;
    /** Whether the broker shall keep them over a restart: Celery's `result_persistent`. */
    readonly persistent: boolean;
  };
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
  /** For SQL databases: `database_table_names` and `database_table_schemas`, by `task` and `group` as Celery names them. */
  readonly tables?: { readonly names?: Readonly<Record<string, unknown>>; readonly schemas?: Readonly<Record<string, unknown>> };
}

/**
 * Ends a task's life: the result is stored, *then* the delivery is acknowledged, and no crash in
 * between can lose either. Where broker and backend are one engine this is one atomic step
 * (RELIABILITY (e) 8); else result first, acknowledgement second. Calls of one tick travel together.
 */
export interface Settlement {
  /** `fenced`: the delivery was no longer ours, and the result was not written either. */
  complete(delivery: Delivery, meta: ResultMeta): Promise<Settled>;
  /**
   * {@link complete}, or without a result `ack`, where nobody keeps a promise of it: nearly every task ends this
   * way, and its promises would cost more than what they stand for.
   *
   * @throws ProtocolError for a result that cannot be written; the delivery has no answer then.
   */
  finish?(delivery: Delivery, meta: ResultMeta | undefined, listener: SettledListener): void;
  /**
   * The same with everything else that the end of a task sets in motion. Where it is one step, no crash
   * leaves a next task sent and the delivery to be run again (RELIABILITY W3).
   */
  end(delivery: Delivery, ending: Ending): Promise<Settled>;
  /**
   * The same for a part of a chord. When it was the last part nothing but that has been noted: all parts
   * come back, and {@link end} must follow with the body among what is sent. Whoever dies in between has
   * not acknowledged: its part is run again, and completes the chord again (RELIABILITY W2).
   */
  endPart(delivery: Delivery, part: ChordPart, ending: Ending): Promise<Settled | readonly ChordPart[]>;
}

/** What happens at the end of a task besides the acknowledgement. */
export interface Ending {
  /** Stored in this order. */
  readonly metas: readonly ResultMeta[];
  readonly sends: readonly Outgoing[];
  /** The chord whose counters are removed. When they are gone already somebody else has called the body: nothing is sent. */
  readonly closes?: string;
  /** The task has failed for good: its message is kept with this. */
  readonly failure?: FailureRecord | undefined;
}

/** A message on its way; its queue is declared. */
export interface Outgoing {
  readonly message: Message;
  readonly route: Route;
}
