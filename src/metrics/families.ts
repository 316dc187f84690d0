/** The numbers themselves: cheap to count on the way, turned into text when somebody asks. No library is needed to count. */
import { METRICS, type MetricDefinition, type MetricName } from './definitions.js';

/** One number. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/** Names come from strangers; a name for each message would fill our memory, and Prometheus'. */
export const MOST_SERIES = 5_000;

export class Family {
  readonly name: MetricName;
  readonly definition: MetricDefinition;
  readonly #series = new Map<string, Series>();
  readonly #dropped: () => void;

  constructor(name: MetricName, dropped: () => void) {
    this.name = name;
    this.definition = METRICS[name];
    this.#dropped = dropped;
  }

  /** @param values - Of the labels, in the order of the definition. */
  of(...values: readonly string[]): Series {
    const key = values.join('\0');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels: labelsOf(this.definition, values), value: 0 };
      if (this.#series.size < MOST_SERIES) this.#series.set(key, series);
      else this.#dropped();
    }
    return series;
  }

  set(value: number, ...values: readonly string[]): void {
    this.of(...values).value = value;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  /** Forgets those that `gone` is true of. */
  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const [key, { labels }] of this.#series) if (gone(labels)) this.#series.delete(key);
  }
}

/** How often each bucket was hit, not yet summed up. */
export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: number[];
  sum: number;
}

export class HistogramFamily {
  readonly name: MetricName;
  readonly definition: MetricDefinition;
  readonly buckets: readonly number[];
  readonly #series = new Map<string, HistogramSeries>();
  readonly #dropped: () => void;

  constructor(name: MetricName, dropped: () => void) {
    this.name = name;
    this.definition = METRICS[name];
    this.buckets = this.definition.buckets ?? [];
    this.#dropped = dropped;
  }

  of(...values: readonly string[]): HistogramSeries {
    const key = values.join('\0');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels: labelsOf(this.definition, values), counts: new Array<number>(this.buckets.length + 1).fill(0), sum: 0 };
      if (this.#series.size < MOST_SERIES) this.#series.set(key, series);
      else this.#dropped();
    }
    return series;
  }

  observe(series: HistogramSeries, seconds: number): void {
    let index = 0;
    while (index < this.buckets.length && seconds > (this.buckets[index] as number)) index += 1;
    series.counts[index] = (series.counts[index] as number) + 1;
    series.sum += seconds;
  }

  get series(): Iterable<HistogramSeries> {
    return this.#series.values();
  }

  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const [key, { labels }] of this.#series) if (gone(labels)) this.#series.delete(key);
  }
}

/** The metrics of one process, in the order in which they were asked for. */
export class Families {
  readonly #families = new Map<MetricName, Family>();
  readonly #histograms = new Map<MetricName, HistogramFamily>();
  readonly #dropped = (): void => {
    this.family('ctq_exporter_series_dropped_total').of().value += 1;
  };

  family(name: MetricName): Family {
    let family = this.#families.get(name);
    if (family === undefined) this.#families.set(name, (family = new Family(name, this.#dropped)));
    return family;
  }

  histogram(name: MetricName): HistogramFamily {
    let family = this.#histograms.get(name);
    if (family === undefined) this.#histograms.set(name, (family = new HistogramFamily(name, this.#dropped)));
    return family;
  }

  get plain(): Iterable<Family> {
    return this.#families.values();
  }

  get histograms(): Iterable<HistogramFamily> {
    return this.#histograms.values();
  }

  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const family of this.#families.values()) family.forget(gone);
    for (const family of this.#histograms.values()) family.forget(gone);
  }
}

function labelsOf({ labels }: MetricDefinition, values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? '']));
}
