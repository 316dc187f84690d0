/**
 * The operator's desk: what `ctq keys`, `ctq find` and `ctq queues` cost on a large estate beyond what they cost on
 * an empty Redis, and the longest command that they gave the server.
 *
 *   node bench/desk.mjs [--runs 15] [--json file]
 *
 * 200,000 messages in five queues, 20,000 results, in Celery's own texts. Each figure is the whole program, from the
 * shell's call to its end.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from './lib/redis.mjs';

const bin = fileURLToPath(new URL('../bin/ctq.js', import.meta.url));
const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '15' }, json: { type: 'string' } } });
const runs = Number(options.runs);

const messageText = (id, queue) =>
  `{"body": "W1s0LCA1XSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"lang": "py", "task": "tasks.add", "id": "${id}", "shadow": null, "eta": null, "expires": null, "group": null, "group_index": null, "retries": 0, "timelimit": [null, null], "root_id": "${id}", "parent_id": null, "argsrepr": "(4, 5)", "kwargsrepr": "{}", "origin": "gen12230@vm", "ignore_result": false}, "properties": {"correlation_id": "${id}", "reply_to": "5da80a45-0bbc-3e16-9ff1-92fff559c87e", "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "${queue}"}, "priority": 0, "body_encoding": "base64", "delivery_tag": "${randomUUID()}"}}`;
const resultText = (id) =>
  `{"status": "SUCCESS", "result": 9, "traceback": null, "children": [], "date_done": "2026-11-21T17:01:41.610996", "task_id": "${id}"}`;

/** @returns The ids of a result and of the message in the middle of the last queue. */
async function fill({ client }) {
  let [result, waiting] = ['', ''];
  for (const queue of ['celery', 'mail', 'video', 'reports', 'slow']) {
    await client.sadd(`_kombu.binding.${queue}`, `${queue}\x06\x16\x06\x16${queue}`);
    for (let page = 0; page < 40; page += 1) {
      const ids = Array.from({ length: 1000 }, () => randomUUID());
      if (page === 20) [waiting] = ids;
      await client.lpush(queue, ...ids.map((id) => messageText(id, queue)));
    }
  }
  for (let page = 0; page < 20; page += 1) {
    const pipeline = client.pipeline();
    for (let n = 0; n < 1000; n += 1) {
      result = randomUUID();
      pipeline.set(`celery-task-meta-${result}`, resultText(result), 'EX', 86_400);
    }
    await pipeline.exec();
  }
  return { result, waiting };
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
/** Median, then the least and the most: on a busy machine the least is nearest to the truth. */
const spread = (values) => `${Math.round(median(values))} (${Math.round(Math.min(...values))}–${Math.round(Math.max(...values))})`;

/** Milliseconds of each run. */
function measure(argv, url) {
  const times = [];
  for (let run = 0; run < runs + 2; run += 1) {
    const beginMs = performance.now();
    spawnSync(process.execPath, [bin, ...argv, '-b', url], { stdio: 'ignore' });
    times.push(performance.now() - beginMs);
  }
  // The first two warm the file cache.
  return times.slice(2);
}

const [empty, large] = [await startRedis(), await startRedis()];
try {
  const { result, waiting } = await fill(large);
  const nobody = randomUUID();
  const results = { date: new Date().toISOString(), node: process.version, load: loadavg()[0], runs, scenarios: {} };
  for (const [name, argv] of Object.entries({
    keys: ['keys', '--json'],
    queues: ['queues', '--json'],
    'find of a result': ['find', result],
    'find of a result by its beginning': ['find', result.slice(0, 13)],
    'find of a message in the middle of a queue': ['find', waiting],
    'find of an id that nobody knows': ['find', nobody],
  })) {
    await large.client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '100000');
    await large.client.slowlog('RESET');
    spawnSync(process.execPath, [bin, ...argv, '-b', large.url], { stdio: 'ignore' });
    const commands = await large.client.slowlog('GET', '100000');
    const longestMs = Math.max(...commands.map(([, , micros]) => micros)) / 1000;
    await large.client.config('SET', 'slowlog-log-slower-than', '10000');
    const [without, withAll] = [measure(argv, empty.url), measure(argv, large.url)];
    const more = Math.min(...withAll) - Math.min(...without);
    results.scenarios[name] = { emptyMs: without, largeMs: withAll, moreMs: more, commands: commands.length, longestMs };
    console.log(
      `${name}: empty ${spread(without)} ms, large ${spread(withAll)} ms, ${Math.round(more)} ms more; ${commands.length} commands, the longest ${longestMs.toFixed(2)} ms`,
    );
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await Promise.all([empty.stop(), large.stop()]);
}
