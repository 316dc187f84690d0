import { setTimeout as sleep } from 'node:timers/promises';
import BeeQueue from 'bee-queue';

const [port, task, slots, remove] = process.argv.slice(2);
const queue = new BeeQueue('bench', { redis: { host: '127.0.0.1', port: Number(port) }, removeOnSuccess: remove === 'remove' });

queue.process(Number(slots), async (job) => (task === 'wait' ? sleep(50) : job.data.x + job.data.y));
