import { Ctq } from 'ctq';

export const app = new Ctq('tasks');

export const add = app.task('tasks.add', (x: number, y: number) => x + y);

export const fetchPage = app.task({ name: 'tasks.fetchPage', bind: true, maxRetries: 5, softTimeLimit: 20 }, async (task, url: string) => {
  const reply = await fetch(url, { signal: task.signal });
  if (reply.status === 503) throw task.retry({ countdown: 2 ** task.request.retries });
  return reply.status;
});
