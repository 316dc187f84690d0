/** What a scenario stands on: a broker of its own, workers of the measured system, and the book of what ran. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { Ctq } from '../../../src/index.js';
import { projectRoot, startCtq } from '../../support/ctq-process.js';
import type { OwnedProcess } from '../../support/owned-process.js';
import { TcpProxy } from '../../support/proxy.js';
import { startCeleryWorker } from '../../support/python-celery.js';
import { findRabbitServer, type RabbitServer, startRabbit } from '../../support/rabbitmq-server.js';
import { type RedisOptions, type RedisServer, startRedis } from '../../support/redis-server.js';
import { tmpFolder } from '../../support/tmp.js';
import { Book } from './book.js';
import { type Engine, type Measured, NotHere, type System } from './row.js';

export const APP_FOLDER = join(projectRoot, 'test', 'faults', 'matrix', 'app');

export interface StageWorkerOptions {
  /** Default 2. */
  readonly concurrency?: number;
  /** Default: the system of the stage. */
  readonly system?: System;
  /** Instead of the broker's own address. */
  readonly url?: string;
  readonly backend?: string;
  /** Further arguments of both systems' command lines, or of one. */
  readonly args?: readonly string[];
  readonly ctqArgs?: readonly string[];
  readonly celeryArgs?: readonly string[];
  /** Settings of Celery; late acknowledgement is on unless they say otherwise. */
  readonly conf?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Without waiting for its readiness; ctq only. */
  readonly launch?: 'wait' | 'at once';
  /** Celery's pool; ctq's is in its arguments. */
  readonly pool?: 'prefork' | 'solo' | 'threads';
}

export interface SendOptions {
  readonly task?: string;
  readonly seconds?: number;
  readonly countdown?: number;
  /** Makes the message larger by so many bytes. */
  readonly padding?: number;
}

export interface StageOptions {
  readonly system: System;
  readonly engine: Engine;
  readonly short: boolean;
  readonly patienceS: number;
}

export class Stage {
  readonly system: System;
  readonly engine: Engine;
  /** A tenth of the load and of the patience: does the scenario work at all? */
  readonly short: boolean;
  /** How long Celery is watched where it does not come back. */
  readonly patienceS: number;
  readonly book = new Book(tmpFolder());
  readonly workers: OwnedProcess[] = [];
  #redis: RedisServer | undefined;
  #rabbit: RabbitServer | undefined;
  #url = '';
  #settings: Readonly<Record<string, unknown>> = {};
  #app: Ctq | undefined;
  readonly #proxies: TcpProxy[] = [];
  readonly #closers: (() => Promise<unknown>)[] = [];

  constructor({ system, engine, short, patienceS }: StageOptions) {
    this.system = system;
    this.engine = engine;
    this.short = short;
    this.patienceS = patienceS;
  }

  /** Starts the broker. Scenarios that want another Redis than the default one call it themselves, first. */
  async open(options: RedisOptions = {}, url = `sqlite://${tmpFolder()}/ctq.db`, rabbitConfig: readonly string[] = []): Promise<void> {
    if (this.engine === 'sqlite') {
      this.#url = url;
      return;
    }
    if (this.engine === 'rabbitmq') {
      if (findRabbitServer() === undefined) throw new NotHere('there is no rabbitmq-server: run "node tools/setup.mjs --test"');
      this.#rabbit = await startRabbit({ config: rabbitConfig });
      this.#url = this.#rabbit.url;
      return;
    }
    this.#redis = await startRedis(options);
    this.#url = this.#redis.url;
  }

  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('this stage has no Redis');
    return this.#redis;
  }

  get rabbit(): RabbitServer {
    if (this.#rabbit === undefined) throw new Error('this stage has no RabbitMQ');
    return this.#rabbit;
  }

  get url(): string {
    return this.#url;
  }

  /** Where results go: beside the messages, or nowhere, where that would be one more thing to measure. */
  get backend(): string {
    return this.engine === 'rabbitmq' ? 'disabled://' : this.#url;
  }

  /** A broker that the scenario has started itself. */
  use(url: string, settings: Readonly<Record<string, unknown>> = {}): void {
    this.#url = url;
    this.#settings = settings;
  }

  /** The driver: a client that talks to the broker directly. */
  get app(): Ctq {
    this.#app ??= new Ctq('driver', { brokerUrl: this.#url, resultBackend: this.backend, ...this.#settings });
    return this.#app;
  }

  /** The load, or a tenth of it. */
  few(count: number): number {
    return this.short ? Math.max(2, Math.ceil(count / 10)) : count;
  }

  async proxy(port = this.redis.port): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(port);
    this.#proxies.push(proxy);
    return proxy;
  }

  atClose(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async worker(options: StageWorkerOptions = {}): Promise<OwnedProcess> {
    const system = options.system ?? this.system;
    const started = system === 'ctq' ? await this.#ctqWorker(options) : await this.#celeryWorker(options);
    this.workers.push(started);
    return started;
  }

  async #ctqWorker(options: StageWorkerOptions): Promise<OwnedProcess> {
    const url = options.url ?? this.#url;
    const worker = startCtq(
      [
        ...[
          'worker',
          '-A',
          'tasks',
          '-b',
          url,
          '--result-backend',
          options.backend ?? (url === this.#url ? this.backend : url),
          '-l',
          'info',
        ],
        ...['-n', `w${this.workers.length}x${Date.now()}@faults`, '-c', String(options.concurrency ?? 2)],
        ...(options.args ?? []),
        ...(options.ctqArgs ?? []),
      ],
      { cwd: APP_FOLDER, env: { CTQ_TEST_BOOK: this.book.folder, ...options.env } },
    );
    if (options.launch !== 'at once') await worker.waitForOutput(/ ready\.\s/, 60_000);
    return worker;
  }

  async #celeryWorker(options: StageWorkerOptions): Promise<OwnedProcess> {
    const url = options.url ?? this.#url;
    const worker = await startCeleryWorker({
      broker: url,
      backend: options.backend ?? (url === this.#url ? this.backend : url),
      conf: { task_acks_late: true, ...options.conf },
      env: { CTQ_TEST_BOOK: this.book.folder, ...options.env },
      concurrency: options.concurrency ?? 2,
      args: [...(options.args ?? []), ...(options.celeryArgs ?? [])],
      cwd: APP_FOLDER,
      ...(options.pool === undefined ? {} : { pool: options.pool }),
    });
    return worker.process;
  }

  /** Publishes one task and notes it; resolves when the broker has it. */
  async send(name: string, options: SendOptions = {}): Promise<string> {
    this.book.sent(name);
    const { task = 'work', seconds = 0, countdown, padding } = options;
    const sent = this.app.sendTask(`tasks.${task}`, [name, seconds], {
      ...(countdown === undefined ? {} : { countdown }),
      ...(padding === undefined ? {} : { headers: { padding: 'x'.repeat(padding) } }),
    });
    await sent.published;
    return sent.id;
  }

  async sendMany(prefix: string, count: number, options: SendOptions = {}): Promise<string[]> {
    const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
    for (let start = 0; start < count; start += 500)
      await Promise.all(names.slice(start, start + 500).map((name) => this.send(name, options)));
    return names;
  }

  /** Waits until everything that was sent has ended, or for so long. */
  async drained(limitS: number): Promise<boolean> {
    return await this.until(() => this.book.executed() === this.book.size, limitS);
  }

  /** Looks ten times a second; false when the time is over. */
  async until(condition: () => boolean | Promise<boolean>, limitS: number, everyMs = 100): Promise<boolean> {
    const stop = performance.now() + limitS * 1000;
    while (performance.now() < stop) {
      if (await condition()) return true;
      await delay(everyMs);
    }
    return await condition();
  }

  /** What is in the broker: in the queue, taken and not answered, or among the dead letters. */
  async inBroker(): Promise<number> {
    if (this.engine === 'sqlite') return countInFile(this.#url.slice('sqlite://'.length));
    if (this.engine !== 'redis') return await (await this.app.broker()).depth('celery');
    const steps = ['celery', 'celery\x06\x163', 'celery\x06\x166', 'celery\x06\x169'];
    const counts = await this.redis.commands([...steps.map((key) => ['LLEN', key]), ['HLEN', 'unacked']]);
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  /** The figures of the book, with what is still in the broker told from what is lost. */
  async figures(): Promise<Required<Pick<Measured, 'sent' | 'executed' | 'lost' | 'waiting' | 'repeated'>>> {
    const { sent, executed, missing, repeated } = this.book.tally();
    const waiting = missing.length === 0 ? 0 : Math.min(missing.length, await this.inBroker().catch(() => 0));
    return { sent, executed, lost: missing.length - waiting, waiting, repeated: repeated.length };
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close().catch(() => {});
    await this.#app?.close().catch(() => {});
    await Promise.all(this.workers.map((worker) => worker.kill().catch(() => {})));
    for (const proxy of this.#proxies) await proxy.close();
    await this.#redis?.kill().catch(() => {});
    await this.#rabbit?.stop().catch(() => {});
  }
}

/** Waiting, taken and parked ones alike. */
function countInFile(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return (database.prepare("SELECT count(*) AS count FROM message WHERE queue = 'celery'").get() as { readonly count: number }).count;
  } finally {
    database.close();
  }
}

export function sleep(seconds: number): Promise<void> {
  return delay(seconds * 1000);
}
