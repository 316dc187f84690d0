/**
 * Sends `count` tasks and prints how many a second were taken by the server.
 *
 *   node enqueue.mjs <ctq|bullmq|bee-queue> <alone|flight|bulk> <url> <count>
 *
 * alone: each is awaited before the next. flight: a thousand callers, each awaits its own. bulk: a thousand at a time.
 */
import BeeQueue from 'bee-queue';
import { Queue as BullQueue } from 'bullmq';
import { Ctq } from '../../dist/index.js';

const AT_ONCE = 1000;
const [peer, mode, url, countText] = process.argv.slice(2);
const { hostname: host, port } = url.startsWith('redis:') ? new URL(url) : {};
const numbers = (from, length) => Array.from({ length }, (_, index) => from + index);

const clients = {
  ctq() {
    const app = new Ctq('bench', { brokerUrl: url });
    const send = (x) => app.sendTask('tasks.add', [x, 1]).published;
    return { send, bulk: (from, length) => Promise.all(numbers(from, length).map(send)), close: () => app.close() };
  },
  bullmq() {
    const queue = new BullQueue('bench', { connection: { host, port: Number(port) } });
    return {
      send: (x) => queue.add('add', { x, y: 1 }),
      bulk: (from, length) => queue.addBulk(numbers(from, length).map((x) => ({ name: 'add', data: { x, y: 1 } }))),
      close: () => queue.close(),
    };
  },
  'bee-queue'() {
    const queue = new BeeQueue('bench', { redis: { host, port: Number(port) }, isWorker: false, getEvents: false });
    const job = (x) => queue.createJob({ x, y: 1 });
    return {
      send: (x) => job(x).save(),
      bulk: (from, length) => queue.saveAll(numbers(from, length).map(job)),
      close: () => queue.close(),
    };
  },
};

const modes = {
  async alone({ send }, count) {
    for (let x = 0; x < count; x += 1) await send(x);
  },
  async flight({ send }, count) {
    let next = 0;
    const caller = async () => {
      while (next < count) {
        next += 1;
        await send(next);
      }
    };
    await Promise.all(numbers(0, Math.min(AT_ONCE, count)).map(caller));
  },
  async bulk({ bulk }, count) {
    for (let from = 0; from < count; from += AT_ONCE) await bulk(from, Math.min(AT_ONCE, count - from));
  },
};

const client = clients[peer]();
const count = Number(countText);
await modes[mode](client, Math.ceil(count / 10));
const from = performance.now();
await modes[mode](client, count);
console.log((count / (performance.now() - from)) * 1000);
await client.close();
