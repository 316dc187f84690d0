/** Metrics of a whole estate: what its events tell, and what its broker and workers answer when somebody collects. */
import { systemClock } from '../clock.js';
import type { Ctq } from '../ctq.js';
import type { EventStream } from '../events/event-stream.js';
import type { Estate } from '../estate/estate.js';
import type { Logger } from '../logger.js';
import type { EstateTally } from '../metrics/estate-tally.js';
import type { MetricsOptions } from '../metrics/server.js';
import { isRecord } from '../protocol/record.js';
import { QueueCensus, type QueueView } from './queue-census.js';

export interface ExporterOptions {
  readonly listen: MetricsOptions;
  /** Only these queues; default all there are. */
  readonly queues: readonly string[] | undefined;
  /** Seconds. */
  readonly workerTimeoutS: number;
  readonly forgetAfterS: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface Exporter {
  readonly url: string;
  close(): Promise<void>;
}

/** Longer than this a scrape waits for no worker. */
const PATIENCE_S = 0.5;
/** Two collectors at once, or an impatient one, cost the broker one look. */
const FRESH_MS = 1_000;
/** Queue names are searched for among all keys. */
const NAMES_DUTY = 0.02;
/** Told of by name in the log. */
const MOST_NAMED = 1_000;
const REMEMBERED = { maxTasks: 20_000, maxWorkers: 5_000 };

export async function openExporter(app: Ctq, options: ExporterOptions): Promise<Exporter> {
  const [{ EstateTally: Tally }, { openMetrics }, [estate]] = await Promise.all([
    import('../metrics/estate-tally.js'),
    import('../metrics/open-metrics.js'),
    app.estates(),
  ]);
  const { workerTimeoutS: timeoutS, forgetAfterS, logger } = options;
  const tally = new Tally({ defaultQueue: app.conf.taskDefaultQueue, timeoutS, forgetAfterS });
  const look = new Look(app, estate, tally, options);
  const server = await openMetrics(options.listen, { families: tally.families, logger, fill: () => look.fill() });
  let stream: EventStream;
  try {
    stream = await app.events.receive((event) => tally.hear(event, stream.state), REMEMBERED);
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    url: server.url,
    async close() {
      await Promise.all([server.close(), stream.close()]);
    },
  };
}

class Look {
  readonly #app: Ctq;
  readonly #tally: EstateTally;
  readonly #options: ExporterOptions;
  readonly #estate: Estate | undefined;
  readonly #census: QueueCensus | undefined;
  #names: readonly string[] = [];
  #nextNamesMs = Number.NEGATIVE_INFINITY;
  #lastProblem = '';
  /** How many tasks each node had begun when it was first asked. */
  readonly #begunAtFirst = new Map<string, number>();
  /** Nodes that have run tasks since, and those of them that send no events. */
  readonly #running = new Set<string>();
  readonly #untold = new Set<string>();
  #last: { readonly atMs: number; readonly done: Promise<void> } | undefined;

  constructor(app: Ctq, estate: Estate | undefined, tally: EstateTally, options: ExporterOptions) {
    this.#app = app;
    this.#tally = tally;
    this.#options = options;
    this.#estate = estate;
    this.#census =
      estate === undefined
        ? undefined
        : new QueueCensus({ estate, control: app.control, nowMs: () => systemClock.monotonicMs(), signal: options.signal });
  }

  async fill(): Promise<void> {
    const nowMs = systemClock.monotonicMs();
    if (this.#last === undefined || nowMs - this.#last.atMs > FRESH_MS) this.#last = { atMs: nowMs, done: this.#look() };
    await this.#last.done;
    this.#tally.settle(systemClock.nowMs() / 1000);
  }

  async #look(): Promise<void> {
    const { families } = this.#tally;
    if (this.#census === undefined) return;
    try {
      const names = this.#options.queues ?? (await this.#queueNames());
      const [{ queues }, slots] = await Promise.all([this.#census.look(names, [], 'once'), this.#slots()]);
      this.#write(queues, slots);
      this.#said('');
      families.family('ctq_exporter_broker_up').set(1);
    } catch (error) {
      // What events told still counts, and that the broker is away is news of its own.
      this.#said(`the broker could not be asked: ${error instanceof Error ? error.message : String(error)}`);
      families.family('ctq_exporter_broker_up').set(0);
    }
  }

  /** Once, and not at each scrape. */
  #said(problem: string): void {
    if (problem !== this.#lastProblem && problem !== '') this.#options.logger.error('Metrics: %s', problem);
    if (problem === '' && this.#lastProblem !== '') this.#options.logger.info('Metrics: the broker answers again');
    this.#lastProblem = problem;
  }

  #write(queues: readonly QueueView[], slots: ReadonlyMap<string, number>): void {
    const { families } = this.#tally;
    const here = new Set(queues.map(({ name }) => name));
    // A queue that is gone must not stay as long as it last was.
    families.forget((labels) => Object.keys(labels).length === 1 && labels['queue_name'] !== undefined && !here.has(labels['queue_name']));
    for (const { name, ready, unacked, delayed, paused, consumers, oldest } of queues) {
      families.family('celery_queue_length').set(ready, name);
      families.family('celery_active_consumer_count').set(consumers.length, name);
      families.family('celery_active_worker_count').set(consumers.length, name);
      families.family('celery_active_process_count').set(
        consumers.reduce((sum, node) => sum + (slots.get(node) ?? 0), 0),
        name,
      );
      if (unacked !== undefined) families.family('ctq_queue_unacked').set(unacked, name);
      if (delayed !== undefined) families.family('ctq_queue_delayed').set(delayed, name);
      families.family('ctq_queue_paused').set(paused ? 1 : 0, name);
      families.family('ctq_queue_oldest_seconds').set((oldest?.ageMs ?? 0) / 1000, name);
    }
  }

  /** Node name → how many tasks it can run at once. */
  async #slots(): Promise<ReadonlyMap<string, number>> {
    const replies = await this.#app.control.gather('stats', {}, { timeout: PATIENCE_S, signal: this.#options.signal });
    for (const { nodename, value } of replies) this.#noteUntold(nodename, begunOf(value));
    return new Map(replies.map(({ nodename, value }) => [nodename, slotsOf(value)] as const));
  }

  /** Celery's workers send no task events unless told to: their tasks would be missing from the numbers without a word. */
  #noteUntold(node: string, begun: number): void {
    const first = this.#begunAtFirst.get(node);
    if (first === undefined && this.#begunAtFirst.size < REMEMBERED.maxWorkers) this.#begunAtFirst.set(node, begun);
    // Events of what has just begun may be on their way: the next look tells.
    const hasRun = this.#running.has(node);
    if (first !== undefined && begun !== first) this.#running.add(node);
    if (!hasRun || this.#tally.tellsOfTasks(node) || this.#untold.has(node) || this.#untold.size >= MOST_NAMED) return;
    this.#untold.add(node);
    this.#options.logger.warning(
      'Metrics: %s runs tasks and sends no events of them, so that they are not counted; start it with -E, or the exporter with --enable',
      node,
    );
  }

  async #queueNames(): Promise<readonly string[]> {
    const startedMs = systemClock.monotonicMs();
    if (startedMs < this.#nextNamesMs || this.#estate === undefined) return this.#names;
    this.#names = await this.#estate.queues.names();
    const endedMs = systemClock.monotonicMs();
    this.#nextNamesMs = endedMs + (endedMs - startedMs) / NAMES_DUTY;
    return this.#names;
  }
}

function begunOf(stats: unknown): number {
  const total = isRecord(stats) ? stats['total'] : undefined;
  return isRecord(total) ? Object.values(total).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0) : 0;
}

function slotsOf(stats: unknown): number {
  const pool = isRecord(stats) ? stats['pool'] : undefined;
  const size = isRecord(pool) ? pool['max-concurrency'] : undefined;
  return typeof size === 'number' ? size : 0;
}
