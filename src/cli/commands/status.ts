/** `ctq status`: the workers that are up, one line each, Python's and ours. */
import { isRecord } from '../../protocol/record.js';
import type { Reply } from '../../remote-control/broadcast.js';
import { type CommandCall, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { jsonText } from '../output/json.js';
import { tableText } from '../output/table.js';
import { askWorkers, openRemote, remoteOptions, tellCount } from '../remote-call.js';

/** One worker, as `--json` prints it. Null where it does not say. */
interface NodeStatus {
  readonly node: string;
  readonly status: 'online';
  readonly pid: number | null;
  readonly pool: string | null;
  readonly concurrency: number | null;
  /** Tasks begun since its start. */
  readonly processed: number | null;
  /** Seconds. */
  readonly uptime: number | null;
}

export const status = defineCommand({
  name: 'status',
  summary: 'list the workers that are up',
  arguments: [],
  options: remoteOptions,
  examples: [
    ['ctq status', 'one line a worker; exit code 69 when there is none'],
    ['ctq status --json -t 5', 'for scripts, with more patience'],
  ],
  run: runStatus,
});

async function runStatus(call: CommandCall<typeof remoteOptions>): Promise<number> {
  const { context, globals } = call;
  const app = await openRemote(call);
  const nodes = (await askWorkers(call, app, 'stats', {})).map(nodeStatus);
  if (globals.json === true) {
    context.stdout.write(`${jsonText(nodes)}\n`);
    return EXIT.ok;
  }
  const rows = nodes.map(({ node, status, pool, concurrency, processed, uptime }) => [
    ...[node, status, pool ?? '', concurrency === null ? '' : String(concurrency)],
    ...[processed === null ? '' : String(processed), uptime === null ? '' : duration(uptime)],
  ]);
  context.stdout.write(await tableText(['NODE', 'STATUS', 'POOL', 'CONCURRENCY', 'PROCESSED', 'UPTIME'], rows, context.stdout));
  tellCount(call, nodes.length);
  return EXIT.ok;
}

function nodeStatus({ nodename, value }: Reply): NodeStatus {
  const stats = isRecord(value) ? value : {};
  const pool = isRecord(stats['pool']) ? stats['pool'] : {};
  const total = isRecord(stats['total']) ? Object.values(stats['total']) : undefined;
  return {
    node: nodename,
    status: 'online',
    pid: number(stats['pid']),
    pool: poolName(pool),
    concurrency: number(pool['max-concurrency']),
    processed: total === undefined ? null : total.reduce<number>((sum, count) => sum + (number(count) ?? 0), 0),
    uptime: number(stats['uptime']),
  };
}

/** `celery.concurrency.prefork:TaskPool` and `ctq.pools.async` → the part that tells. */
function poolName(pool: Readonly<Record<string, unknown>>): string | null {
  const { implementation } = pool;
  // Celery 5.2 does not say; only its prefork counts writes to its children.
  if (typeof implementation !== 'string') return 'writes' in pool ? 'prefork' : null;
  return implementation.replace(/:.*$/, '').split('.').at(-1) ?? null;
}

/** `3d 04:05:06` */
function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const text = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return days === 0 ? text : `${days}d ${text}`;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
