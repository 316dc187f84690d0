/** The worker's end of the health thread: looks at the worker once a second, and says what it saw. */
import { Worker as Thread } from 'node:worker_threads';
import type { Broker, Consumer } from '../../broker.js';
import type { Clock, TimerHandle } from '../../clock.js';
import { type HealthAddress, healthAddressText } from '../../config/health-address.js';
import { entryPoint } from '../../entry-points.js';
import { OutputFileError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { HealthNews, HealthOrder, HealthThreadData } from './thread.js';
import { type Facts, Vitals } from './vitals.js';

/** Where probes are answered, and how patiently. */
export interface HealthOptions {
  readonly address: HealthAddress;
  /** Trouble that a restart would repair makes a worker not live after so many seconds; default 60. */
  readonly patienceS?: number;
  /** `Authorization: Bearer <token>`: without it nobody is told anything. */
  readonly token?: string;
}

export interface HealthParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodename: string;
}

/** What the worker knows; the rest is asked of the broker. */
export type WatchedWorker = () => Omit<Facts, 'depth'>;

const BEFORE_THE_CONSUMER = {
  state: 'starting',
  ready: false,
  slots: 0,
  running: 0,
  waiting: 0,
  taken: 0,
  renewals: undefined,
  attempts: 0,
} as const;

export const DEFAULT_PATIENCE_S = 60;
const LOOK_MS = 1_000;
const ASK_EVERY_MS = 5_000;
const ANSWER_LIMIT_MS = 3_000;
const RESTART_MS = 1_000;

export class Health {
  readonly #parts: HealthParts;
  readonly #data: HealthThreadData;
  readonly #vitals: Vitals;
  #thread: Thread | undefined;
  #timer: TimerHandle | undefined;
  #closed = false;
  #worker: WatchedWorker = () => BEFORE_THE_CONSUMER;
  #consumer: Consumer | undefined;
  #depth: Facts['depth'] = 'unasked';
  #nextAskMs = 0;
  #asking = false;
  #wasLive = true;

  private constructor(parts: HealthParts, { address, patienceS = DEFAULT_PATIENCE_S, token }: HealthOptions) {
    this.#parts = parts;
    this.#data = { node: parts.nodename, pid: process.pid, patienceMs: patienceS * 1000, address, token };
    this.#vitals = new Vitals(this.#data.patienceMs);
  }

  /** @throws {@link OutputFileError} when the port is taken or the file cannot be written. */
  static async open(parts: HealthParts, options: HealthOptions): Promise<Health> {
    const health = new Health(parts, options);
    const port = await health.#start();
    health.#look();
    const { address } = options;
    const text = healthAddressText(address.kind === 'port' ? { ...address, port: port ?? address.port } : address);
    parts.logger.info('Health: %s', address.kind === 'port' ? `${text}/live and ${text}/ready` : text);
    return health;
  }

  /** From now on there is something to look at. */
  watch(consumer: Consumer, worker: WatchedWorker): void {
    this.#consumer = consumer;
    this.#worker = worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const thread = this.#thread;
    if (thread === undefined || thread.threadId === -1) return;
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    this.#tell({ kind: 'stop' });
    // Referenced again, or the process may end before the file is removed.
    thread.ref();
    const limit = this.#parts.clock.setTimeout(() => void thread.terminate(), 1_000);
    await ended;
    limit.cancel();
  }

  #start(): Promise<number | undefined> {
    const { logger, clock } = this.#parts;
    const thread = new Thread(entryPoint('health-thread'), { workerData: this.#data, execArgv: [], name: 'ctq health' });
    this.#thread = thread;
    thread.unref();
    return new Promise((resolve, reject) => {
      let opened = false;
      thread.on('message', (news: HealthNews) => {
        if (news.kind === 'problem') logger.warning('Health: %s', news.message);
        else if (news.kind === 'failed') reject(this.#cannotOpen(news));
        else {
          opened = true;
          resolve(news.port);
        }
      });
      thread.on('error', (error) => {
        logger.error('Health: the thread that answers probes failed: %s', error.message);
        reject(this.#cannotOpen(error));
      });
      thread.once('exit', () => {
        if (this.#closed || !opened) return;
        clock.setTimeout(() => void this.#start().catch(() => {}), RESTART_MS).unref();
      });
    });
  }

  #cannotOpen({ message, code }: { readonly message: string; readonly code?: string | undefined }): OutputFileError {
    const { address } = this.#data;
    const where = address.kind === 'port' ? healthAddressText(address).replace('http://', '') : address.path;
    const reason = REASONS[code ?? ''] ?? message;
    return new OutputFileError(`--health: cannot ${address.kind === 'port' ? 'listen on' : 'write'} ${where}: ${reason}`, {
      hint: address.kind === 'port' ? 'choose another port, or give --health a file' : 'check that its folder exists and may be written to',
    });
  }

  #look(): void {
    if (this.#closed) return;
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs >= this.#nextAskMs && !this.#asking) void this.#ask(nowMs);
    const facts: Facts = { ...this.#worker(), depth: this.#depth };
    const verdict = this.#vitals.observe(nowMs, facts);
    if (verdict.live !== this.#wasLive) this.#say(verdict.live, verdict.problems);
    this.#wasLive = verdict.live;
    this.#tell({ kind: 'status', status: { ...verdict, state: facts.state, running: facts.running, slots: facts.slots } });
    this.#timer = this.#parts.clock.setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #say(live: boolean, problems: readonly { readonly text: string; readonly seconds: number }[]): void {
    const { logger } = this.#parts;
    if (live) logger.warning('Health: this worker is well again');
    for (const { text, seconds } of live ? [] : problems) logger.critical('Health: %s, for %d s', text, seconds);
  }

  /** What waits in the queues that it would take from. */
  async #ask(nowMs: number): Promise<void> {
    const { broker, clock } = this.#parts;
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    this.#asking = true;
    this.#nextAskMs = nowMs + ASK_EVERY_MS;
    // A broker that never answers is as far away as one that is not there.
    const limit = clock.setTimeout(() => {
      this.#depth = 'unreachable';
    }, ANSWER_LIMIT_MS);
    limit.unref();
    try {
      const names = consumer.queues.map(({ name }) => name);
      const open = consumer.paused?.without(names) ?? names;
      const depths = await Promise.all(open.map((name) => broker.depth(name)));
      this.#depth = depths.reduce((sum, depth) => sum + depth, 0);
    } catch {
      this.#depth = 'unreachable';
    } finally {
      limit.cancel();
      this.#asking = false;
    }
  }

  #tell(order: HealthOrder): void {
    this.#thread?.postMessage(order);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody else listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
  EACCES: 'it is not allowed',
  EPERM: 'it is not allowed',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is no folder',
  EISDIR: 'it is a folder',
};
