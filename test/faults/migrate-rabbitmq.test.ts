/** Redis to RabbitMQ to SQLite by `ctq migrate`, killed with SIGKILL where a page is in its hands, and gone on with. */
import { expect, test } from 'vitest';
import { Ctq } from '../../src/index.js';
import type { Message } from '../../src/protocol/message.js';
import { runCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { startRabbit } from '../support/rabbitmq-server.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const COUNT = 2_000;

/** What lies in the queue, as AMQP would say it: without what each engine writes beside it. */
async function contents(url: string): Promise<string[]> {
  const app = new Ctq('looker', { brokerUrl: url });
  try {
    const [estate] = await app.estates();
    const page = (await estate?.messages.page('celery', 0, 2 * COUNT)) ?? [];
    return page.map(({ message }) => spoken(message));
  } finally {
    await app.close();
  }
}

function spoken(message: Message | undefined): string {
  const { headers = {}, body = new Uint8Array(), contentType, contentEncoding, properties = {} } = message ?? {};
  const { priority, correlationId, replyTo } = properties as Readonly<Record<string, unknown>>;
  return JSON.stringify([
    headers['id'],
    headers,
    Buffer.from(body).toString(),
    contentType,
    contentEncoding,
    priority,
    correlationId,
    replyTo,
  ]);
}

describeWith(['redis', 'rabbitmq'], 'a migration by way of RabbitMQ that is killed', () => {
  test('goes on where it was, and has each message once', { timeout: 240_000 }, async () => {
    const [redis, rabbit] = [await startRedis(), await startRabbit()];
    const file = `sqlite://${tmpFolder()}/ctq.db`;
    const app = new Ctq('client', { brokerUrl: redis.url });
    const sent = Array.from({ length: COUNT }, (_, index) => app.sendTask('tasks.add', [index, 1]).published);
    await Promise.all(sent);
    await app.close();
    const before = await contents(redis.url);
    expect(before).toHaveLength(COUNT);
    // What a process held whose end the node has not seen yet would come back behind the next one.
    const nobodyThere = (): Promise<void> =>
      eventually(async () => expect(await rabbit.erlang('length(rabbit_networking:connections()).')).toMatch(/^\{ok,\s*0\}/));
    // A page that was on its way to RabbitMQ is left alone for ten seconds: somebody may be alive.
    for (const [from, to, points] of [
      [redis.url, rabbit.url, ['migrate.arrived:2']],
      [rabbit.url, file, ['migrate.aside:2', 'migrate.arrived:1', 'migrate.arrived:2']],
    ] as const) {
      for (const point of points) {
        await nobodyThere();
        expect((await runCtq(['migrate', from, to, '-Q', 'celery'], { env: { CTQ_FAULT: point }, timeoutMs: 60_000 })).signal).toBe(
          'SIGKILL',
        );
      }
      await nobodyThere();
      const last = await runCtq(['migrate', from, to, '-Q', 'celery', '--json', '-q'], { timeoutMs: 60_000 });
      expect([last.code, last.stderr]).toEqual([0, '']);
      await nobodyThere();
      const there = await contents(to);
      expect(there.length).toBe(COUNT);
      expect(there.sort()).toEqual([...before].sort());
    }
    await Promise.all([redis.stop(), rabbit.stop()]);
  });
});
