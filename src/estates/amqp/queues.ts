import type { QueueDesk, QueueReport } from '../../estate/queues.js';
import type { ManagedQueue } from '../../connections/amqp/management.js';
import type { Ladder } from './ladder.js';
import type { Looking } from './looking.js';
import type { Marks } from './marks.js';
import type { Depth, AmqpServer } from './server.js';

export interface QueueDeskParts {
  readonly server: AmqpServer;
  readonly ladder: Ladder;
  readonly looking: Looking;
  readonly marks: Marks;
}

export function amqpQueueDesk({ server, ladder, looking, marks }: QueueDeskParts): QueueDesk {
  const names = async (): Promise<readonly string[]> => [...(await server.taskQueues())].sort();
  return {
    names,
    async report(asked) {
      await looking.giveBackAll();
      const [depths, managed, parked, paused] = await Promise.all([
        server.depths(asked),
        server.managed(),
        ladder.count(),
        marks.pausedAmong(asked),
      ]);
      const told = new Map(managed?.map((queue) => [queue.name, queue]));
      return asked.map((name, index) => reportOf(name, depths[index], { told: told.get(name), parked, paused: paused.has(name) }));
    },
    async paused() {
      return [...(await marks.pausedAmong(await names()))];
    },
    holds: 'whoever is told',
    pause: (queues) => marks.pause(queues),
    noteStopped: (queue, nodes) => marks.noteStopped(queue, nodes),
    stopped: (queue) => marks.stopped(queue),
    resume: (queues) => marks.resume(queues),
  };
}

interface Known {
  readonly told: ManagedQueue | undefined;
  /** Of all queues. */
  readonly parked: number;
  readonly paused: boolean;
}

function reportOf(name: string, depth: Depth | undefined, { told, parked, paused }: Known): QueueReport {
  const { messages = 0, consumers = 0 } = depth ?? {};
  const rates =
    told?.publishRate === undefined || told.ackRate === undefined
      ? {}
      : { rates: { publishedPerSecond: told.publishRate, finishedPerSecond: told.ackRate } };
  return {
    ...{ name, ready: messages, readyByPriority: [], paused },
    // Whoever takes from a queue may hold some of it; nobody does of one that nobody takes from.
    unacked: told?.unacked ?? (consumers === 0 ? 0 : undefined),
    delayed: parked === 0 ? 0 : undefined,
    consumerCount: consumers,
    ...rates,
    ...(told?.headAtMs === undefined || messages === 0
      ? {}
      : { oldest: { ageMs: Math.max(0, Date.now() - told.headAtMs), basis: 'header' as const } }),
  };
}
