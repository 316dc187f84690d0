/** One memcached server, by `memjs`: the only file that knows it. */
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../clock.js';
import { maskUrl } from '../config/masking.js';
import { ConfigError } from '../errors.js';

export interface MemcachedAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly displayUrl: string;
}

/** Nobody answers, or the server does not take something. */
export class MemcachedFailure extends Error {
  override readonly name = 'MemcachedFailure';
  readonly kind: 'unreachable' | 'failed';

  constructor(kind: MemcachedFailure['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/**
 * Reads `cache+memcached://host:11211/`.
 *
 * @throws ConfigError; also for several servers: each client library spreads keys its own way, and results that one wrote another would miss.
 */
export function parseMemcachedUrl(url: string): MemcachedAddress {
  const displayUrl = maskUrl(url);
  const rest = url.replace(/^[a-z+]+:\/\//i, '').replace(/\/+$/, '');
  if (rest.includes(';') || rest.includes(',')) {
    throw new ConfigError(`${displayUrl} names several servers`, {
      hint: 'name one: Python’s clients and ours would look for a result in different ones',
    });
  }
  const match = /^(?:([^:@]*):([^@]*)@)?(\[[^\]]+\]|[^:/?]*)(?::(\d{1,5}))?$/.exec(rest);
  if (match === null) throw new ConfigError(`${displayUrl} is no address of a memcached`, { hint: 'cache+memcached://host:11211/' });
  const [, username, password, host = '', port] = match;
  return {
    ...{ host: host === '' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port: port === undefined ? 11_211 : Number(port), displayUrl },
    username: username === undefined || username === '' ? undefined : decodeURIComponent(username),
    password: password === undefined ? undefined : decodeURIComponent(password),
  };
}

/** The part of the client that we use. */
interface Client {
  get(key: string): Promise<{ readonly value: Uint8Array | null }>;
  set(key: string, value: Buffer, options: { readonly expires: number }): Promise<boolean>;
  add(key: string, value: Buffer, options: { readonly expires: number }): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  close(): void;
}

const CALL_LIMIT_S = 4;
const RETRY_MS = 250;
/** As memcached has it: longer than that is a moment. */
const LONGEST_LIFE_S = 30 * 86_400;

export class Memcached {
  readonly #address: MemcachedAddress;
  readonly #patienceMs: number;
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(address: MemcachedAddress, patienceMs: number) {
    this.#address = address;
    this.#patienceMs = patienceMs;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#do(async (client) => (await client.get(key)).value ?? undefined);
  }

  set(key: string, value: Buffer, lifeS: number): Promise<void> {
    return this.#do(async (client) => void (await client.set(key, value, { expires: moment(lifeS) })));
  }

  /** False when there is one already. */
  add(key: string, value: Buffer, lifeS: number): Promise<boolean> {
    return this.#do((client) => client.add(key, value, { expires: moment(lifeS) }));
  }

  delete(key: string): Promise<void> {
    return this.#do(async (client) => void (await client.delete(key)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    (await this.#client?.catch(() => undefined))?.close();
  }

  async #do<T>(action: (client: Client) => Promise<T>): Promise<T> {
    const deadlineMs = systemClock.monotonicMs() + this.#patienceMs;
    for (;;) {
      this.#client ??= this.#open();
      const client = await this.#client;
      try {
        return await action(client);
      } catch (error) {
        const failure = told(error);
        if (failure.kind === 'failed' || this.#closed || systemClock.monotonicMs() + RETRY_MS > deadlineMs) throw failure;
        // The driver keeps away from a server that did not answer: one that knows of nothing asks again.
        client.close();
        this.#client = undefined;
        await delay(RETRY_MS);
      }
    }
  }

  async #open(): Promise<Client> {
    const { host, port, username, password } = this.#address;
    const { default: memjs } = await import('memjs').catch((error: unknown) => {
      throw new ConfigError('memcached needs the package memjs, which is not installed', { hint: 'npm install memjs', cause: error });
    });
    const { Client: MemjsClient, Server } = memjs as unknown as MemjsModule;
    const options = {
      retries: 0,
      failoverTime: 0,
      timeout: CALL_LIMIT_S,
      conntimeout: CALL_LIMIT_S,
      keepAlive: true,
      logger: { log() {} },
    };
    return new MemjsClient([new Server(host, port, username, password, options)], options);
  }
}

/** Its types know how to read a list of servers only, and that reads no IPv6. */
interface MemjsModule {
  readonly Client: new (servers: readonly unknown[], options: object) => Client;
  readonly Server: new (host: string, port: number, username: string | undefined, password: string | undefined, options: object) => unknown;
}

function moment(lifeS: number): number {
  return lifeS <= LONGEST_LIFE_S ? lifeS : Math.ceil(systemClock.nowMs() / 1000) + lifeS;
}

function told(error: unknown): MemcachedFailure {
  const message = error instanceof Error ? error.message : String(error);
  const refused = /TOO[ _]LARGE|TOO_LARGE|INVALID|OUT[ _]OF[ _]MEMORY|AUTH/i.test(message);
  const words = /No servers available/.test(message) ? 'no answer' : message;
  return new MemcachedFailure(refused ? 'failed' : 'unreachable', words, error);
}
