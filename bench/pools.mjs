/**
 * The four pools of a worker side by side: what a slot costs, what a tiny task costs, and what computing
 * gains on the cores there are. docs/decisions/0014 quotes it.
 *
 *   node bench/pools.mjs [--pools async,threads,prefork,solo] [--tasks 10000] [--computed 60] [--rounds 3]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis, whenReached } from './lib/redis.mjs';
import { median, spread } from './lib/stats.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    pools: { type: 'string', default: 'async,threads,prefork,solo' },
    tasks: { type: 'string', default: '10000' },
    computed: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
  },
});
const cores = availableParallelism();

/** Starts a worker; `readyMs` is the time to its `ready.` */
async function startWorker(redis, pool) {
  const startedAt = performance.now();
  const worker = spawn(
    process.execPath,
    [join(here, '../bin/ctq.js'), 'worker', '-A', 'tasks', '-b', redis.url, '-l', 'info', '-P', pool],
    {
      cwd: join(here, 'peers'),
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  worker.stderr.setEncoding('utf8');
  let text = '';
  await new Promise((resolve, reject) => {
    worker.on('exit', () => reject(new Error(`the worker ended:\n${text}`)));
    worker.stderr.on('data', (chunk) => {
      text = (text + chunk).slice(-4000);
      if (text.includes(' ready.')) resolve();
    });
  });
  return { worker, readyMs: performance.now() - startedAt };
}

async function stopWorker(worker) {
  worker.removeAllListeners('exit');
  const gone = once(worker, 'exit');
  worker.kill('SIGTERM');
  await gone;
}

/** Proportional set size of the process and its children, MiB: pages that are shared count once. */
function memoryMib(pid) {
  const kib = family(pid).map((one) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

function family(pid) {
  return [pid, ...readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)];
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** From the first tenth of the results to the last: how many a second, and what CPU time each took in all. */
async function drain(redis, app, worker, name, count) {
  const results = () => redis.client.eval("return #redis.call('KEYS', 'celery-task-meta-*')", 0);
  const before = await results();
  const done = async () => (await results()) - before;
  for (let from = 0; from < count; from += 1000) {
    const sent = Array.from({ length: Math.min(1000, count - from) }, (_, i) =>
      app.sendTask(name, [from + i, ...(name === 'tasks.add' ? [1] : [])]),
    );
    await Promise.all(sent.map((task) => task.published));
  }
  const first = await whenReached(done, count / 10, 120_000);
  const cpuBefore = cpuMs(worker.pid);
  const last = await whenReached(done, count, 120_000);
  const tasks = last.done - first.done;
  return { perSecond: (tasks / (last.at - first.at)) * 1000, cpuMs: (cpuMs(worker.pid) - cpuBefore) / tasks };
}

/** CPU time of the process and its children, as the kernel counts it, in hundredths of a second. */
function cpuMs(pid) {
  const fields = family(pid).map((one) => readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1].split(' '));
  return fields.reduce((sum, own) => sum + (Number(own[11]) + Number(own[12])) * 10, 0);
}

const figures = {};
for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const pool of options.pools.split(',')) {
    const redis = await startRedis();
    const { Ctq } = await import('../dist/index.js');
    const app = new Ctq('bench', { brokerUrl: redis.url, resultBackend: redis.url });
    const { worker, readyMs } = await startWorker(redis, pool);
    const own = (figures[pool] ??= { ready: [], memory: [], tiny: [], cpu: [], computed: [] });
    own.ready.push(readyMs);
    await drain(redis, app, worker, 'tasks.compute', 10);
    own.computed.push((await drain(redis, app, worker, 'tasks.compute', Number(options.computed))).perSecond);
    const tiny = await drain(redis, app, worker, 'tasks.add', Number(options.tasks));
    own.tiny.push(tiny.perSecond);
    own.cpu.push(tiny.cpuMs * 1000);
    own.memory.push(memoryMib(worker.pid));
    await stopWorker(worker);
    await app.close();
    await redis.stop();
  }
}

const solo = figures.solo === undefined ? undefined : median(figures.solo.computed);
console.log(
  `| pool | ready, ms | memory, MiB | tiny tasks/s | CPU each, µs | computing tasks/s | against solo |\n|---|---|---|---|---|---|---|`,
);
for (const [pool, { ready, memory, tiny, cpu, computed }] of Object.entries(figures)) {
  const gain = solo === undefined ? '' : (median(computed) / solo).toFixed(2);
  console.log(
    `| ${pool} | ${spread(ready)} | ${spread(memory)} | ${spread(tiny)} | ${Math.round(median(cpu))} | ${median(computed).toFixed(1)} | ${gain} |`,
  );
}
console.log(`${cores} cores, Node ${process.versions.node}, ${options.rounds} rounds: medians (least–most)`);
