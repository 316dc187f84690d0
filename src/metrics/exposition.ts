/** Prometheus' text, written by prom-client: the only file that loads it, and only once somebody wants metrics. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Families, Family, HistogramFamily } from './families.js';

/** Node's own figures look at the event loop so often; more often wakes an idle process a hundred times a second. */
const EVENT_LOOP_PRECISION_MS = 100;

export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

interface Written {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}

/**
 * @param fill - Called before each answer: sets what is looked up and not counted.
 */
export function exposition(families: Families, fill: () => void | Promise<void>): Exposition {
  const own = new Registry();
  collectDefaultMetrics({ register: own, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  return {
    contentType: own.contentType,
    async text() {
      await fill();
      const ours = new Registry();
      for (const family of families.plain) register(ours, () => plain(family));
      for (const family of families.histograms) register(ours, () => histogram(family));
      return `${await ours.metrics()}\n${await own.metrics()}`;
    },
  };
}

/** A registry asks for a name, a type and what `get` gives, and nothing else. */
function register(registry: Registry, write: () => Written): void {
  const metric = { ...write(), get: async () => write() };
  registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
}

function plain({ name, definition: { help, type }, series }: Family): Written {
  return { name, help, type, aggregator: 'sum', values: [...series].map(({ labels, value }) => ({ labels, value })) };
}

function histogram({ name, definition: { help, type }, buckets, series }: HistogramFamily): Written {
  const values: Written['values'][number][] = [];
  for (const { labels, counts, sum } of series) {
    let below = 0;
    for (const [index, count] of counts.entries()) {
      below += count;
      values.push({ value: below, labels: { ...labels, le: buckets[index] ?? '+Inf' }, metricName: `${name}_bucket` });
    }
    values.push({ value: sum, labels, metricName: `${name}_sum` }, { value: below, labels, metricName: `${name}_count` });
  }
  return { name, help, type, aggregator: 'sum', values };
}
