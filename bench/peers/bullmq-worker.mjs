import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';

const [port, , slots] = process.argv.slice(2);

new Worker('bench', async (job) => (job.name === 'wait' ? sleep(50) : job.data.x + job.data.y), {
  connection: { host: '127.0.0.1', port: Number(port) },
  concurrency: Number(slots),
});
