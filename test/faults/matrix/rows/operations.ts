/** M25 to M28, M30: pidfiles, revokes, results, deliveries of others, and many deliveries given back at once. */
import { randomUUID } from 'node:crypto';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ctq } from '../../../../src/index.js';
import { startRedis } from '../../../support/redis-server.js';
import { tmpFolder } from '../../../support/tmp.js';
import type { Measured, Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';

async function pidfileRaces(stage: Stage): Promise<Measured> {
  await stage.open();
  const races = stage.few(stage.system === 'ctq' ? 100 : 6);
  let one = 0;
  for (let race = 0; race < races; race += 1) {
    const pidfile = join(tmpFolder(), 'worker.pid');
    const options = { args: ['--pidfile', pidfile], launch: 'at once' } as const;
    const both = await Promise.all([stage.worker(options), stage.worker(options)].map((start) => start.catch(() => undefined)));
    await stage.until(() => both.filter((worker) => worker !== undefined && worker.ending === undefined).length <= 1, 10, 20);
    const left = both.filter((worker) => worker !== undefined && worker.ending === undefined);
    if (left.length === 1) one += 1;
    await Promise.all(both.map((worker) => worker?.kill()));
    stage.workers.splice(0);
  }
  const recycled = join(tmpFolder(), 'worker.pid');
  // A pid that lives, and was given to another program after the worker's death.
  writeFileSync(recycled, `${process.pid}\n`);
  const before = Date.now() / 1000 - 3_600;
  utimesSync(recycled, before, before);
  const started = await stage.worker({ args: ['--pidfile', recycled] }).then(
    () => readFileSync(recycled, 'utf8').trim() !== String(process.pid),
    () => false,
  );
  return {
    note: `exactly one in ${one} of ${races} races; ${started ? 'starts' : 'refuses to start'} on the pid of another program`,
    also: { 'exactly one in every race': one === races, 'starts on a recycled pid': started },
  };
}

async function revokedBeforeTheKill(stage: Stage): Promise<Measured> {
  await stage.open();
  const first = await stage.worker();
  await stage.send('warm');
  await stage.drained(20);
  const ids = Array.from({ length: 5 }, () => randomUUID());
  await stage.app.control.revoke(ids);
  await sleep(1);
  await first.kill();
  for (const [index, id] of ids.entries()) {
    await stage.app.sendTask('tasks.work', [`revoked-${index}`, 0], { taskId: id }).published;
  }
  await stage.worker();
  await stage.send('marker');
  await stage.until(() => stage.book.ended('marker') > 0, 60);
  await sleep(1);
  const ran = ids.filter((_, index) => stage.book.begun(`revoked-${index}`) > 0).length;
  return { note: `${ran} of 5 revoked tasks ran`, also: { 'none ran': ran === 0 } };
}

async function resultsAway(stage: Stage): Promise<Measured> {
  await stage.open();
  const results = await startRedis({ appendonly: 'everysec' });
  stage.atClose(() => results.kill());
  const reader = new Ctq('reader', { brokerUrl: stage.url, resultBackend: results.url });
  stage.atClose(() => reader.close());
  await stage.worker({ backend: results.url, concurrency: 10 });
  const ids: string[] = [];
  for (let index = 0; index < 30; index += 1) ids.push(await stage.send(`task-${index}`, { seconds: 0.5 + index / 30 }));
  await stage.until(() => stage.book.begun('task-0') > 0, 20, 10);
  await results.stop();
  await sleep(10);
  await results.start();
  const upMs = Date.now();
  const stored = async (): Promise<number> => {
    const keys = ids.map((id) => `celery-task-meta-${id}`);
    const texts = (await results.command('MGET', ...keys)) as (string | null)[];
    return texts.filter((text) => text?.includes('"status": "SUCCESS"') ?? false).length;
  };
  const limitS = stage.system === 'ctq' ? 30 : stage.patienceS;
  const all = await stage.until(async () => (await stored()) === ids.length, limitS);
  const figures = await stage.figures();
  return {
    ...figures,
    recoveryS: all ? (Date.now() - upMs) / 1000 : undefined,
    note: `${await stored()} of 30 results stored`,
    also: { 'every result stored': all },
  };
}

/** A record in `unacked` as a Python worker left it whose exchange nobody here knows, older than the visibility timeout. */
async function foreignDelivery(stage: Stage): Promise<Measured> {
  await stage.open();
  const options = {
    conf: { broker_transport_options: { visibility_timeout: 5 } },
    env: { CTQ_TEST_SETTINGS: JSON.stringify({ brokerTransportOptions: { visibility_timeout: 5 } }) },
  };
  const ids = ['topic', 'unbound'].map((name) => `${name}-${randomUUID()}`);
  await stage.redis.command('SADD', '_kombu.binding.elsewhere', 'some.*\x06\x16some.*\x06\x16elsewhere');
  for (const [index, id] of ids.entries()) {
    const tag = randomUUID();
    const message = {
      body: 'W10=',
      headers: { id, task: 'other.task' },
      properties: { delivery_tag: tag, body_encoding: 'base64', delivery_info: {} },
    };
    const record = JSON.stringify([message, index === 0 ? 'elsewhere' : 'nowhere', index === 0 ? 'some.key' : 'none']);
    await stage.redis.commands([
      ['HSET', 'unacked', tag, record],
      ['ZADD', 'unacked_index', Date.now() / 1000 - 3_600, tag],
    ]);
  }
  await stage.worker(options);
  await stage.send('probe');
  await stage.drained(20);
  await sleep(stage.system === 'ctq' ? 20 : 10);
  const still = await Promise.all(ids.map((id) => isAnywhere(stage, id)));
  const lost = still.filter((there) => !there).length;
  return { sent: 2, executed: 0, lost, repeated: 0, note: lost === 0 ? 'left where they were, or given back' : `${lost} of 2 dropped` };
}

async function isAnywhere(stage: Stage, id: string): Promise<boolean> {
  const records = (await stage.redis.command('HVALS', 'unacked')) as string[];
  if (records.some((record) => record.includes(id))) return true;
  const keys = (await stage.redis.command('KEYS', '*')) as string[];
  for (const key of keys) {
    if ((await stage.redis.command('TYPE', key)) !== 'list') continue;
    const items = (await stage.redis.command('LRANGE', key, 0, -1)) as string[];
    if (items.some((item) => item.includes(id))) return true;
  }
  return false;
}

const STORM = 50_000;

/** What a dead worker held goes back while another one works on. */
async function restoreStorm(stage: Stage): Promise<Measured> {
  await stage.open();
  const count = stage.few(STORM);
  const conf = { broker_transport_options: { visibility_timeout: 60 } };
  await stage.worker({ conf });
  await hold(stage, count);
  const held = async (): Promise<number> => Number(await stage.redis.command('HLEN', 'unacked'));
  const traffic = { busy: true };
  let next = 0;
  const live = (async () => {
    for (; traffic.busy; next += 1) {
      await stage.send(`live-${next}`);
      await sleep(0.01);
    }
  })();
  // It gives back before it says that it is ready.
  if (stage.system === 'celery') stage.worker({ conf, args: ['-Q', 'other'] }).catch(() => {});
  await stage.until(async () => (await held()) < count - 50, 40, 5);
  const from = performance.now();
  const all = await stage.until(async () => (await held()) < 50, 120, 5);
  const seconds = (performance.now() - from) / 1000;
  traffic.busy = false;
  await live;
  await stage.drained(20);
  const begins = Array.from({ length: next }, (_, index) => stage.book.run(`live-${index}`)?.firstBegunMs ?? 0)
    .filter((at) => at > 0)
    .sort((a, b) => a - b);
  const pauseMs = Math.max(...begins.slice(1).map((at, index) => at - (begins[index] as number)));
  const figures = await stage.figures();
  return {
    ...figures,
    note: `${count} ${all ? `given back in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)}/s` : 'not given back within 120 s'}; the longest pause of live work ${pauseMs} ms`,
    also: { '10,000 a second': all && count / seconds >= 10_000, 'live work never pauses for more than 100 ms': pauseMs <= 100 },
  };
}

async function hold(stage: Stage, count: number): Promise<void> {
  if (stage.system === 'ctq') {
    const queue = 'stormy';
    await stage.app.sendTask('tasks.work', ['first', 600], { queue }).published;
    for (let sent = 1; sent < count; sent += 1_000) {
      const sends = Array.from(
        { length: Math.min(1_000, count - sent) },
        () => stage.app.sendTask('tasks.work', ['stormy', 0], { queue }).published,
      );
      await Promise.all(sends);
    }
    const victim = await stage.worker({ concurrency: 1, args: ['-Q', queue], ctqArgs: ['--prefetch-multiplier', '0'] });
    await stage.until(async () => Number(await stage.redis.command('HLEN', 'unacked')) >= count, 60);
    await victim.kill();
    return;
  }
  const message = (tag: string): string =>
    JSON.stringify([
      {
        body: 'W10=',
        headers: {},
        properties: { delivery_tag: tag, body_encoding: 'base64', delivery_info: { exchange: '', routing_key: 'stormy' } },
      },
      '',
      'stormy',
    ]);
  await stage.redis.command('SADD', '_kombu.binding.stormy', 'stormy\x06\x16\x06\x16stormy');
  for (let start = 0; start < count; start += 1_000) {
    const tags = Array.from({ length: 1_000 }, () => randomUUID());
    await stage.redis.commands([
      ['HSET', 'unacked', ...tags.flatMap((tag) => [tag, message(tag)])],
      ['ZADD', 'unacked_index', ...tags.flatMap((tag) => [1_000, tag])],
    ]);
  }
}

export const OPERATIONS: readonly Row[] = [
  {
    id: 'M25',
    fault: 'two workers start at once with one pidfile; a pidfile with the pid of another program',
    goal: { words: 'exactly one in 100 races; starts on a recycled pid' },
    scenarios: [{ engine: 'redis', run: pidfileRaces }],
    tests: ['faults/lifecycle.test.ts'],
  },
  {
    id: 'M26',
    fault: 'tasks revoked, then kill -9 of the worker that knew it',
    goal: { words: 'none of them runs' },
    scenarios: [{ engine: 'redis', run: revokedBeforeTheKill }],
    tests: ['unit/worker/revoked.test.ts'],
  },
  {
    id: 'M27',
    fault: 'result store away for 10 s while 30 tasks end',
    goal: { words: '0 results lost', lost: 0, repeated: 0, recoveryS: 15 },
    scenarios: [{ engine: 'redis', run: resultsAway }],
    tests: ['faults/worker-stopped.test.ts'],
  },
  {
    id: 'M28',
    fault: 'old deliveries of other programs, for exchanges that this worker does not know',
    goal: { words: 'never dropped', lost: 0 },
    scenarios: [{ engine: 'redis', run: foreignDelivery }],
    tests: ['faults/redis-scripts.test.ts'],
  },
  {
    id: 'M30',
    fault: '50,000 deliveries of a dead worker are given back',
    goal: { words: '≥ 10,000/s, live work pauses ≤ 100 ms', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', run: restoreStorm }],
  },
];
