/** A worker with a fake in each place: deliveries are handed in by the test, answers are written down. */
import { format } from 'node:util';
import type {
  Broker,
  BrokerCapabilities,
  ConsumeOptions,
  Consumer,
  ConsumerHandler,
  Delivery,
  Queue,
  ReturnCause,
  Settled,
} from '../../../src/broker.js';
import type { ApplyAsyncOptions } from '../../../src/client/apply-async-options.js';
import { createConf } from '../../../src/config/conf.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { MessageStateError, ProtocolError } from '../../../src/errors.js';
import { LOG_LEVELS, type Logger, type LogLevel } from '../../../src/logger.js';
import type { Outcome } from '../../../src/execution/outcome.js';
import { openPool } from '../../../src/pools/index.js';
import type { Message, MessageProperties } from '../../../src/protocol/message.js';
import { encodeResultMeta, type ResultMeta } from '../../../src/protocol/result-meta.js';
import type { ResultBackend } from '../../../src/result-backend.js';
import { Queues } from '../../../src/routing/queues.js';
import { sequentialSettlement } from '../../../src/settlement.js';
import { Signals } from '../../../src/signals.js';
import { Task, type TaskFunction, type TaskOptions } from '../../../src/task.js';
import type { PreparedMessage } from '../../../src/worker/worker-parts.js';
import { Worker, type WorkerOptions } from '../../../src/worker/worker.js';
import { FakeClock } from '../../support/fake-clock.js';
import { eventually } from '../../support/eventually.js';

export interface SentTask {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: ApplyAsyncOptions;
}

/** Answers as words: `ack`, `reject: why`, `requeue front`, `park 2026-…`. */
export class FakeDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly deliveryTag: string;
  readonly redelivered: boolean;
  readonly redeliveryCount: number;
  fenced = false;
  answer: string | undefined;
  private readonly bench: WorkerBench;

  constructor(bench: WorkerBench, message: Message, more: { redeliveryCount?: number; queue?: string } = {}) {
    this.bench = bench;
    this.message = message;
    this.queue = more.queue ?? 'celery';
    this.deliveryTag = `tag-${++tags}`;
    this.redeliveryCount = more.redeliveryCount ?? 0;
    this.redelivered = this.redeliveryCount > 0;
  }

  ack(): Promise<Settled> {
    return this.settle('ack');
  }
  requeue(position: 'front' | 'back', after?: ReturnCause): Promise<Settled> {
    return this.settle(`requeue ${position}${after === 'death' ? ' after death' : ''}`);
  }
  reject(reason: string): Promise<Settled> {
    return this.settle(`reject: ${reason}`);
  }
  park(dueAt: Date): Promise<Settled> {
    return this.settle(`park ${dueAt.toISOString()}`);
  }

  async settle(answer: string): Promise<Settled> {
    if (this.answer !== undefined) throw new MessageStateError(`settled twice: ${this.answer}, ${answer}`);
    if (this.fenced) return 'fenced';
    this.answer = answer;
    this.bench.happened.push(`${answer} ${(this.message.headers['id'] as string | undefined) ?? '?'}`);
    return 'settled';
  }
}

let tags = 0;

/** Everything that is stored, and trouble on demand. */
export class FakeBackend implements ResultBackend {
  readonly displayUrl = 'fake://results';
  readonly stored: ResultMeta[] = [];
  /** Thrown by the next stores, one each. */
  readonly troubles: Error[] = [];
  private readonly bench: WorkerBench;

  constructor(bench: WorkerBench) {
    this.bench = bench;
  }

  async store(meta: ResultMeta): Promise<void> {
    const trouble = this.troubles.shift();
    if (trouble !== undefined) throw trouble;
    encodeResultMeta(meta);
    this.stored.push(meta);
    this.bench.happened.push(`store ${meta.status} ${meta.taskId}`);
  }
  async load(taskId: string): Promise<ResultMeta | undefined> {
    return this.stored.findLast((meta) => meta.taskId === taskId);
  }
  async loadMany(): Promise<undefined[]> {
    return [];
  }
  wait(): Promise<ResultMeta> {
    return Promise.reject(new Error('nobody waits here'));
  }
  async forget(): Promise<void> {}
  async close(): Promise<void> {}
}

class FakeBroker implements Broker, Consumer {
  readonly displayUrl = 'fake://broker';
  capabilities: BrokerCapabilities = { eventExchangeType: 'fanout', parks: true, shared: true };
  handler: ConsumerHandler | undefined;
  prefetch = 0;
  consuming: readonly Queue[] = [];
  readonly calls: string[] = [];
  /** Handed out while the consumer pauses: a take that was under way. */
  latecomers: FakeDelivery[] = [];

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.handler = options.handler;
    this.prefetch = options.prefetch;
    this.consuming = options.queues;
    this.calls.push(`consume ${options.queues.map(({ name }) => name).join()}`);
    return this;
  }
  setPrefetch(count: number): void {
    this.prefetch = count;
  }
  get queues(): readonly Queue[] {
    return this.consuming;
  }
  async pause(): Promise<void> {
    this.calls.push('pause');
    this.handler?.deliver(this.latecomers.splice(0));
  }
  async addQueue(): Promise<void> {}
  async cancelQueue(): Promise<void> {}
  async close(): Promise<void> {
    this.calls.push('close');
  }
  async declare(): Promise<void> {}
  /** Told of everything that is published. */
  onPublish: ((message: Message) => void) | undefined;
  async publish(message: Message): Promise<void> {
    this.onPublish?.(message);
  }
  async broadcast(): Promise<number> {
    return 0;
  }
  async subscribe(): Promise<never> {
    throw new Error('nobody subscribes here');
  }
  async purge(queue: string): Promise<number> {
    this.calls.push(`purge ${queue}`);
    return 3;
  }
  async depth(): Promise<number> {
    return 0;
  }
}

export interface BenchOptions extends WorkerOptions {
  readonly settings?: SettingsInput;
  readonly logLevel?: LogLevel;
  readonly parks?: boolean;
  /** How every run ends, instead of running. */
  readonly outcome?: Outcome;
}

export class WorkerBench {
  readonly clock = new FakeClock();
  readonly broker = new FakeBroker();
  readonly backend = new FakeBackend(this);
  readonly signals = new Signals();
  readonly tasks = new Map<string, Task>();
  readonly sent: SentTask[] = [];
  /** Thrown by the next publishes, one each. */
  readonly publishTroubles: Error[] = [];
  /** Stores, answers and publishes in their order. */
  readonly happened: string[] = [];
  /** `INFO text`, formatted. */
  readonly lines: string[] = [];
  /** A settlement that refuses what it cannot write at once. */
  throwsOnUnwritable = false;
  readonly banners: string[] = [];
  readonly notices: string[] = [];
  readonly worker: Worker;
  readonly stopped: Promise<string>;
  private readonly underWay = new Map<Message, SentTask>();
  private sends = 0;

  constructor(options: BenchOptions = {}) {
    if (options.parks === false) this.broker.capabilities = { ...this.broker.capabilities, parks: false };
    const conf = createConf(options.settings ?? {}, 'the test').settings;
    const { backend, happened } = this;
    this.worker = new Worker(
      {
        appName: 'tasks',
        settings: { ...conf },
        tasks: this.tasks,
        broker: this.broker,
        backend,
        settlement: {
          ...sequentialSettlement(this.broker, backend, { clock: this.clock }),
          complete: (delivery, meta) => {
            if (this.throwsOnUnwritable) encodeResultMeta(meta);
            return (async () => {
              encodeResultMeta(meta);
              if (delivery.fenced) return delivery.ack();
              await backend.store(meta);
              return delivery.ack();
            })();
          },
        },
        producer: {
          publishTask: async (name, args, taskOptions) => {
            const { message } = this.prepared(name, args, taskOptions);
            await this.broker.publish(message);
          },
          prepareCall: async (name, args, taskOptions) => this.prepared(name, args, taskOptions),
        },
        queues: new Queues(conf),
        async openPool(kind, poolOptions) {
          const pool = await openPool(kind, poolOptions);
          const { outcome } = options;
          if (outcome !== undefined) pool.run = () => outcome;
          return pool;
        },
        logger: this.logger(options.logLevel ?? 'debug'),
        clock: this.clock,
        signals: this.signals,
        nodename: 'worker1@host',
        voice: { banner: (text) => this.banners.push(text), notice: (text) => this.notices.push(text) },
      },
      options,
    );
    this.stopped = this.worker.start();
    this.stopped.catch(() => {});
    this.broker.onPublish = (message) => {
      const sent = this.underWay.get(message);
      if (sent === undefined) return;
      this.sent.push(sent);
      happened.push(`send ${sent.name}`);
    };
  }

  /** A message that the test knows again when it is published. */
  private prepared(name: string, args: readonly unknown[], options: ApplyAsyncOptions): PreparedMessage {
    const trouble = this.publishTroubles.shift();
    if (trouble !== undefined) throw trouble;
    JSON.stringify(args, (_key, value: unknown) => {
      if (typeof value === 'symbol') throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'Object of type symbol is not JSON serializable');
      return value;
    });
    const message: Message = { headers: { task: name }, properties: {}, contentType: '', contentEncoding: '', body: Buffer.alloc(0) };
    this.underWay.set(message, { name, args, options });
    return { message, route: { exchange: { name: '', type: 'direct' }, routingKey: 'celery' }, published: () => {} };
  }

  /** A worker that has said `ready.` */
  static async ready(options: BenchOptions = {}): Promise<WorkerBench> {
    const bench = new WorkerBench(options);
    await eventually(() => bench.broker.handler !== undefined, { intervalMs: 1 });
    bench.broker.handler?.connected();
    return bench;
  }

  task(run: TaskFunction, options: TaskOptions = {}): void {
    const name = options.name ?? 'tasks.it';
    const sender = { sendTask: nothingHere, signature: nothingHere, reviveSignature: nothingHere, growChord: nothingHere };
    this.tasks.set(name, new (options.base ?? Task)(name, options, run, sender));
  }

  /** Hands one delivery to the worker and lets it work. */
  async deliver(parts: MessageParts = {}, more: { redeliveryCount?: number; queue?: string } = {}): Promise<FakeDelivery> {
    const delivery = this.delivery(parts, more);
    await this.hand([delivery]);
    return delivery;
  }

  delivery(parts: MessageParts = {}, more: { redeliveryCount?: number; queue?: string } = {}): FakeDelivery {
    return new FakeDelivery(this, taskMessage({ id: `id-${++this.sends}`, ...parts }), more);
  }

  async hand(deliveries: readonly FakeDelivery[]): Promise<void> {
    this.broker.handler?.deliver(deliveries);
    await this.quiet();
  }

  /** Lets promises run, without moving the clock. */
  async quiet(): Promise<void> {
    await this.clock.advance(0);
  }

  get lastStored(): ResultMeta | undefined {
    return this.backend.stored.at(-1);
  }

  /** Lines at or above WARNING: an orderly test has none. */
  get complaints(): readonly string[] {
    return this.lines.filter((line) => !/^(DEBUG|INFO) /.test(line));
  }

  /** Stops cold if the test has not, so that nothing is left behind. */
  async end(): Promise<void> {
    if (this.worker.state === 'stopped') return;
    const stop = this.worker.stop('cold');
    await this.clock.advance(60_000);
    await stop;
  }

  private logger(level: LogLevel): Logger {
    const from = LOG_LEVELS.indexOf(level);
    const at =
      (name: LogLevel) =>
      (message: string, ...args: unknown[]): void => {
        if (LOG_LEVELS.indexOf(name) >= from) this.lines.push(`${name.toUpperCase()} ${format(message, ...args)}`);
      };
    const logger: Logger = {
      debug: at('debug'),
      info: at('info'),
      warning: at('warning'),
      error: at('error'),
      critical: at('critical'),
      isEnabled: (name) => LOG_LEVELS.indexOf(name) >= from,
      child: () => logger,
    };
    return logger;
  }
}

export interface MessageParts {
  readonly id?: string;
  readonly task?: string;
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly embed?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly properties?: MessageProperties;
  readonly contentType?: string;
  readonly body?: string;
}

export function taskMessage(parts: MessageParts): Message {
  const { id = 'the-id', task = 'tasks.it', args = [], kwargs = {}, embed = {}, headers = {} } = parts;
  const whole = { callbacks: null, errbacks: null, chain: null, chord: null, ...embed };
  return {
    headers: present({
      lang: 'py',
      task,
      id,
      retries: 0,
      eta: null,
      expires: null,
      timelimit: [null, null],
      root_id: id,
      parent_id: null,
      ...headers,
    }),
    properties: {
      correlationId: id,
      replyTo: 'oid',
      deliveryMode: 2,
      priority: 0,
      deliveryInfo: { exchange: '', routingKey: 'celery' },
      ...parts.properties,
    },
    contentType: parts.contentType ?? 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from(parts.body ?? JSON.stringify([args, kwargs, whole])),
  };
}

function present(headers: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

function nothingHere(): never {
  throw new Error('nothing is sent here');
}
