/**
 * Auto-delete queues of one listener: mailboxes, reply queues, broadcast queues. They are refreshed
 * while the listener lives; those of a dead one are removed by whoever keeps house.
 */
import type { Queue } from '../../broker.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { dropHeldQueue, holdQueue, REFRESH_EVERY_MS, refreshHold } from './queues.js';

export class HeldQueues {
  readonly #store: SqliteStore;
  readonly #holder: string;
  readonly #queues = new Map<string, Queue>();
  #timer: NodeJS.Timeout | undefined;

  /** @param holder - Tells this listener from another one on a queue of the same name. */
  constructor(store: SqliteStore, holder: string) {
    this.#store = store;
    this.#holder = holder;
  }

  /** Declares the queue as ours and empty; resolves once what is published from now on will be in it. */
  async hold(queue: Queue): Promise<void> {
    await this.#store.write((db) => holdQueue(db, queue, this.#holder, Date.now()));
    this.#queues.set(queue.name, queue);
    this.#timer ??= setInterval(() => void this.#refresh(), REFRESH_EVERY_MS).unref();
  }

  /** Inside the caller's transaction: removes them with all that is in them. */
  drop(db: SqliteConnection): void {
    clearInterval(this.#timer);
    for (const name of this.#queues.keys()) dropHeldQueue(db, name, this.#holder);
  }

  async #refresh(): Promise<void> {
    try {
      await this.#store.write((db) => {
        for (const queue of this.#queues.values()) {
          // Taken away while we were frozen: what was sent meanwhile is lost, as on pub/sub.
          if (!refreshHold(db, queue.name, this.#holder, Date.now())) holdQueue(db, queue, this.#holder, Date.now());
        }
      });
    } catch {
      // The next refresh is early enough: a queue outlives five missed ones.
    }
  }
}
