/** Where a task is, as far as RabbitMQ can be looked into: the front of each queue, what is parked, and dead letters. */
import { deadLetterQueue } from '../../brokers/amqp/wire.js';
import type { QueueSearch, QueueSearchResult, TaskDesk, TaskPlace } from '../../estate/tasks.js';
import { idOf } from '../task-id-text.js';
import { storedMessage, type Taken } from './hold.js';
import type { Ladder } from './ladder.js';
import type { Looking } from './looking.js';
import type { AmqpServer } from './server.js';

/** Of each queue; workers wait meanwhile for what is in our hands. */
const MOST_LOOKED_AT = 5_000;
const PROGRESS_EVERY = 250;

export interface TaskDeskParts {
  readonly server: AmqpServer;
  readonly ladder: Ladder;
  readonly looking: Looking;
}

export function amqpTaskDesk(parts: TaskDeskParts): TaskDesk {
  return {
    async complete(prefix, limit, search) {
      const ids = new Set<string>();
      await eachQueued(parts, search, ({ message }) => {
        const id = idOf(message);
        if (id?.startsWith(prefix) === true) ids.add(id);
        return ids.size >= limit ? 'enough' : 'go on';
      });
      if (ids.size < limit) {
        await parts.ladder.each(undefined, ({ message }) => {
          const id = idOf(message);
          if (id?.startsWith(prefix) === true) ids.add(id);
          return 'give back';
        });
      }
      return [...ids].slice(0, limit);
    },
    look: async () => ({ result: undefined, resultTtlMs: undefined, revoked: false, held: [], failedAtMs: undefined }),
    search: (taskId, search) => searchQueues(parts, taskId, search),
    chord: async () => undefined,
  };
}

async function searchQueues(parts: TaskDeskParts, taskId: string, search: QueueSearch): Promise<QueueSearchResult> {
  const ready: TaskPlace[] = [];
  const counts = await eachQueued(parts, search, (taken, position) => {
    if (idOf(taken.message) !== taskId) return 'go on';
    ready.push({ ...storedMessage(taken, 'ready', position) });
    return 'enough';
  });
  if (ready.length > 0 || search.signal?.aborted === true) return { ready, deadLetters: [], ...counts };
  await parts.ladder.each(undefined, (taken) => {
    if (idOf(taken.message) === taskId) ready.push(storedMessage(taken, 'delayed', 0));
    return 'give back';
  });
  return { ready, deadLetters: ready.length > 0 ? [] : await buried(parts, taskId, search), ...counts };
}

async function buried(
  { server, looking }: TaskDeskParts,
  taskId: string,
  { signal }: QueueSearch,
): Promise<QueueSearchResult['deadLetters']> {
  const found: { queue: string; reason: string; atMs: undefined }[] = [];
  for (const queue of await server.taskQueues()) {
    if (signal?.aborted === true) break;
    await looking.each(deadLetterQueue(queue).name, MOST_LOOKED_AT, ({ message, reason = '' }) => {
      if (idOf(message) === taskId) found.push({ queue, reason, atMs: undefined });
      return signal?.aborted === true ? 'enough' : 'go on';
    });
  }
  return found;
}

async function eachQueued(
  { server, looking }: TaskDeskParts,
  { signal, onProgress }: QueueSearch,
  visit: (taken: Taken, position: number) => 'go on' | 'enough',
): Promise<{ readonly searched: number; readonly total: number }> {
  await looking.giveBackAll();
  const queues = await server.taskQueues();
  const depths = await server.depths(queues);
  const total = depths.reduce((sum, depth) => sum + (depth?.messages ?? 0), 0);
  let searched = 0;
  let done = false;
  for (const queue of queues) {
    if (done || signal?.aborted === true) break;
    await looking.some(queue, MOST_LOOKED_AT, (taken, position) => {
      searched += 1;
      if (searched % PROGRESS_EVERY === 0) onProgress?.(searched, total);
      done = visit(taken, position) === 'enough';
      return done || signal?.aborted === true ? 'enough' : 'go on';
    });
  }
  onProgress?.(searched, Math.max(total, searched));
  return { searched, total: Math.max(total, searched) };
}
