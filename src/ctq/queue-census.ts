/**
 * Queues as operators want them: what the store counts, and what workers say. ctq's workers write down
 * what they are done with; Python's leave no trace in the store and are asked, for a tenth of a second.
 */
import type { Estate } from '../estate/estate.js';
import type { OldestMessage, QueueReport } from '../estate/queues.js';
import { isRecord } from '../protocol/record.js';
import type { Control } from '../remote-control/control.js';
import { whyUnasked } from './unasked.js';

/** Tasks a second; `at least` where not everybody who takes from the queue is counted. */
export interface Rate {
  readonly perSecond: number;
  readonly known: 'exactly' | 'at least';
}

export interface QueueView extends Omit<QueueReport, 'consumption' | 'oldest' | 'rates' | 'consumerCount'> {
  /** Node names of all workers that take from it. */
  readonly consumers: readonly string[];
  readonly oldest: OldestMessage | undefined;
  /** undefined: nobody knows. */
  readonly finishRate: Rate | undefined;
  /** Between two looks; undefined at the first. */
  readonly publishRate: Rate | undefined;
}

export interface Census {
  readonly queues: readonly QueueView[];
  /** Workers that were asked and did not answer in time: their queues are not known. */
  readonly silent: number;
  /** Why nobody could be asked: who may only read has no place for replies. Workers of ctq are known all the same. */
  readonly unasked?: string;
  /** Why there may be more queues. */
  readonly blindSpot?: string;
}

interface Answers {
  readonly nodes: ReadonlyMap<string, NodeFigures>;
  readonly silent: number;
  readonly unasked?: string;
}

/** As long as a busy worker may take to say what it takes from; all that answer sooner end the wait. */
const PATIENCE_S = 0.1;

interface NodeFigures {
  readonly queues: readonly string[];
  /** Tasks begun since its start; only asked for between two looks. */
  readonly begun: number | undefined;
}

interface Look {
  readonly atMs: number;
  readonly reports: ReadonlyMap<string, QueueReport>;
  readonly nodes: ReadonlyMap<string, NodeFigures>;
}

export interface CensusParts {
  readonly estate: Estate;
  readonly control: Pick<Control, 'gather'>;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** Looks at the queues, again and again where asked to: from the second look on it knows more rates. */
export class QueueCensus {
  readonly #parts: CensusParts;
  #before: Look | undefined;

  constructor(parts: CensusParts) {
    this.#parts = parts;
  }

  /**
   * @param names - Only these.
   * @param more - Shown although the store knows nothing of them.
   * @param looks - `again`: somebody will look once more, and wants rates.
   */
  async look(names: readonly string[] | undefined, more: readonly string[], looks: 'once' | 'again'): Promise<Census> {
    const { estate, nowMs } = this.#parts;
    const [asked, known, blindSpot] = await Promise.all([
      this.#ask(looks),
      names ?? estate.queues.names(),
      names === undefined ? estate.blindSpot?.() : undefined,
    ]);
    // Where the server lists no queues, workers know some.
    const theirs = blindSpot === undefined ? [] : [...asked.nodes.values()].flatMap(({ queues }) => queues);
    const all = [...new Set([...known, ...(names === undefined ? [...more, ...theirs] : [])])].sort();
    const reports = await estate.queues.report(all);
    const look: Look = { atMs: nowMs(), reports: new Map(reports.map((report) => [report.name, report])), nodes: asked.nodes };
    const silent = Math.max(asked.silent, silentOnes(reports, asked.nodes));
    const uncounted = asked.unasked === undefined ? silent : 1;
    const queues = reports.map((report) => this.#view(report, look, uncounted));
    this.#before = look;
    return {
      ...{ queues, silent },
      ...(asked.unasked === undefined ? {} : { unasked: asked.unasked }),
      ...(blindSpot === undefined ? {} : { blindSpot }),
    };
  }

  async #ask(looks: 'once' | 'again'): Promise<Answers> {
    try {
      return await this.#askAll(looks);
    } catch (error) {
      const unasked = whyUnasked(error);
      if (unasked === undefined) throw error;
      return { nodes: new Map(), silent: 0, unasked };
    }
  }

  async #askAll(looks: 'once' | 'again'): Promise<Answers> {
    const { control, signal } = this.#parts;
    let reached = 0;
    const onSent = (count: number | undefined): void => {
      reached = count ?? 0;
    };
    const [queues, stats] = await Promise.all([
      control.gather('active_queues', {}, { timeout: PATIENCE_S, signal, onSent }),
      looks === 'again' ? control.gather('stats', {}, { timeout: PATIENCE_S, signal }) : [],
    ]);
    const begun = new Map(stats.map(({ nodename, value }) => [nodename, begunOf(value)]));
    const nodes = new Map(
      queues.map(({ nodename, value }) => [nodename, { queues: queueNamesOf(value), begun: begun.get(nodename) }] as const),
    );
    return { nodes, silent: Math.max(0, reached - queues.length) };
  }

  #view(report: QueueReport, look: Look, silent: number): QueueView {
    const { consumption, oldest, rates: _rates, consumerCount: _count, ...rest } = report;
    const own = consumption?.nodes ?? [];
    const others = [...look.nodes]
      .filter(([node, { queues }]) => !own.includes(node) && queues.includes(report.name))
      .map(([node]) => node);
    const finishRate = this.#finishRate(report, look, { others, silent });
    return {
      ...rest,
      consumers: [...own, ...others].sort(),
      oldest,
      finishRate,
      publishRate: this.#publishRate(report, look, finishRate),
    };
  }

  #finishRate(
    report: QueueReport,
    look: Look,
    { others, silent }: { readonly others: readonly string[]; readonly silent: number },
  ): Rate | undefined {
    if (report.rates !== undefined) return { perSecond: report.rates.finishedPerSecond, known: 'exactly' };
    let perSecond = report.consumption?.finishRate ?? 0;
    let uncounted = silent;
    for (const node of others) {
      const rate = this.#rateOfNode(node, look);
      if (rate === undefined) uncounted += 1;
      else perSecond += rate;
    }
    if (uncounted === 0) return { perSecond, known: 'exactly' };
    return perSecond > 0 ? { perSecond, known: 'at least' } : undefined;
  }

  /** A Python worker counts by task, not by queue: with one queue only, all are of that. */
  #rateOfNode(node: string, look: Look): number | undefined {
    const [before, now] = [this.#before?.nodes.get(node), look.nodes.get(node)];
    if (this.#before === undefined || before?.begun === undefined || now?.begun === undefined) return undefined;
    if (now.queues.length !== 1 || now.begun < before.begun) return undefined;
    return ((now.begun - before.begun) / Math.max(1, look.atMs - this.#before.atMs)) * 1000;
  }

  /** What came is what is there more, and what was done with. */
  #publishRate(report: QueueReport, look: Look, finishRate: Rate | undefined): Rate | undefined {
    if (report.rates !== undefined) return { perSecond: report.rates.publishedPerSecond, known: 'exactly' };
    const before = this.#before?.reports.get(report.name);
    if (before === undefined || this.#before === undefined) return undefined;
    const grown = lyingIn(report) - lyingIn(before);
    const seconds = Math.max(0.001, (look.atMs - this.#before.atMs) / 1000);
    // Between two looks the workers' own counts say it better than their average of ten seconds.
    const [now, then] = [report.consumption?.finished, before.consumption?.finished];
    const own = now === undefined || then === undefined || now < then ? undefined : (now - then) / seconds;
    const average = report.consumption?.finishRate ?? 0;
    const finished = finishRate === undefined ? 0 : finishRate.perSecond - average + (own ?? average);
    return { perSecond: Math.max(0, grown / seconds + finished), known: finishRate?.known ?? 'at least' };
  }
}

/** A server that counts consumers knows of workers that did not answer. */
function silentOnes(reports: readonly QueueReport[], nodes: ReadonlyMap<string, NodeFigures>): number {
  const missing = reports.map(({ name, consumerCount = 0 }) => {
    const answered = [...nodes.values()].filter(({ queues }) => queues.includes(name)).length;
    return consumerCount - answered;
  });
  return Math.max(0, ...missing);
}

function lyingIn({ ready, unacked, delayed }: QueueReport): number {
  return ready + (unacked ?? 0) + (delayed ?? 0);
}

function queueNamesOf(value: unknown): readonly string[] {
  const queues: readonly unknown[] = Array.isArray(value) ? value : [];
  return queues.flatMap((queue) => (isRecord(queue) && typeof queue['name'] === 'string' ? [queue['name']] : []));
}

function begunOf(value: unknown): number | undefined {
  const total = isRecord(value) ? value['total'] : undefined;
  if (!isRecord(total)) return undefined;
  return Object.values(total).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0);
}
