/** `ctq migrate` killed with SIGKILL at each place where a page is in its hands, and gone on with. */
import { expect, test } from 'vitest';
import { Ctq } from '../../src/index.js';
import type { StoredMessage } from '../../src/estate/messages.js';
import { runCtq } from '../support/ctq-process.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const COUNT = 3_000;
const PARKED = 20;

/** What lies in a queue, in the order of serving, byte for byte. */
async function contents(url: string, queue: string): Promise<string[]> {
  const app = new Ctq('looker', { brokerUrl: url });
  try {
    const [estate] = await app.estates();
    const page: readonly StoredMessage[] = (await estate?.messages.page(queue, 0, 2 * COUNT)) ?? [];
    return page.map(({ place, priority, dueAtMs, raw }) => `${place} ${priority} ${dueAtMs ?? ''} ${Buffer.from(raw).toString()}`);
  } finally {
    await app.close();
  }
}

async function fill(url: string): Promise<void> {
  const app = new Ctq('client', { brokerUrl: url });
  const page: PromiseLike<void>[] = [];
  for (let index = 0; index < COUNT; index += 1) {
    const options = { queue: index % 3 === 0 ? 'mail' : 'celery', priority: index % 10, headers: { index } };
    page.push(app.sendTask('tasks.add', [index, 2n ** 70n], { ...options, ...(index % 100 === 0 ? { countdown: 3_600 } : {}) }).published);
  }
  await Promise.all(page);
  await app.close();
}

describeWith('redis', 'a migration that is killed', () => {
  test('goes on where it was: Redis to SQLite to Redis, each message once, as it was and in its order', { timeout: 240_000 }, async () => {
    const [first, last] = [await startRedis(), await startRedis()];
    const file = `sqlite://${tmpFolder()}/ctq.db`;
    await fill(first.url);
    // What a worker has parked until its time.
    for (let index = 0; index < PARKED; index += 1) {
      const due = 4_000_000_000 + index;
      const message = `{"body": "W10=", "content-type": "application/json", "headers": {"id": "parked-${index}"}, "properties": {}}`;
      await first.commands([
        ['HSET', 'unacked', `tag-${index}`, `[${message},"","celery"]`],
        ['ZADD', 'unacked_index', due, `tag-${index}`],
        ['ZADD', 'ctq:parked', due, `tag-${index}\0celery`],
      ]);
    }
    const before = [await contents(first.url, 'celery'), await contents(first.url, 'mail')];
    expect(before.map(({ length }) => length)).toEqual([(COUNT / 3) * 2 + PARKED, COUNT / 3]);
    for (const [from, to] of [
      [first.url, file],
      [file, last.url],
    ] as const) {
      const kill = (point: string): ReturnType<typeof runCtq> =>
        runCtq(['migrate', from, to], { env: { CTQ_FAULT: point }, timeoutMs: 60_000 });
      // Twice in the page that the first one left: whoever goes on may be killed as well.
      for (const point of ['migrate.aside:2', 'migrate.arrived:1', 'migrate.arrived:1', 'migrate.arrived:3', 'migrate.aside:3']) {
        expect((await kill(point)).signal).toBe('SIGKILL');
      }
      const purge = await runCtq(['migrate', from, to, '--json'], { timeoutMs: 60_000 });
      expect(JSON.parse(purge.stdout)).toMatchObject({ interrupted: false });
      const [there, mail] = [await contents(to, 'celery'), await contents(to, 'mail')];
      expect([there.length, mail.length]).toEqual(before.map(({ length }) => length));
      expect([there, mail]).toEqual(before);
      expect([await contents(from, 'celery'), await contents(from, 'mail')]).toEqual([[], []]);
    }
    expect(await first.command('KEYS', '*aside*')).toEqual([]);
    await Promise.all([first.stop(), last.stop()]);
  });
});
