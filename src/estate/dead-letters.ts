/** Messages that were given up: poison, refused, failed for good. */
import type { Message } from '../protocol/message.js';

export interface DeadLetter {
  /** Names it within the store, for {@link DeadLetterDesk.take}. */
  readonly key: string;
  readonly queue: string;
  readonly reason: string;
  readonly atMs: number;
  readonly raw: Uint8Array;
  /** undefined when it is no message. */
  readonly message: Message | undefined;
}

export interface DeadLetterDesk {
  /** Newest first. */
  list(signal?: AbortSignal): AsyncIterable<readonly DeadLetter[]>;
  /** Removes them; how many were still there. Whoever takes one has it alone. */
  take(letters: readonly DeadLetter[]): Promise<number>;
}
