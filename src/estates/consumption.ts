/** What several consumers say of one queue, put together. */
import type { ConsumerAbout } from '../brokers/about.js';
import type { Consumption } from '../estate/queues.js';

/** undefined when none of them takes from it. */
export function consumptionOf(queue: string, told: readonly ConsumerAbout[]): Consumption | undefined {
  const nodes: string[] = [];
  let [finished, finishRate] = [0, 0];
  for (const { node, queues } of told) {
    for (const about of queues) {
      if (about.name !== queue) continue;
      nodes.push(node);
      finished += about.finished;
      finishRate += about.rate;
    }
  }
  return nodes.length === 0 ? undefined : { nodes: [...new Set(nodes)].sort(), finished, finishRate };
}
