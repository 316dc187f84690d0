/** What came out of a task: its children, theirs, and so on, as workers have noted them (WIRE 7.4). */
import type { AnyResult } from './result-source.js';

export interface Step {
  readonly result: AnyResult;
  /** Whose child it is; null for where the walk began. */
  readonly sender: AnyResult | null;
}

/** Breadth first. Waits for each task before looking for its children: they are known only when it has ended. */
export async function* walk(root: AnyResult, how: 'wait' | 'as it stands' = 'wait'): AsyncGenerator<Step, void> {
  const queue: Step[] = [{ result: root, sender: null }];
  const seen = new Set<string>();
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    const { result } = step;
    // A retried task is its own child.
    if (seen.has(result.id)) continue;
    seen.add(result.id);
    yield step;
    if (how === 'wait') await result.get({ propagate: false });
    for (const child of await result.children()) queue.push({ result: child, sender: result });
  }
}

/** Who sent whom. */
export interface ResultGraph {
  readonly nodes: readonly AnyResult[];
  /** Ids: the sender, and what it sent. */
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Graphviz's language. */
  toDot(): string;
}

export async function dependencyGraph(root: AnyResult): Promise<ResultGraph> {
  const nodes: AnyResult[] = [];
  const edges: [string, string][] = [];
  for await (const { result, sender } of walk(root, 'as it stands')) {
    nodes.push(result);
    if (sender !== null) edges.push([sender.id, result.id]);
  }
  return {
    nodes,
    edges,
    toDot: () =>
      [
        'digraph results {',
        ...nodes.map(({ id }) => `  ${quoted(id)};`),
        ...edges.map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)};`),
        '}\n',
      ].join('\n'),
  };
}

function quoted(id: string): string {
  return `"${id.replace(/["\\]/g, '\\$&')}"`;
}
