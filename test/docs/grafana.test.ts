/** docs/grafana/ctq.json is a dashboard that Grafana imports, and asks Prometheus for what ctq has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/definitions.js';
import { projectRoot } from '../support/ctq-process.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly datasource?: unknown;
  readonly fieldConfig?: { readonly defaults: object; readonly overrides: readonly unknown[] };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat?: string }[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly datasource?: unknown;
}

const dashboard = JSON.parse(readFileSync(join(projectRoot, 'docs', 'grafana', 'ctq.json'), 'utf8')) as {
  readonly [field: string]: unknown;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const PROMETHEUS = { type: 'prometheus', uid: expect.stringMatching(/^\$\{datasource\}$/) };

/** Of the process and of Node, as prom-client counts them. */
const ofNode = new Registry();
collectDefaultMetrics({ register: ofNode });

/** What a scrape adds. */
const OF_THE_SCRAPE = ['job', 'instance'];

interface Read {
  /** Where it cannot be understood. */
  readonly errors: readonly string[];
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  /** Of what the outermost aggregation keeps; undefined where nothing is aggregated. */
  readonly kept: readonly string[] | undefined;
}

/** An expression as Prometheus' own grammar reads it, with a time in place of Grafana's. */
function readPromql(text: string): Read {
  const expr = text.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h');
  const [errors, metrics, labels]: [string[], string[], string[]] = [[], [], []];
  let kept: string[] | undefined;
  parser.parse(expr).iterate({
    enter(node) {
      const word = expr.slice(node.from, node.to);
      if (node.type.isError) errors.push(`${expr.slice(0, node.from)} <here> ${expr.slice(node.from)}`);
      if (node.name === 'AggregateExpr') kept ??= [];
      if (node.name === 'Identifier') metrics.push(word);
      if (node.name === 'LabelName') {
        labels.push(word);
        if (node.node.parent?.name === 'GroupingLabels') kept?.push(word);
      }
    },
  });
  return { errors, metrics, labels, kept };
}

/** The labels of a metric as Prometheus has it; undefined for one that nobody exposes. */
function labelsOf(metric: string): readonly string[] | undefined {
  if (/^(?:process|nodejs)_/.test(metric)) return ofNode.getSingleMetric(metric) === undefined ? undefined : OF_THE_SCRAPE;
  const [, base = '', part] = /^(.*?)(?:_(bucket|sum|count))?$/.exec(metric) ?? [];
  const whole = METRICS[metric as keyof typeof METRICS];
  if (whole !== undefined) return whole.type === 'histogram' ? undefined : [...whole.labels, ...OF_THE_SCRAPE];
  const histogram = METRICS[base as keyof typeof METRICS];
  if (histogram?.type !== 'histogram') return undefined;
  return [...histogram.labels, ...OF_THE_SCRAPE, ...(part === 'bucket' ? ['le'] : [])];
}

describe('the Grafana dashboard', () => {
  it('has what an import wants: a schema of today, ids of their own, a place and a data source for each panel', () => {
    expect(dashboard).toMatchObject({
      title: expect.any(String),
      uid: expect.stringMatching(/^[\w-]{1,40}$/),
      version: expect.any(Number),
    });
    // 36 is Grafana 9's; an id would be that of somebody else's dashboard.
    expect(dashboard['schemaVersion']).toBeGreaterThanOrEqual(36);
    expect(dashboard).not.toHaveProperty('id');
    const ids = dashboard.panels.map(({ id }) => id);
    expect([new Set(ids).size, ids.filter((id) => !Number.isInteger(id) || id < 1)]).toEqual([ids.length, []]);
    expect(panels.length).toBeGreaterThan(15);
    for (const { title, datasource, fieldConfig, targets = [] } of panels) {
      expect([title, datasource]).toEqual([title, PROMETHEUS]);
      expect(fieldConfig).toMatchObject({ defaults: expect.any(Object), overrides: expect.any(Array) });
      expect([title, targets.length > 0, new Set(targets.map(({ refId }) => refId)).size]).toEqual([title, true, targets.length]);
    }
  });

  it('lays no panel over another, and none beside the screen', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, taken.get(`${x},${y}`)]).toEqual([title, undefined]);
          taken.set(`${x},${y}`, title);
        }
    }
  });

  it('chooses the data source, and then hosts, queues and tasks that there are', () => {
    const [source, ...others] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const { name, type, query, datasource } of others) {
      expect([name, type, datasource]).toEqual([name, 'query', PROMETHEUS]);
      const asked = typeof query === 'string' ? query : query.query;
      const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(asked) ?? [];
      expect([asked, labelsOf(metric)]).toEqual([asked, expect.arrayContaining([label])]);
    }
  });

  it('asks in PromQL, for metrics that there are, by labels that they have', () => {
    const variables = ['__rate_interval', '__range', ...dashboard.templating.list.map(({ name }) => name)];
    for (const { title, targets = [] } of panels)
      for (const { expr, legendFormat = '' } of targets) {
        const { errors, metrics, labels, kept } = readPromql(expr);
        expect([title, errors, metrics.length > 0]).toEqual([title, [], true]);
        for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) expect(variables).toContain(name);
        const known = metrics.map((metric) => [metric, labelsOf(metric)] as const);
        expect([title, known.filter(([, has]) => has === undefined)]).toEqual([title, []]);
        const all = known.flatMap(([, has = []]) => has);
        expect([title, labels.filter((label) => !all.includes(label))]).toEqual([title, []]);
        // What an aggregation has dropped, a legend cannot show.
        const shown = [...legendFormat.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label = '']) => label);
        expect([title, shown.filter((label) => !(kept ?? all).includes(label))]).toEqual([title, []]);
      }
  });

  it('would be found out: a bracket too few, a metric or a label that is not there', () => {
    expect(readPromql('sum(rate(celery_task_sent_total[5m])').errors).toHaveLength(1);
    expect(readPromql('celery_task_runtime').metrics.map(labelsOf)).toEqual([undefined]);
    expect(readPromql('celery_worker_up_bucket').metrics.map(labelsOf)).toEqual([undefined]);
    expect(readPromql('process_resident_memory').metrics.map(labelsOf)).toEqual([undefined]);
    expect(readPromql('sum by (nobody) (celery_worker_up)')).toMatchObject({ errors: [], labels: ['nobody'], kept: ['nobody'] });
  });
});
