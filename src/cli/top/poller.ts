/**
 * Looks at everything once, at a price that an estate does not feel: one round of questions to the
 * workers, one pipeline of counts; what has to be searched for takes a fiftieth of the time at most.
 */
import { QueueCensus } from '../../ctq/queue-census.js';
import type { Ctq } from '../../ctq.js';
import type { Clock } from '../../clock.js';
import type { Estate } from '../../estate/estate.js';
import type { ClusterState } from '../../events/cluster-state.js';
import type { EventStream } from '../../events/event-stream.js';
import { whyUnasked } from '../../ctq/unasked.js';
import { FailureBook } from './failure-book.js';
import type { Flow, Snapshot } from './model.js';
import { type Answers, Round } from './round.js';
import { WorkerBook } from './worker-book.js';

export interface PollerParts {
  readonly app: Ctq;
  readonly estates: readonly Estate[];
  /** Only these queues. */
  readonly queues: readonly string[] | undefined;
  /** Shown although the store knows nothing of them. */
  readonly declared: readonly string[];
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

const LONGEST_PATIENCE_S = 0.5;
/** Queue names are searched for among all keys. */
const NAMES_DUTY = 0.02;
/** A history is not what this is for. */
const REMEMBERED = { maxTasks: 2_000, maxWorkers: 1_000 };

const UNASKED: Answers = { replies: [], reached: undefined };

export class Poller {
  readonly failures: FailureBook;
  readonly #parts: PollerParts;
  readonly #estate: Estate;
  readonly #census: QueueCensus;
  readonly #workers = new WorkerBook();
  #round: Round;
  #names: readonly string[] = [];
  #nextNamesMs = Number.NEGATIVE_INFINITY;
  #stream: EventStream | undefined;

  constructor(parts: PollerParts, estate: Estate) {
    const { estates, clock, signal } = parts;
    this.#parts = parts;
    this.#estate = estate;
    this.failures = new FailureBook({ estates, clock, signal });
    this.#round = this.#nextRound();
    this.#census = new QueueCensus({
      estate,
      control: { gather: (method, args, to) => this.#round.gather(method, args, to) },
      nowMs: () => clock.monotonicMs(),
      signal,
    });
  }

  /** Listens to events from now on; `look` works without. */
  async listen(): Promise<void> {
    const { app } = this.#parts;
    this.#stream ??= await app.events.receive(() => {}, REMEMBERED);
  }

  async close(): Promise<void> {
    await this.#stream?.close();
    this.#stream = undefined;
  }

  /** @throws BrokerError when the broker is away. */
  async look(): Promise<Snapshot> {
    const { clock, queues: only, declared } = this.#parts;
    this.#round = this.#nextRound();
    const events = this.#stream?.state;
    const asked = Promise.all([this.#round.ask('stats'), this.#round.ask('active_queues'), this.#round.ask('active', { safe: true })]);
    asked.catch(() => {});
    const names = only ?? [...new Set([...(await this.#queueNames()), ...declared])].sort();
    const bearing = asked.catch((error: unknown) => {
      // A server that takes no writes has no place for answers: the queues are shown all the same.
      if (whyUnasked(error) === undefined) throw error;
      return [UNASKED, UNASKED, UNASKED] as const;
    });
    const [census, [stats, queues, active]] = await Promise.all([this.#census.look(names, [], 'again'), bearing, this.failures.refresh()]);
    const nowMs = clock.nowMs();
    const workers = this.#workers.update({ stats, queues, active }, { nowMs, monotonicMs: clock.monotonicMs() }, events);
    const failures = this.failures.rows(events);
    return {
      ...{ atMs: nowMs, broker: this.#estate.displayUrl },
      ...{ workers: workers.workers, tasks: workers.tasks, tasksLeftOut: workers.tasksLeftOut },
      queues: census.queues,
      ...{ failures: failures.rows, moreFailures: failures.more },
      silent: Math.max(workers.silent, census.silent),
      ...(census.unasked === undefined ? {} : { unasked: census.unasked }),
      flow: { begun: workers.begun, events: eventsFlow(events, nowMs / 1000) },
    };
  }

  /** A queue that somebody makes shows up a little later on a large estate. */
  refreshNames(): void {
    this.#nextNamesMs = Number.NEGATIVE_INFINITY;
  }

  async #queueNames(): Promise<readonly string[]> {
    const { clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    if (startedMs < this.#nextNamesMs) return this.#names;
    this.#names = await this.#estate.queues.names();
    const endedMs = clock.monotonicMs();
    this.#nextNamesMs = endedMs + (endedMs - startedMs) / NAMES_DUTY;
    return this.#names;
  }

  #nextRound(): Round {
    const { app, intervalMs, signal } = this.#parts;
    return new Round({ control: app.control, patienceS: Math.min(LONGEST_PATIENCE_S, intervalMs / 2000), signal });
  }
}

/** Workers tell of their tasks only where they were asked to. */
function eventsFlow(events: ClusterState | undefined, nowS: number): Flow['events'] {
  if (events === undefined || ![...events.eventCounts.keys()].some((type) => type.startsWith('task-'))) return null;
  return {
    succeeded: events.rate('task-succeeded', nowS),
    failed: events.rate('task-failed', nowS),
    retried: events.rate('task-retried', nowS),
  };
}
