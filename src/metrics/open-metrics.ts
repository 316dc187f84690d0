/** Puts counting and telling together; loaded only by who was asked for metrics. */
import type { Logger } from '../logger.js';
import { exposition } from './exposition.js';
import type { Families } from './families.js';
import { type MetricsOptions, type MetricsServer, openMetricsServer } from './server.js';

export async function openMetrics(
  options: MetricsOptions,
  { families, fill, logger }: { readonly families: Families; readonly fill: () => void | Promise<void>; readonly logger: Logger },
): Promise<MetricsServer> {
  const server = await openMetricsServer(options, exposition(families, fill), logger);
  logger.info('Metrics: %s', server.url);
  return server;
}
