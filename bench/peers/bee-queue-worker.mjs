import BeeQueue from 'bee-queue';

const queue = new BeeQueue('bench', { redis: { host: '127.0.0.1', port: Number(process.argv[2]) } });
queue.process(100, async (job) => job.data.x + job.data.y);
