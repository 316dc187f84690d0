/** memcached, one server or several, by `memjs`: the only file that knows it. */
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { systemClock } from '../clock.js';
import { maskUrl } from '../config/masking.js';
import { ConfigError } from '../errors.js';
import { commonReason, ConnectionFailure, driverError } from './failure.js';

export interface MemcachedAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly displayUrl: string;
}

export class MemcachedFailure extends ConnectionFailure {
  readonly server = 'memcached';
}

/**
 * Reads `cache+memcached://host:11211/`, with `;` between several servers.
 *
 * @throws ConfigError; also for several servers of pylibmc, which spreads keys in another way than python-memcached.
 */
export function parseMemcachedUrl(url: string): readonly MemcachedAddress[] {
  const displayUrl = maskUrl(url);
  const parts = url
    .replace(/^[a-z+]+:\/\//i, '')
    .replace(/\/+$/, '')
    .split(';');
  if (parts.length > 1 && /^cache\+pylibmc:/i.test(url)) {
    throw new ConfigError(`${displayUrl} names several servers`, {
      hint: 'name one, or write cache+memcached:// where Python has python-memcached: pylibmc would look for a result in another one than ctq',
    });
  }
  return parts.map((part) => readAddress(part, displayUrl));
}

function readAddress(part: string, displayUrl: string): MemcachedAddress {
  const match = /^(?:([^:@]*):([^@]*)@)?(\[[^\]]+\]|[^:/?,]*)(?::(\d{1,5}))?$/.exec(part);
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

/** Several servers, each key on one of them: the one where python-memcached looks for it (`cmemcache_hash`), as long as all are up. */
export class Memcached {
  readonly #servers: readonly MemcachedServer[];

  constructor(addresses: readonly MemcachedAddress[], patienceMs: number) {
    this.#servers = addresses.map((address) => new MemcachedServer(address, patienceMs));
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#of(key).get(key);
  }

  set(key: string, value: Buffer, lifeS: number): Promise<void> {
    return this.#of(key).set(key, value, lifeS);
  }

  /** False when there is one already. */
  add(key: string, value: Buffer, lifeS: number): Promise<boolean> {
    return this.#of(key).add(key, value, lifeS);
  }

  delete(key: string): Promise<void> {
    return this.#of(key).delete(key);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  #of(key: string): MemcachedServer {
    return this.#servers[serverIndex(key, this.#servers.length)] as MemcachedServer;
  }
}

export function serverIndex(key: string, servers: number): number {
  const hash = (crc32(key) >>> 16) & 0x7f_ff;
  return (hash === 0 ? 1 : hash) % servers;
}

class MemcachedServer {
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
    const { Client: MemjsClient, Server } = await loadMemjs();
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

/** @throws ConfigError when the client is not installed. */
export async function loadMemjs(): Promise<MemjsModule> {
  const { default: memjs } = await import('memjs').catch((error: unknown) => {
    throw new ConfigError('memcached needs the package memjs, which is not installed', { hint: 'npm install memjs', cause: error });
  });
  return memjs as unknown as MemjsModule;
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
  const said = driverError(error);
  const common = commonReason(error, said);
  if (common !== undefined) return new MemcachedFailure(...common);
  const { message } = said;
  const refused = /TOO[ _]LARGE|TOO_LARGE|INVALID|OUT[ _]OF[ _]MEMORY|AUTH/i.test(message);
  const words = /No servers available/.test(message) ? 'no answer' : message;
  return refused
    ? new MemcachedFailure('failed', words, { cause: error, hint: 'memcached takes values up to 1 MB; its option -I allows more' })
    : new MemcachedFailure('unreachable', words, { cause: error });
}
