/** `-Q`, `-X` and `--purge`: the queues this worker takes from, of those the app has. */
import type { Queue } from '../broker.js';
import { ConfigError } from '../errors.js';
import type { QueueTable, WorkerParts } from './worker-parts.js';

/**
 * @param only - `-Q`; a name that is not declared is made up, where the settings allow that.
 * @param excluded - `-X`.
 * @throws ConfigError when a queue is not known, or none is left.
 */
export function selectQueues(table: QueueTable, only: readonly string[] = [], excluded: readonly string[] = []): readonly Queue[] {
  const chosen = only.length === 0 ? table.declared() : [...new Set(only)].map((name) => table.get(name));
  const left = chosen.filter(({ name }) => !excluded.includes(name));
  if (left.length > 0) return left;
  throw new ConfigError('there is no queue left to take from', {
    hint: `-X leaves out ${excluded.join(', ')}, and that is all there was`,
  });
}

/** `worker_direct`: a queue of this worker's own, by the name and exchange that Celery's `worker_direct()` sends to (celery/utils/nodenames.py). */
export function directQueue(nodename: string): Queue {
  return { name: `${nodename}.dq`, exchange: { name: 'C.dq2', type: 'direct' }, routingKey: nodename, durable: true };
}

/** `--purge`: what waits in them is thrown away before anything is taken. */
export async function purgeQueues(queues: readonly Queue[], { broker, logger }: Pick<WorkerParts, 'broker' | 'logger'>): Promise<void> {
  for (const { name, broadcast } of queues) {
    if (broadcast === true) continue;
    const count = await broker.purge(name);
    logger.warning('purge: Erased %d message(s) from the queue %s', count, name);
  }
}
