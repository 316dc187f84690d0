/** What a beat sends, counted and told. */
import type { CallPreparer, PreparedCall } from '../beat/sending.js';
import type { Logger } from '../logger.js';
import { Families } from './families.js';
import { openMetrics } from './open-metrics.js';
import type { MetricsOptions, MetricsServer } from './server.js';
import { hostOf } from './task-tally.js';

export interface BeatMetrics {
  /** Counts what goes out, on its way through. */
  readonly producer: CallPreparer;
  readonly server: MetricsServer;
}

export async function openBeatMetrics(
  options: MetricsOptions,
  parts: {
    readonly producer: CallPreparer;
    readonly logger: Logger;
    readonly nodename: string;
    readonly entries: number;
    readonly isLeading: () => boolean;
  },
): Promise<BeatMetrics> {
  const families = new Families();
  const host = hostOf(parts.nodename);
  const fill = (): void => {
    families.family('ctq_beat_leading').set(parts.isLeading() ? 1 : 0, host);
    families.family('ctq_beat_entries').set(parts.entries, host);
  };
  const server = await openMetrics(options, { families, fill, logger: parts.logger });
  const sent = families.family('celery_task_sent_total');
  const producer: CallPreparer = {
    async prepareCall(name, args, callOptions): Promise<PreparedCall> {
      const call = await parts.producer.prepareCall(name, args, callOptions);
      const published = (): void | Promise<void> => {
        sent.of(name, host, call.route.routingKey).value += 1;
        return call.published();
      };
      return { message: call.message, route: call.route, published };
    },
  };
  return { producer, server };
}
