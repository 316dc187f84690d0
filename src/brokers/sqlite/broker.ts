/**
 * `sqlite://`: a broker without a server, in one file that several processes of one machine share.
 * docs/decisions/0006 tells why it is made like this, docs/wire/sqlite.md what is in the file.
 */
import type {
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Queue,
  Revocations,
  Route,
  SharedLimits,
  Subscription,
} from '../../broker.js';
import { toBrokerError } from '../../connections/sqlite/failure.js';
import type { WriteOptions } from '../../connections/sqlite/group-commit.js';
import { SqliteStore } from '../../connections/sqlite/store.js';
import { parseSqliteUrl } from '../../connections/sqlite/url.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { BrokerError, ConfigError } from '../../errors.js';
import { type Logger, silentLogger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import type { ResultBackend, Settlement } from '../../result-backend.js';
import { SqliteResultBackend } from '../../result-backends/sqlite.js';
import { sequentialSettlement } from '../../settlement.js';
import { startLeases } from '../leases.js';
import { SqliteConsumer } from './consumer.js';
import type { StartLease } from './lease.js';
import { acquirePermits, releasePermits, reserveInLine } from './limits.js';
import { countReady, purgeReady } from './messages.js';
import { insertPlaced, place } from './publishing.js';
import { countHeard, declareQueue, isDeclared } from './queues.js';
import { SqliteSettlement } from './settlement.js';
import { keepRevoked, revokedIds } from './revocations.js';
import { SqliteSubscription } from './subscription.js';

const DEAD_LETTERS_KEPT = 10_000;
const LARGEST_PURGE = 1_000;

/** Opens the broker; the file is opened by the first call. */
export async function openSqliteBroker(url: string, options: BrokerOptions): Promise<SqliteBroker> {
  const location = parseSqliteUrl(url, options.transportOptions);
  return new SqliteBroker(SqliteStore.share(location), url, options);
}

export class SqliteBroker implements Broker {
  readonly capabilities: BrokerCapabilities = { eventExchangeType: 'fanout', parks: true, shared: true };
  readonly displayUrl: string;
  readonly #store: SqliteStore;
  readonly #patienceMs: number;
  readonly #logger: Logger;
  readonly #deadLetterLimit: number;
  readonly #openOnes = new Set<{ close(): Promise<void> }>();
  readonly revocations: Revocations = {
    add: (ids, keepMs) => this.#write((db) => keepRevoked(db, ids, Date.now() + keepMs)),
    all: () => this.#read((db) => revokedIds(db, Date.now())),
  };
  readonly limits: SharedLimits = {
    reserve: (name, wish) => this.#write((db) => reserveInLine(db, name, wish, Date.now())),
    acquire: (name, holders, terms) => this.#write((db) => acquirePermits(db, name, holders, terms, Date.now())),
    release: (name, holders) => this.#write((db) => releasePermits(db, name, holders)),
  };
  #closing: Promise<void> | undefined;

  constructor(store: SqliteStore, url: string, options: BrokerOptions) {
    this.#store = store;
    this.displayUrl = url;
    this.#patienceMs = options.connectTimeoutMs;
    this.#logger = options.logger ?? silentLogger;
    this.#deadLetterLimit = deadLetterLimit(options.transportOptions['dead_letter_limit']);
  }

  async declare(queue: Queue): Promise<void> {
    if (await this.#read((db) => isDeclared(db, queue))) return;
    await this.#write((db) => declareQueue(db, queue));
  }

  async publish(message: Message, route: Route): Promise<void> {
    await this.#publish(message, route);
  }

  broadcast(message: Message, route: Route): Promise<number> {
    return this.#publish(message, route);
  }

  async #publish(message: Message, route: Route): Promise<number> {
    this.#assertOpen();
    const placed = place(message, route);
    return this.#write(
      (db) => {
        const nowMs = Date.now();
        const targets = insertPlaced(db, placed, nowMs);
        return route.exchange.type === 'fanout' ? countHeard(db, targets, nowMs) : targets.length;
      },
      { announce: true },
    );
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#assertOpen();
    const consumer = new SqliteConsumer(
      { store: this.#store, startLease: this.#startLease, deadLetterLimit: this.#deadLetterLimit, logger: this.#logger },
      options,
    );
    this.#openOnes.add(consumer);
    return consumer;
  }

  async subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    this.#assertOpen();
    const subscription = new SqliteSubscription(this.#store, queue, onMessage);
    this.#openOnes.add(subscription);
    try {
      await subscription.open();
    } catch (error) {
      this.#openOnes.delete(subscription);
      throw toBrokerError(error, this.#store.path);
    }
    return subscription;
  }

  async purge(queue: string): Promise<number> {
    let purged = 0;
    for (;;) {
      const count = await this.#write((db) => purgeReady(db, queue, LARGEST_PURGE), { weight: LARGEST_PURGE });
      purged += count;
      if (count < LARGEST_PURGE) return purged;
    }
  }

  depth(queue: string): Promise<number> {
    return this.#read((db) => countReady(db, queue));
  }

  /** One transaction for result and acknowledgement, when the results are in the same file. */
  settlementWith(backend: ResultBackend): Settlement | undefined {
    if (!(backend instanceof SqliteResultBackend) || backend.file !== this.#store) return undefined;
    return new SqliteSettlement(backend.resultExpires, sequentialSettlement(this, backend, { logger: this.#logger }));
  }

  /** The thread has a handle of its own: neither a task nor our own transactions can delay its beat. */
  readonly #startLease: StartLease = (ownerId, about, news) =>
    startLeases(
      { engine: 'sqlite', store: { path: this.#store.path }, ownerId, about },
      {
        forgotten: () => news.forgotten(),
        paused: (queues) => news.paused(queues),
        renewed: () => news.renewed(),
        lost() {},
        tookOver: (owner, count) => this.#logger.warning('Restored %d unacknowledged message(s) of a worker that died (%s).', count, owner),
        problem: (message) => this.#logger.warning('Cannot renew the leases of unacknowledged messages: %s', message),
      },
    );

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#openOnes].map((one) => one.close()));
    await this.#store.release();
  }

  async #write<T>(work: (db: SqliteConnection) => T, options: WriteOptions = {}): Promise<T> {
    this.#assertOpen();
    try {
      return await this.#store.write(work, { ...options, patienceMs: this.#patienceMs });
    } catch (error) {
      throw toBrokerError(error, this.#store.path);
    }
  }

  async #read<T>(work: (db: SqliteConnection) => T): Promise<T> {
    this.#assertOpen();
    try {
      return await this.#store.read(work, this.#patienceMs);
    } catch (error) {
      throw toBrokerError(error, this.#store.path);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new BrokerError('CTQ_BROKER_CLOSED', `the broker ${this.displayUrl} was closed`);
  }
}

function deadLetterLimit(value: unknown): number {
  if (value === undefined || value === null) return DEAD_LETTERS_KEPT;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ConfigError(`the SQLite option dead_letter_limit is ${JSON.stringify(value)}`, { hint: 'use a whole number, 0 or more' });
}
