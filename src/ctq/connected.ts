/** The engines of one app: opened by name on first need, shared by everything the app does, closed together. */
import { hostname } from 'node:os';
import type { Broker, BrokerOptions } from '../broker.js';
import { Producer } from '../client/producer.js';
import { Results } from '../client/results.js';
import { systemClock } from '../clock.js';
import { maskUrl } from '../config/masking.js';
import { type ConnectionUrls, connectionUrls } from '../config/resolve.js';
import type { Settings } from '../config/settings.js';
import type { Ctq, Surroundings } from '../ctq.js';
import type { Estate, EstatePart } from '../estate/estate.js';
import { SentEvents } from '../events/sent-events.js';
import { currentRun } from '../execution/task-context.js';
import type { Logger } from '../logger.js';
import { anonymousNodename } from '../protocol/nodename.js';
import type { MessageSecurity } from '../protocol/signing.js';
import type { ResultBackend } from '../result-backend.js';
import { Router } from '../routing/router.js';
import type { BeatConnection } from './open-beat.js';

/** The engines of one app, each opened on first need and closed together. */
export class Connected {
  readonly router: Router;
  readonly producer: Producer;
  readonly results: Results;
  /** Where messages are signed. */
  readonly security: MessageSecurity | undefined;
  private readonly sentEvents: SentEvents;
  private readonly settings: Settings;
  private readonly surroundings: Surroundings;
  private readonly logger: Logger;
  private readonly urls: ConnectionUrls;
  private readonly brokers = new Map<string, Promise<Broker>>();
  private resultBackend: Promise<ResultBackend> | undefined;
  private openEstates: Promise<readonly Estate[]> | undefined;

  constructor(app: Ctq, settings: Settings, surroundings: Surroundings, logger: Logger, security: MessageSecurity | undefined) {
    this.settings = settings;
    this.surroundings = surroundings;
    this.logger = logger;
    this.urls = connectionUrls(settings, surroundings.baseFolder);
    this.router = new Router(settings);
    this.security = security;
    const origin = anonymousNodename({ hostname: hostname(), pid: process.pid });
    this.sentEvents = new SentEvents({
      broker: () => this.publishTo(),
      source: { hostname: origin, pid: process.pid },
      exchange: settings.eventExchange,
      serializer: settings.eventSerializer,
      signer: this.security?.signer,
      clock: systemClock,
    });
    this.producer = new Producer({
      settings,
      router: this.router,
      signer: this.security?.signer,
      broker: () => this.sendBy(),
      taskOptions: (name) => app.tasks.get(name)?.options,
      runningTask: currentRun,
      clock: systemClock,
      signals: app.signals,
      origin,
      ...(settings.taskSendSentEvent ? { sent: (message, queue, route) => this.sentEvents.sent(message, queue, route) } : {}),
    });
    this.results = new Results({
      backend: () => this.backend(),
      revoke: async (ids, { terminate = false, signal }) => {
        await app.control.revoke(ids, { terminate, ...(signal === undefined ? {} : { signalName: signal }) });
      },
    });
  }

  publishTo(): Promise<Broker> {
    return this.brokerAt(this.urls.publish);
  }

  /** The same, with the place ready where results come in, when they come as messages. */
  private async sendBy(): Promise<Broker> {
    if (this.urls.resultBackend.startsWith('rpc:')) await (await this.backend()).listen?.();
    return this.publishTo();
  }

  consumeFrom(): Promise<Broker> {
    return this.brokerAt(this.urls.consume);
  }

  /** Beat's own connection, so that a lease is not kept waiting by a queue of messages. */
  beatConnection(): BeatConnection {
    const { publish: url } = this.urls;
    return { url, options: this.brokerOptions(), displayUrl: maskUrl(url), broker: () => this.publishTo(), producer: this.producer };
  }

  backend(): Promise<ResultBackend> {
    this.resultBackend ??= this.openBackend();
    return this.resultBackend;
  }

  /** Results that no estate shows: such a place gives one by its id, and lists none. undefined where all can be seen, or none are kept. */
  async unseenResults(): Promise<ResultBackend | undefined> {
    const { isEstate } = await import('../estates/index.js');
    const { resultBackend: url } = this.urls;
    if (isEstate(url) || url.startsWith('disabled:')) return undefined;
    const backend = await this.backend();
    return backend.listen === undefined ? backend : undefined;
  }

  async assertThere(): Promise<void> {
    const { consume } = this.urls;
    if (!consume.startsWith('sqlite:')) return;
    const { assertDatabase } = await import('../connections/sqlite/file.js');
    const { parseSqliteUrl } = await import('../connections/sqlite/url.js');
    assertDatabase(parseSqliteUrl(consume).path);
  }

  /**
   * A server that is away may come back; a file that this user may not write does not become another by waiting.
   *
   * @throws BrokerError `CTQ_BROKER_REFUSED`, or one that says what else is wrong with the place.
   */
  async assertWritable(): Promise<void> {
    const { consume, publish, resultBackend } = this.urls;
    const files = [consume, publish, resultBackend].filter((url) => url.startsWith('sqlite:'));
    if (files.length === 0) return;
    const { assertUsable } = await import('../connections/sqlite/usable.js');
    for (const url of new Set(files)) assertUsable(url);
  }

  /** What an operator looks at: the broker's estate, and the result backend's where that is another place. */
  estates(): Promise<readonly Estate[]> {
    this.openEstates ??= this.lookInside();
    return this.openEstates;
  }

  async close(): Promise<void> {
    for (const estate of (await this.openEstates?.catch(() => [])) ?? []) await estate.close();
    await Promise.race([this.producer.idle().then(() => this.sentEvents.close()), lastWords()]);
    // First the results, which may travel by the broker.
    await (await this.resultBackend?.catch(() => undefined))?.close();
    const opened = await Promise.allSettled(this.brokers.values());
    await Promise.all(opened.flatMap((engine) => (engine.status === 'fulfilled' ? [engine.value.close()] : [])));
  }

  private brokerAt(url: string): Promise<Broker> {
    let broker = this.brokers.get(url);
    if (broker === undefined) {
      broker = this.openBroker(url);
      this.brokers.set(url, broker);
    }
    return broker;
  }

  private async openBroker(url: string): Promise<Broker> {
    const { openBroker } = await import('../brokers/index.js');
    return openBroker(url, this.brokerOptions());
  }

  private async lookInside(): Promise<readonly Estate[]> {
    const { openEstate, isEstate, isSamePlace } = await import('../estates/index.js');
    const { consume, resultBackend } = this.urls;
    const settings = this.settings;
    const open = (url: string, parts: readonly EstatePart[], ssl: unknown): Promise<Estate> =>
      openEstate(url, {
        parts,
        transportOptions: settings.brokerTransportOptions,
        resultTransportOptions: settings.resultBackendTransportOptions,
        connectTimeoutMs: this.surroundings.connectTimeoutMs,
        queues: this.router.queues.declared().map(({ name }) => name),
        amqp: this.amqpOptions(),
        ...sslOption(ssl),
      });
    const transportOptions = { ...settings.resultBackendTransportOptions, ...settings.brokerTransportOptions };
    if (isSamePlace(consume, resultBackend, { transportOptions }))
      return [await open(consume, ['broker', 'result backend'], settings.brokerUseSsl)];
    const broker = await open(consume, ['broker'], settings.brokerUseSsl);
    // Results that travel as messages, or are not kept, are nothing to look at.
    if (!isEstate(resultBackend)) return [broker];
    return [broker, await open(resultBackend, ['result backend'], settings.redisBackendUseSsl)];
  }

  private brokerOptions(): BrokerOptions {
    return {
      transportOptions: this.settings.brokerTransportOptions,
      connectTimeoutMs: this.surroundings.connectTimeoutMs,
      logger: this.logger,
      amqp: this.amqpOptions(),
      ...sslOption(this.settings.brokerUseSsl),
    };
  }

  private amqpOptions(): NonNullable<BrokerOptions['amqp']> {
    const { brokerHeartbeat, brokerLoginMethod, brokerNativeDelayedDeliveryQueueType } = this.settings;
    return {
      heartbeatS: brokerHeartbeat,
      loginMethod: brokerLoginMethod,
      delayedQueueType: brokerNativeDelayedDeliveryQueueType,
      queues: this.router.queues.declared(),
    };
  }

  private async openBackend(): Promise<ResultBackend> {
    const { openResultBackend } = await import('../result-backends/index.js');
    return openResultBackend(this.urls.resultBackend, {
      transportOptions: this.settings.resultBackendTransportOptions,
      resultExpires: this.settings.resultExpires,
      connectTimeoutMs: this.surroundings.connectTimeoutMs,
      ...(this.urls.resultBackend === this.urls.consume ? {} : { logger: this.logger }),
      messages: { broker: () => this.publishTo(), persistent: this.settings.resultPersistent === true },
      tables: { names: this.settings.databaseTableNames, schemas: this.settings.databaseTableSchemas },
      ...sslOption(this.settings.redisBackendUseSsl),
    });
  }
}

/** What is still on its way when the app closes gets this long, and does not keep the process alive for it. */
const LAST_WORDS_MS = 5_000;

function lastWords(): Promise<void> {
  return new Promise((resolve) => {
    systemClock.setTimeout(resolve, LAST_WORDS_MS).unref();
  });
}

function sslOption(ssl: unknown): { readonly ssl?: boolean | Readonly<Record<string, unknown>> } {
  return ssl === null || ssl === undefined || ssl === false ? {} : { ssl: ssl as boolean | Readonly<Record<string, unknown>> };
}
