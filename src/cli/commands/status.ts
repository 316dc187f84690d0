/** `ctq status`: the workers that are up, one line each, Python's and ours. */
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import type { Ctq } from '../../ctq.js';
import { whyUnasked } from '../../ctq/unasked.js';
import { UsageError } from '../../errors.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { type NodeStatus, nodeStatus } from '../node-status.js';
import { healthAddress } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { tableText } from '../output/table.js';
import { probe } from '../probe.js';
import { askWorkers, livingNodes, openRemote, remoteOptions, tellCount } from '../remote-call.js';

const options = {
  ...remoteOptions,
  probe: flag('--probe', 'only say whether a worker answers, or all that -d names: exit code 0 or 69'),
  health: value('--health <path or port>', 'with --probe: ask there, as the worker was told, and not through the broker', healthAddress, {
    completes: 'file',
  }),
  ready: flag('--ready', 'with --probe --health: whether it is ready, rather than whether it lives'),
} as const;

export const status = defineCommand({
  name: 'status',
  summary: 'list the workers that are up',
  arguments: [],
  options,
  examples: [
    ['ctq status', 'one line a worker; exit code 69 when there is none'],
    ['ctq status --json -t 5', 'for scripts, with more patience'],
    ['ctq status --probe -d w1@web', 'for a health check: nothing but the exit code matters'],
    ['ctq status --probe --health 8080', 'the same without the broker, from a worker with --health 8080'],
  ],
  run: runStatus,
});

async function runStatus(call: CommandCall<typeof options>): Promise<number> {
  const { context, globals } = call;
  if (call.options.probe === true) return probe(call);
  const lone = call.options.health !== undefined ? '--health' : call.options.ready === true ? '--ready' : undefined;
  if (lone !== undefined) throw new UsageError(`${lone} is for --probe`, { hint: `ctq status --probe ${lone} …` });
  const app = await openRemote(call);
  let nodes: readonly NodeStatus[];
  try {
    nodes = (await askWorkers(call, app, 'stats', {})).map(nodeStatus);
  } catch (error) {
    if (whyUnasked(error) !== undefined) await tellAlive(call, app);
    throw error;
  }
  if (globals.json === true) {
    context.stdout.write(`${jsonText(nodes)}\n`);
    return EXIT.ok;
  }
  const rows = nodes.map(({ node, status, pool, concurrency, processed, uptime }) => [
    ...[node, status, pool ?? '', concurrency === null ? '' : String(concurrency)],
    ...[processed === null ? '' : String(processed), uptime === null ? '' : duration(uptime)],
  ]);
  context.stdout.write(
    await tableText(['NODE', 'STATUS', 'POOL', 'CONCURRENCY', 'PROCESSED', 'UPTIME'], rows, context.stdout, { flexible: ['NODE'] }),
  );
  tellCount(call, nodes.length);
  return EXIT.ok;
}

/** A server that takes no writes has no place for answers. Those of ctq's workers that renew their leases live. */
async function tellAlive({ context, globals, options: { destination } }: CommandCall<typeof options>, app: Ctq): Promise<void> {
  if (globals.quiet === true) return;
  const only = destination?.flat();
  const shown = (await livingNodes(app)).filter((node) => only === undefined || only.includes(node));
  if (shown.length === 0) return;
  context.stderr.write(`ctq: note: nobody can answer, but these give signs of life: ${shown.map(escapeText).join(', ')}\n`);
}

/** `3d 04:05:06` */
function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const text = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return days === 0 ? text : `${days}d ${text}`;
}
