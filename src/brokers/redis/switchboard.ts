/**
 * The one pub/sub connection of a broker: broadcasts arrive on it, and the server's word that a list
 * has changed (see `bell.ts`). Made when somebody first needs it; after a broken connection all
 * subscriptions are there again before anybody is told that it is up.
 */
import type { RedisConnection } from '../../connections/redis.js';
import { RedisFailure } from '../../connections/redis/failure.js';
import { RedisLink, type RedisLinkOptions } from '../../connections/redis/link.js';

export type BroadcastListener = (payload: string, channel: string) => void;

/** Where Redis tells connections without RESP3 that a key they looked at has changed. */
const INVALIDATIONS = '__redis__:invalidate';

export class Switchboard {
  readonly #link: RedisLink;
  readonly #listeners = new Map<string, Set<BroadcastListener>>();
  readonly #bells = new Set<SwitchboardListener>();
  #clientId: string | undefined;

  constructor(options: Omit<RedisLinkOptions, 'observer'>) {
    this.#link = new RedisLink({
      ...options,
      observer: {
        prepare: (connection) => this.#prepare(connection),
        up: () => {
          for (const bell of this.#bells) bell.switchboardUp();
        },
        down: () => {
          this.#clientId = undefined;
          for (const bell of this.#bells) bell.switchboardDown();
        },
        message: (channel, payload, pattern) => this.#message(channel, payload, pattern),
      },
    });
  }

  /** The server's number of this connection, for `CLIENT TRACKING … REDIRECT`; undefined while it is not up. */
  get clientId(): string | undefined {
    return this.#link.now === undefined ? undefined : this.#clientId;
  }

  open(): void {
    this.#link.open();
  }

  addBell(bell: SwitchboardListener): void {
    this.#bells.add(bell);
    this.#link.open();
  }

  removeBell(bell: SwitchboardListener): void {
    this.#bells.delete(bell);
  }

  /** Resolves once what is published from now on will arrive. */
  async listen(pattern: string, listener: BroadcastListener): Promise<void> {
    const listeners = this.#listeners.get(pattern);
    if (listeners === undefined) this.#listeners.set(pattern, new Set([listener]));
    else listeners.add(listener);
    // A link that comes up from now on subscribes by itself.
    for (;;) {
      const connection = await this.#link.connection();
      try {
        await connection.call('psubscribe', [pattern]);
        return;
      } catch (error) {
        if (!(error instanceof RedisFailure && error.unanswered)) throw error;
      }
    }
  }

  async unlisten(pattern: string, listener: BroadcastListener): Promise<void> {
    const listeners = this.#listeners.get(pattern);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(pattern);
    // On a broken connection there is nothing left to end.
    await this.#link.now?.call('punsubscribe', [pattern]).catch(() => {});
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  async #prepare(connection: RedisConnection): Promise<void> {
    // Not everybody may ask (ACL): then nothing rings, and consumers look by themselves.
    this.#clientId = await connection.call('client', ['ID']).then(String, () => undefined);
    await connection.call('subscribe', [INVALIDATIONS]).catch(() => {
      this.#clientId = undefined;
    });
    const patterns = [...this.#listeners.keys()];
    if (patterns.length > 0) await connection.call('psubscribe', patterns);
  }

  #message(channel: string, payload: string, pattern: string | undefined): void {
    if (pattern === undefined) {
      if (channel === INVALIDATIONS) for (const bell of this.#bells) bell.keysChanged();
      return;
    }
    for (const listener of this.#listeners.get(pattern) ?? []) listener(payload, channel);
  }
}

export interface SwitchboardListener {
  keysChanged(): void;
  switchboardUp(): void;
  switchboardDown(): void;
}
