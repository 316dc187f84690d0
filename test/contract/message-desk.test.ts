/** What an operator's desk of messages promises, on every engine that has one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputFileError } from '../../src/errors.js';
import type { Estate } from '../../src/estate/estate.js';
import type { RemovedMessage, StoredMessage } from '../../src/estate/messages.js';
import { Ctq } from '../../src/index.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { consume } from './broker/verbs.js';
import { DeliveryLog, messageId } from './delivery-log.js';

const text = (message: StoredMessage | undefined): string => Buffer.from(message?.raw ?? []).toString('utf8');
const id = (message: StoredMessage | undefined): unknown => message?.message?.headers['id'];

describeWith('redis', 'messages on Redis', () => {
  const redis = forSuite(startRedis);
  suite(async () => {
    await redis().command('FLUSHALL');
    return redis().url;
  });
});

describe('messages in an SQLite file', () => {
  suite(async () => `sqlite:///${tmpFolder()}/ctq.db`);
});

function suite(place: () => Promise<string>): void {
  let app: Ctq;
  let estate: Estate;

  beforeEach(async () => {
    const url = await place();
    app = new Ctq('desk', { brokerUrl: url, resultBackend: url });
    const [first] = await app.estates();
    if (first === undefined) throw new Error('no estate');
    estate = first;
  });
  afterEach(() => app.close());

  async function send(
    count: number,
    options: { readonly queue?: string; readonly priority?: number; readonly name?: string } = {},
  ): Promise<void> {
    const { name = 'tasks.add', queue = 'celery', priority } = options;
    const more = priority === undefined ? {} : { priority };
    await Promise.all(
      Array.from({ length: count }, (_, i) => app.sendTask(name, [i], { queue, taskId: `${name}-${i}`, ...more }).published),
    );
  }

  const all = (queue = 'celery'): Promise<readonly StoredMessage[]> => estate.messages.page(queue, 0, 100_000);

  async function removeAll(
    wanted?: (message: StoredMessage) => boolean,
    more: { readonly queue?: string; readonly from?: number; readonly id?: string } = {},
  ): Promise<{ readonly count: number; readonly copy: RemovedMessage[] }> {
    const copy: RemovedMessage[] = [];
    const count = await estate.messages.remove({
      queue: more.queue ?? 'celery',
      places: ['ready'],
      ...(wanted === undefined ? {} : { wanted }),
      keep: { id: more.id ?? 'removal', from: more.from ?? 0, page: async (page) => void copy.push(...page) },
    });
    return { count, copy };
  }

  it('pages through a queue in the order of serving, with positions counted by priority', async () => {
    await send(7, { priority: 3, name: 'tasks.late' });
    await send(5);
    const names = (await all()).map((message) => [id(message), message.priority, message.position]);
    expect(names.slice(0, 2)).toEqual([
      ['tasks.add-0', 0, 0],
      ['tasks.add-1', 0, 1],
    ]);
    expect(names.at(-1)).toEqual(['tasks.late-6', 3, 6]);
    const page = await estate.messages.page('celery', 4, 3);
    expect(page.map(id)).toEqual(['tasks.add-4', 'tasks.late-0', 'tasks.late-1']);
    expect(page.map(({ position }) => position)).toEqual([4, 0, 1]);
  });

  it('knows of a message of ours when it was sent', async () => {
    const before = Date.now();
    await send(1);
    const [message] = await all();
    expect(message?.publishedAtMs).toBeGreaterThan(before - 1_001);
    expect(message?.publishedAtMs).toBeLessThanOrEqual(Date.now());
  });

  it('samples from the whole of a long queue', async () => {
    await send(1_000);
    const { messages, total } = await estate.messages.sample('celery', 100);
    expect([messages.length, total]).toEqual([100, 1_000]);
    const numbers = messages.map((message) => Number(String(id(message)).split('-')[1]));
    expect(new Set(numbers.map((number) => Math.floor(number / 250)))).toEqual(new Set([0, 1, 2, 3]));
  });

  it('removes all without a copy, and counts', async () => {
    await send(1_200);
    await send(3, { priority: 9, name: 'tasks.late' });
    expect(await estate.messages.remove({ queue: 'celery', places: ['ready'] })).toBe(1_203);
    expect(await all()).toEqual([]);
  });

  it('puts back byte for byte, in the same order, before what has come since', async () => {
    await send(700);
    await send(30, { priority: 6, name: 'tasks.late' });
    const before = await all();
    const { count, copy } = await removeAll();
    expect(count).toBe(730);
    expect(copy.map(({ number }) => number)).toEqual(before.map((_, index) => index));
    expect(copy.map(text)).toEqual(before.map(text));
    await send(2, { name: 'tasks.since' });
    for (let end = copy.length; end > 0; end -= 100)
      expect(await estate.messages.restore('removal', copy.slice(Math.max(0, end - 100), end))).toBe(true);
    const after = await all();
    expect(after.filter((message) => !String(id(message)).startsWith('tasks.since')).map(text)).toEqual(before.map(text));
    expect(after.slice(700, 702).map(id)).toEqual(['tasks.since-0', 'tasks.since-1']);
  });

  it('puts nothing back twice', async () => {
    await send(3);
    const { copy } = await removeAll();
    expect(await estate.messages.restore('removal', copy)).toBe(true);
    expect(await estate.messages.restore('removal', copy)).toBe(false);
    expect(await all()).toHaveLength(3);
    expect(await estate.messages.restoredFrom('removal')).toBe(0);
  });

  it('removes those that are wanted among others, and leaves the order of the rest alone', async () => {
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(
        Array.from({ length: 400 }, (_, i) => {
          const name = i % 3 === 0 ? 'tasks.mail' : 'tasks.add';
          return app.sendTask(name, [i], { taskId: `${name}-${round}-${i}` }).published;
        }),
      );
    }
    const before = await all();
    const isMail = (message: StoredMessage): boolean => message.message?.headers['task'] === 'tasks.mail';
    const { count, copy } = await removeAll(isMail);
    expect(count).toBe(before.filter(isMail).length);
    expect(copy.map(text)).toEqual(before.filter(isMail).map(text));
    expect((await all()).map(text)).toEqual(before.filter((message) => !isMail(message)).map(text));
  });

  it('finds them far from the consuming end, too', async () => {
    await send(7_000);
    await send(150, { name: 'tasks.mail' });
    await send(50);
    const before = await all();
    const isMail = (message: StoredMessage): boolean => message.message?.headers['task'] === 'tasks.mail';
    const { count, copy } = await removeAll(isMail);
    expect([count, copy.map(text)]).toEqual([150, before.filter(isMail).map(text)]);
    expect((await all()).map(text)).toEqual(before.filter((message) => !isMail(message)).map(text));
  });

  it('leaves to a worker what it takes while others are removed, and keeps no copy of it', async () => {
    await send(2_000);
    const before = await all();
    const broker = await app.broker();
    const taken: string[] = [];
    const thief = new DeliveryLog({
      onDeliver: (delivery) => {
        taken.push(messageId(delivery.message));
        void delivery.ack();
      },
    });
    const consumer = await consume(broker, ['celery'], 40, thief);
    const { copy } = await removeAll((message) => Number(String(id(message)).split('-')[1]) % 2 === 0);
    await consumer.pause();
    const left = (await all()).map(id);
    const gone = new Set([...copy.map(id), ...taken]);
    expect(gone.size).toBe(copy.length + taken.length);
    const odd = before.map(id).filter((one) => Number(String(one).split('-')[1]) % 2 === 1);
    // An even one is in the copy or was worked on, never in the queue still; an odd one waits or was worked on.
    expect(left.filter((one) => Number(String(one).split('-')[1]) % 2 === 0)).toEqual([]);
    expect(odd.filter((one) => !taken.includes(String(one)) && !left.includes(one))).toEqual([]);
    await consumer.close();
  });

  it('has what a removal that died held in its hands, and puts it back once', async () => {
    await send(120);
    const before = await all();
    const copy: RemovedMessage[] = [];
    const dying = estate.messages.remove({
      queue: 'celery',
      places: ['ready'],
      keep: {
        id: 'removal',
        from: 0,
        page: async (page) => {
          copy.push(...page);
          if (copy.length > 60) throw new OutputFileError('the disk is full');
        },
      },
    });
    // As it is: no fault of the server's.
    await expect(dying).rejects.toThrow(new OutputFileError('the disk is full'));
    const [aside] = await estate.messages.aside();
    expect(aside?.id).toBe('removal');
    expect((await all()).length + (aside?.count ?? 0)).toBeLessThanOrEqual(120);
    expect(await estate.messages.putBackAside('removal')).toBe(aside?.count);
    expect(await estate.messages.aside()).toEqual([]);
    const from = (await estate.messages.restoredFrom('removal')) ?? Number.NaN;
    const rest = copy.filter(({ number }) => number < from);
    if (rest.length > 0) expect(await estate.messages.restore('removal', rest)).toBe(true);
    expect((await all()).map(text)).toEqual(before.map(text));
  });

  it('stops after the page at hand', async () => {
    await send(3_000);
    const stop = new AbortController();
    const copy: RemovedMessage[] = [];
    const keep = {
      id: 'removal',
      from: 0,
      page: async (page: readonly RemovedMessage[]) => {
        copy.push(...page);
        stop.abort();
      },
    };
    const count = await estate.messages.remove({ queue: 'celery', places: ['ready'], keep, signal: stop.signal });
    expect(copy).toHaveLength(count);
    expect(await all()).toHaveLength(3_000 - count);
    expect(await estate.messages.aside()).toEqual([]);
  });

  it('removes delayed messages where asked to, and puts them back for their time', async () => {
    const broker = await app.broker();
    await send(3);
    const dueAt = new Date(Date.now() + 3_600_000);
    let parked = 0;
    const parker = new DeliveryLog({ onDeliver: (delivery) => void delivery.park(dueAt).then(() => (parked += 1)) });
    const consumer = await consume(broker, ['celery'], 10, parker);
    await expect.poll(() => parked, { timeout: 20_000 }).toBe(3);
    await consumer.close();
    const before = await all();
    expect(before.map(({ place }) => place)).toEqual(['delayed', 'delayed', 'delayed']);
    expect((await estate.queues.report(['celery']))[0]).toMatchObject({ ready: 0, delayed: 3, unacked: 0 });
    const copy: RemovedMessage[] = [];
    const terms = {
      queue: 'celery',
      keep: { id: 'removal', from: 0, page: async (page: readonly RemovedMessage[]) => void copy.push(...page) },
    };
    expect(await estate.messages.remove({ ...terms, places: ['ready'] })).toBe(0);
    expect(await estate.messages.remove({ ...terms, places: ['ready', 'delayed'] })).toBe(3);
    expect((await estate.queues.report(['celery']))[0]).toMatchObject({ delayed: 0 });
    expect(await estate.messages.restore('removal', copy)).toBe(true);
    const after = await all();
    expect(after.map(text).sort()).toEqual(before.map(text).sort());
    expect(after.map(({ dueAtMs }) => Math.round((dueAtMs ?? 0) / 1000))).toEqual(before.map(() => Math.round(dueAt.getTime() / 1000)));
  });
}
