import { createHash } from 'node:crypto';
import { Ctq } from 'ctq';

export const app = new Ctq('tasks');

/** The checksum of what an address answers. */
export const checksum = app.task({ name: 'tasks.checksum', bind: true, maxRetries: 3, softTimeLimit: 30 }, async (task, url) => {
  const reply = await fetch(url, { signal: task.signal });
  if (reply.status >= 500) throw task.retry({ countdown: 2 ** task.request.retries });
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`);
  const body = new Uint8Array(await reply.arrayBuffer());
  return { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
});
