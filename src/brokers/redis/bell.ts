/**
 * Waits for messages without taking any: what waits destructively can lose what it gets (R1, R2).
 *
 * The consumer asks once whether its lists exist, with client-side caching on for that one question:
 * the server then tells the switchboard's connection the moment one of them changes, and forgets the
 * question. One round trip to go to sleep, one message to wake up, whatever the number of queues.
 * Where tracking is refused (an old server, an ACL, a proxy) the lists are looked at again and again,
 * from every 5 ms to every 50 ms. And because a ring can get lost with its connection, there is a
 * slow look all the same. (docs/decisions/0004)
 */
import type { Clock, TimerHandle } from '../../clock.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { Switchboard, SwitchboardListener } from './switchboard.js';

const FIRST_POLL_MS = 5;
const SLOWEST_POLL_MS = 50;

export interface BellOptions {
  readonly clock: Clock;
  /** The slow look of a consumer that is rung for. */
  readonly pollingIntervalMs: number;
  /** Something may be there: come and look. */
  readonly ring: () => void;
}

export class Bell implements SwitchboardListener {
  readonly #switchboard: Switchboard;
  readonly #options: BellOptions;
  /** The connection whose questions are tracked, and by which connection of the switchboard's. */
  #tracked: { readonly connection: RedisConnection; readonly clientId: string } | undefined;
  #refusedBy: RedisConnection | undefined;
  #armed = false;
  #timer: TimerHandle | undefined;
  #pollMs = FIRST_POLL_MS;

  constructor(switchboard: Switchboard, options: BellOptions) {
    this.#switchboard = switchboard;
    this.#options = options;
    switchboard.addBell(this);
  }

  /** Rings once as soon as one of the lists may have something; until then nobody needs to look. */
  async arm(connection: RedisConnection, lists: readonly string[]): Promise<void> {
    this.#armed = true;
    this.#timer?.cancel();
    const tracking = await this.#track(connection);
    const exists = await this.#look(connection, lists, tracking);
    if (!this.#armed) return;
    if (exists) {
      this.#ringNow();
      return;
    }
    const waitMs = tracking ? this.#options.pollingIntervalMs : this.#pollMs;
    this.#pollMs = Math.min(this.#pollMs * 1.5, SLOWEST_POLL_MS);
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => this.#ringNow(), waitMs);
  }

  /** There was something: the next waiting starts impatiently again. */
  busy(): void {
    this.#pollMs = FIRST_POLL_MS;
  }

  silence(): void {
    this.#armed = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  close(): void {
    this.silence();
    this.#switchboard.removeBell(this);
  }

  keysChanged(): void {
    if (this.#armed) this.#ringNow();
  }

  /** The question was asked for a connection that is gone: ask again. */
  switchboardUp(): void {
    if (this.#armed) this.#ringNow();
  }

  switchboardDown(): void {
    this.#tracked = undefined;
    if (this.#armed) this.#ringNow();
  }

  #ringNow(): void {
    this.silence();
    this.#options.ring();
  }

  async #track(connection: RedisConnection): Promise<boolean> {
    const { clientId } = this.#switchboard;
    if (clientId === undefined || this.#refusedBy === connection) return false;
    if (this.#tracked?.connection === connection && this.#tracked.clientId === clientId) return true;
    try {
      await connection.call('client', ['TRACKING', 'ON', 'REDIRECT', clientId, 'OPTIN']);
      this.#tracked = { connection, clientId };
      return true;
    } catch (error) {
      // The switchboard's connection may just have been replaced; anything else will not change.
      if (!/does not exist/.test(String(error))) this.#refusedBy = connection;
      return false;
    }
  }

  async #look(connection: RedisConnection, lists: readonly string[], tracking: boolean): Promise<boolean> {
    // Sent together and answered in order: nothing can come between the two.
    const caching = tracking ? connection.call('client', ['CACHING', 'YES']) : undefined;
    const existing = connection.call('exists', lists);
    const [, count] = await Promise.all([caching?.catch(() => {}), existing]);
    return Number(count) > 0;
  }
}
