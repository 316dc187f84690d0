/**
 * Round trips, one after the other: prints { p50, p99 } in ms, and how many were never heard of again.
 *
 *   node latency.mjs <ctq|bullmq|bee-queue|ping> <url> <count>
 */
import BeeQueue from 'bee-queue';
import { Queue as BullQueue, QueueEvents } from 'bullmq';
import Redis from 'ioredis';
import { Ctq } from '../../dist/index.js';
import { quantile } from '../lib/stats.mjs';

const [peer, url, countText] = process.argv.slice(2);
const port = Number(new URL(url).port);
const connection = { host: '127.0.0.1', port };

const LOST = Symbol('no answer was heard');

const clients = {
  ctq() {
    const app = new Ctq('bench', { brokerUrl: url, resultBackend: url });
    return { call: () => app.sendTask('tasks.add', [4, 5]).get({ timeout: 30 }), close: () => app.close() };
  },
  async bullmq() {
    const queue = new BullQueue('bench', { connection });
    const events = new QueueEvents('bench', { connection });
    await events.waitUntilReady();
    return {
      call: async () => (await queue.add('add', { x: 4, y: 5 })).waitUntilFinished(events, 30_000),
      close: () => Promise.all([queue.close(), events.close()]),
    };
  },
  'bee-queue'() {
    const queue = new BeeQueue('bench', { redis: connection, isWorker: false });
    return {
      // It knows a job only when it has read the answer to its save. The end can be told on the other connection before; then
      // nobody hears it.
      call: () =>
        new Promise((resolve, reject) => {
          const unheard = setTimeout(() => resolve(LOST), 2000);
          const heard = () => {
            clearTimeout(unheard);
            resolve();
          };
          queue.createJob({ x: 4, y: 5 }).on('succeeded', heard).on('failed', reject).save().catch(reject);
        }),
      close: () => queue.close(),
    };
  },
  ping() {
    const redis = new Redis({ ...connection, protocol: 2 });
    return { call: () => redis.ping(), close: () => redis.disconnect() };
  },
};

const client = await clients[peer]();
const count = Number(countText);
const times = [];
let lost = 0;
for (let call = 0; call < count * 1.1; call += 1) {
  const from = performance.now();
  if ((await client.call()) === LOST) lost += 1;
  else times.push(performance.now() - from);
}
// The first of them warm both sides.
const warm = times.slice(-count);
console.log(JSON.stringify({ p50: quantile(warm, 0.5), p99: quantile(warm, 0.99), lost }));
await client.close();
process.exit();
