import { Worker } from 'bullmq';

new Worker('bench', async (job) => job.data.x + job.data.y, {
  connection: { host: '127.0.0.1', port: Number(process.argv[2]) },
  concurrency: 100,
});
