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
}

/** What was taken out of a queue, with what it takes to put it back in its place. */
export interface RemovedMessage extends StoredMessage {
  readonly removedAtMs: number;
}

export interface RemovalTerms {
  readonly queue: string;
  readonly places: readonly ('ready' | 'delayed')[];
  /** Which ones go; undefined: all of them, without looking. */
  readonly wanted?: (message: StoredMessage) => boolean;
  /** Gets each page before it is gone for good; it is removed only once this resolves. */
  readonly keep?: (page: readonly StoredMessage[]) => Promise<void>;
  /** Told after each page. */
  readonly onProgress?: (removed: number) => void;
  readonly signal?: AbortSignal;
}

export interface MessageDesk {
  /** Pages through a queue in the order of serving: ready ones, then delayed ones. */
  page(queue: string, offset: number, limit: number): Promise<readonly StoredMessage[]>;
  /** Up to `size` ready messages spread over the whole queue, and how many there are in all. */
  sample(queue: string, size: number): Promise<{ readonly messages: readonly StoredMessage[]; readonly total: number }>;
  /** Removes what waits, page by page; how many went. Messages that a worker takes meanwhile are the worker's. */
  remove(terms: RemovalTerms): Promise<number>;
  /** Puts messages back where they were, byte for byte and in order: before all that has come since. */
  restore(messages: readonly StoredMessage[]): Promise<void>;
}
