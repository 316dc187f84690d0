/**
 * `npm run bench:flame`: where a worker's time goes while it drains a queue. Profiles one ctq worker with results and late
 * acknowledgement, and writes docs/img/drain-flame.svg and the table in docs/performance.md between its marks.
 *
 *   node bench/flame.mjs [--tasks 200000] [--profile <file.cpuprofile>]   # a profile that was taken before
 */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rateOf } from './lib/drain.mjs';
import { flameGraph, selfTimes } from './lib/flame-graph.mjs';
import { peers, taskEnv } from './lib/peers.mjs';
import { CTQ, start } from './lib/processes.mjs';
import { withRedis } from './lib/redis.mjs';

const PICTURE = fileURLToPath(new URL('../docs/img/drain-flame.svg', import.meta.url));
const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const values = readWords();

const profile = JSON.parse(values.profile === undefined ? await takeProfile(Number(values.tasks)) : readFileSync(values.profile, 'utf8'));
writeFileSync(PICTURE, flameGraph(profile, 'A worker that drains a queue: late acknowledgement, results stored'));
const rows = selfTimes(profile).slice(0, 16);
const table = [
  '| function | of the main thread |',
  '| --- | --- |',
  ...rows.map(({ name, share }) => `| ${name} | ${(share * 100).toFixed(1)} % |`),
];
const page = readFileSync(PAGE, 'utf8');
writeFileSync(PAGE, page.replace(/<!-- flame -->\n[\s\S]*?<!-- \/flame -->/, `<!-- flame -->\n${table.join('\n')}\n<!-- /flame -->`));
for (const { name, share } of rows) console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${name}`);

function readWords() {
  try {
    return parseArgs({ options: { tasks: { type: 'string', default: '200000' }, profile: { type: 'string' } } }).values;
  } catch (error) {
    console.error(`bench:flame: ${error.message}`);
    process.exit(64);
  }
}

/** Of the main thread; the lease thread writes one of its own, which is smaller. */
async function takeProfile(count) {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-bench-'));
  try {
    await withRedis(async (redis) => {
      await peers.ctq.fill(redis, count, {});
      const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
      const args = [...flags, CTQ, 'worker', '-A', 'tasks', '-b', redis.url, '-l', 'warning'];
      const worker = start(process.execPath, args, { env: taskEnv({}) });
      const rate = await rateOf(() => peers.ctq.done(redis, count, {}), count, worker);
      console.log(`${Math.round(rate)} tasks/s under the profiler`);
      // Ends in its own time: the profile is written at the end.
      worker.kill('SIGTERM');
      await once(worker, 'exit');
    });
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    return texts.sort((a, b) => b.length - a.length)[0];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
