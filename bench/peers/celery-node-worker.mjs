import { setTimeout as sleep } from 'node:timers/promises';
import celery from 'celery-node';

// It prints two lines a task, which would be most of what is measured.
console.info = () => {};
const url = `redis://127.0.0.1:${process.argv[2]}/0`;
const worker = celery.createWorker(url, url);
worker.register('tasks.add', (x, y) => x + y);
worker.register('tasks.wait', () => sleep(50));
await worker.start();
