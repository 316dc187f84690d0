/** What a consumer knows of the queues that operators have paused: it stays away from them until it hears otherwise. */
import type { Logger } from '../logger.js';

export interface PausedQueuesOptions {
  readonly logger: Logger;
  /** Whether the consumer takes from this queue at all. */
  readonly isOurs: (queue: string) => boolean;
}

export class PausedQueues {
  readonly #options: PausedQueuesOptions;
  #names: ReadonlySet<string> = new Set();
  #heard = false;

  constructor(options: PausedQueuesOptions) {
    this.#options = options;
  }

  /** False until something was heard: then nothing may be taken yet. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Those that may be taken from. */
  without(queues: readonly string[]): readonly string[] {
    return this.#names.size === 0 ? queues : queues.filter((queue) => !this.#names.has(queue));
  }

  /** Says in the log what has changed; true when anything has. */
  hear(names: readonly string[]): boolean {
    const before = this.#names;
    this.#heard = true;
    if (names.length === before.size && names.every((name) => before.has(name))) return false;
    this.#names = new Set(names);
    const { logger, isOurs } = this.#options;
    for (const name of names) {
      if (!before.has(name) && isOurs(name))
        logger.warning('Queue %s is paused: nothing is taken from it until "ctq queues resume %s"', name, name);
    }
    for (const name of before) if (!this.#names.has(name) && isOurs(name)) logger.warning('Queue %s goes on', name);
    return true;
  }
}
