/** `ctq status`: the workers that are up, one line each, Python's and ours. */
import { type CommandCall, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { nodeStatus } from '../node-status.js';
import { jsonText } from '../output/json.js';
import { tableText } from '../output/table.js';
import { askWorkers, openRemote, remoteOptions, tellCount } from '../remote-call.js';

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

/** `3d 04:05:06` */
function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const text = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return days === 0 ? text : `${days}d ${text}`;
}
