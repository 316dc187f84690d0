/** `ctq exporter`: metrics of every worker and queue of a broker, in Prometheus' form. */
import { openExporter } from '../../ctq/open-exporter.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { detach, isDetached, reportReady } from '../daemon.js';
import { EXIT } from '../exit-codes.js';
import { metricsAt } from '../metrics.js';
import { listenAddress, names, positiveSeconds, seconds } from '../option-values.js';
import { openClient } from '../client.js';
import { serviceOptions, startService } from '../service.js';

const DEFAULT_PORT = { kind: 'port', host: '127.0.0.1', port: 9808 } as const;
const DEFAULT_TIMEOUT_S = 60;
const DEFAULT_FORGET_S = 600;

const options = {
  port: value('-p, --port <port>', 'listen there, on 127.0.0.1 or host:port; default 9808', listenAddress),
  queues: list('-Q, --queues <a,b>', 'tell of these queues only; default all there are', names, { completes: 'queue' }),
  workerTimeout: value('--worker-timeout <seconds>', 'a worker that was silent for so long is down; default 60', positiveSeconds),
  forgetAfter: value('--forget-after <seconds>', 'forget a silent worker and its numbers after so long, 0 never; default 600', seconds),
  enable: flag('--enable', 'first tell workers that were started without -E to send task events'),
  ...serviceOptions,
} as const;

type Call = CommandCall<typeof options>;

export const exporter = defineCommand({
  name: 'exporter',
  summary: 'give metrics of all workers and queues to Prometheus',
  arguments: [],
  options,
  examples: [
    ['ctq exporter -l info', 'GET http://127.0.0.1:9808/metrics'],
    ['ctq exporter --enable -Q celery,mail', 'two queues, and the tasks of workers that send no events yet'],
    ['CTQ_METRICS_TOKEN=secret ctq exporter --port 0.0.0.0:9808', 'for a Prometheus on another machine'],
  ],
  ownsSignals: true,
  run: runExporter,
});

async function runExporter(call: Call): Promise<number> {
  const { options: given, context } = call;
  if (given.detach === true && !isDetached(context)) return detach(context);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) call.defer(context.onSignal(signal, () => stop.abort()));
  const { logger, detached } = await startService(call, {});
  const app = await openClient(call);
  const { metrics } = metricsAt(given.port ?? DEFAULT_PORT, context.env);
  const running = await openExporter(app, {
    listen: { ...DEFAULT_PORT, ...metrics, option: '--port' },
    queues: given.queues?.flat(),
    workerTimeoutS: given.workerTimeout ?? DEFAULT_TIMEOUT_S,
    forgetAfterS: given.forgetAfter ?? DEFAULT_FORGET_S,
    logger,
    signal: stop.signal,
  });
  call.defer(() => running.close());
  if (given.enable === true) await app.control.enableEvents();
  if (detached) reportReady();
  else if (call.globals.quiet !== true) context.stderr.write(`ctq: metrics at ${running.url}\n`);
  // The server alone keeps no process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(alive);
  return EXIT.ok;
}
