/** Messages where they lie: looked at, counted, taken out and put back, without ever being run. */
import type { Message } from '../protocol/message.js';

export type MessagePlace = 'ready' | 'unacked' | 'delayed';

/** A message where it lies. */
export interface StoredMessage {
  readonly queue: string;
  readonly place: MessagePlace;
  /** The priority step of its list. */
  readonly priority: number;
  /** 0 is the next one to be taken from its queue and priority. */
  readonly position: number;
  /** The bytes in the store, envelope and all. */
  readonly raw: Uint8Array;
  /** undefined when it is no message. */
  readonly message: Message | undefined;
  readonly publishedAtMs?: number;
  readonly dueAtMs?: number;
  /** What else its engine wants to know to put it back where it was. */
  readonly whereabouts?: Readonly<Record<string, string | number>>;
}

/** What was taken out of a queue. */
export interface RemovedMessage extends StoredMessage {
  /** Its number in the removal, from 0 in the order of serving. */
  readonly number: number;
}

export interface RemovalTerms {
  readonly queue: string;
  readonly places: readonly ('ready' | 'delayed')[];
  /** Which ones go; undefined: all of them, without looking. */
  readonly wanted?: (message: StoredMessage) => boolean;
  /** Where they are kept; without it they are gone for good. */
  readonly keep?: Keeping;
  /** Told after each page. */
  readonly onProgress?: (removed: number) => void;
  /** Aborted, the removal ends after the page at hand. */
  readonly signal?: AbortSignal;
}

/**
 * A page is first set aside in the store, where no worker takes it, then kept by `page`, and dropped
 * from the store once that resolves. What a removal that died had set aside is in
 * {@link MessageDesk.aside} under its id.
 */
export interface Keeping {
  /** Names the removal; one for all its queues. */
  readonly id: string;
  /** The number of the next message; a removal of several queues counts through. */
  readonly from: number;
  page(messages: readonly RemovedMessage[]): Promise<void>;
}

/** What a removal that did not come to its end left in nobody's hands. */
export interface Aside {
  readonly id: string;
  readonly count: number;
  /** How many of which queue. */
  readonly queues: ReadonlyMap<string, number>;
  /** How long ago the removal gave its last sign of life. */
  readonly idleMs: number;
}

export interface MessageDesk {
  /** `unseen`: who looks at messages changes nothing. `leave marks`: they are redelivered ones afterwards. */
  readonly looks: 'unseen' | 'leave marks';
  /** Where {@link restore} puts messages; `behind all`: only {@link arrive} does, at the end of the queue. */
  readonly restores: 'in place' | 'behind all';
  /** Pages through a queue in the order of serving: ready ones, then delayed ones. */
  page(queue: string, offset: number, limit: number): Promise<readonly StoredMessage[]>;
  /** Up to `size` ready messages spread over the whole queue, and how many there are in all. */
  sample(queue: string, size: number): Promise<{ readonly messages: readonly StoredMessage[]; readonly total: number }>;
  /** Removes what waits, page by page; how many went. Messages that a worker takes meanwhile are the worker's. */
  remove(terms: RemovalTerms): Promise<number>;
  aside(): Promise<readonly Aside[]>;
  /** Hands what the removal `id` had set aside to `page` once more, and drops it once that resolves; how many. */
  keepAside(id: string, page: Keeping['page']): Promise<number>;
  /**
   * Puts back what the removal `id` had set aside; how many. Its copy may hold them too: see {@link restoredFrom}.
   *
   * @param arrivedUpTo - Those up to this number are somewhere else by now, and are dropped.
   */
  putBackAside(id: string, arrivedUpTo?: number): Promise<number>;
  /** The lowest number of the removal `id` that is back in the store; undefined when none is. All above it are back, too. */
  restoredFrom(id: string): Promise<number | undefined>;
  /**
   * Puts messages of the removal `id` back where they were, byte for byte: before all that has come
   * since. The last numbers first, so that any page less leaves the others in order.
   *
   * @param page - Numbers without a gap that end before {@link restoredFrom}.
   * @returns False when somebody else has put them back meanwhile; then nothing was changed.
   */
  restore(id: string, page: readonly RemovedMessage[]): Promise<boolean>;
  /**
   * Takes in messages that were removed from another store, behind all that waits, byte for byte. What is ready there is
   * ready here. Told twice, it is done once: the store remembers how far it has come with the removal `id`.
   *
   * @param page - Numbers that rise.
   * @param note - Written down in the same step.
   * @returns How many of them were new.
   */
  arrive(id: string, page: readonly RemovedMessage[], note?: ArrivalNote): Promise<number>;
  /**
   * Takes in nothing more of the removal `id`, whoever brings it: a page that is on its way still is refused. Gives the
   * highest number that has arrived, -1 when none has.
   */
  endArrivals?(this: void, id: string): Promise<number>;
  /** What was last written down under this id; a store that cannot do so in one step with messages has none. */
  noted?(this: void, id: string): Promise<string | undefined>;
}

/** What whoever sends a page wants to know should it be killed. */
export interface ArrivalNote {
  readonly id: string;
  /** Empty: it is forgotten. */
  readonly text: string;
}
