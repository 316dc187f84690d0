/**
 * The contract between ctq and whatever lets an operator look at an estate: everything that one broker,
 * or one result backend, holds of Celery's, whoever put it there. `estates/` holds the ways to keep it.
 *
 * An estate is live. Looking at it never blocks the server and never changes anything: counts are
 * read in pages and pipelines, so that two figures of one answer may be some milliseconds apart.
 */
import type { BrokerOptions } from '../broker.js';
import type { DeadLetterDesk } from './dead-letters.js';
import type { KeyDesk } from './keys.js';
import type { MessageDesk } from './messages.js';
import type { QueueDesk } from './queues.js';
import type { StoreHealth } from './health.js';
import type { TaskDesk } from './tasks.js';

/** What is kept at the place that was opened: messages, results, or both. */
export type EstatePart = 'broker' | 'result backend';

export interface Estate {
  /** The URL with its password masked. */
  readonly displayUrl: string;
  readonly parts: readonly EstatePart[];
  readonly queues: QueueDesk;
  readonly messages: MessageDesk;
  readonly keys: KeyDesk;
  readonly tasks: TaskDesk;
  readonly deadLetters: DeadLetterDesk;
  /** Why there is more than is shown here, in words for people; undefined (and where there is no such question) when all is shown. */
  blindSpot?(): Promise<string | undefined>;
  /** What else the server holds, in words for people: the database that was meant may be another one. */
  neighbours?(): Promise<readonly string[]>;
  /** What the server says of itself, and how it is set up. */
  health(): Promise<StoreHealth>;
  close(): Promise<void>;
}

/** How to open an estate; see `estates/index.ts`. */
export interface EstateOptions {
  readonly parts: readonly EstatePart[];
  /** `broker_transport_options`, by Celery's names. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** `result_backend_transport_options`. */
  readonly resultTransportOptions: Readonly<Record<string, unknown>>;
  readonly connectTimeoutMs: number;
  /** Queues of the settings: all that is known where a server lists none. */
  readonly queues?: readonly string[];
  readonly amqp?: NonNullable<BrokerOptions['amqp']>;
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
}
