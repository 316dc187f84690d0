/** Queues that operators pause: no consumer takes from them, whether it runs already or starts later. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Consumer } from '../../src/broker.js';
import { Ctq } from '../../src/index.js';
import { eventually, throughout } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { DeliveryLog } from './delivery-log.js';

describeWith('redis', 'pausing on Redis', () => {
  const redis = forSuite(startRedis);
  suite(async () => {
    await redis().command('FLUSHALL');
    return redis().url;
  });
});

describe('pausing in an SQLite file', () => {
  suite(async () => `sqlite:///${tmpFolder()}/ctq.db`);
});

function suite(place: () => Promise<string>): void {
  const apps: Ctq[] = [];
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  function open(url: string): Ctq {
    const app = new Ctq('pausing', { brokerUrl: url, resultBackend: url });
    apps.push(app);
    return app;
  }

  async function consume(app: Ctq, queues: readonly string[], seen: string[], name = 'one@test'): Promise<Consumer> {
    const broker = await app.broker();
    return broker.consume({
      queues: queues.map((queue) => app.router.queues.get(queue)),
      prefetch: 8,
      name,
      handler: new DeliveryLog({
        onDeliver: (delivery) => {
          seen.push(delivery.queue);
          void delivery.ack();
        },
      }),
    });
  }

  async function desk(app: Ctq) {
    const [estate] = await app.estates();
    if (estate === undefined) throw new Error('no estate');
    return estate.queues;
  }

  it('takes from a paused queue no longer, from others still, and goes on when it is resumed', async () => {
    const app = open(await place());
    const queues = await desk(app);
    const seen: string[] = [];
    const consumer = await consume(app, ['mail', 'video'], seen);
    await app.sendTask('tasks.add', [], { queue: 'mail' }).published;
    await eventually(() => seen.includes('mail'));
    await queues.pause(['mail']);
    expect([await queues.stopped('mail'), await queues.stopped('video')]).toEqual([[], undefined]);
    await queues.noteStopped('mail', ['py@a']);
    await queues.noteStopped('mail', ['py@b', 'py@a']);
    expect(await queues.stopped('mail')).toEqual(['py@a', 'py@b']);
    // Within a beat.
    await eventually(async () => {
      seen.length = 0;
      await app.sendTask('tasks.add', [], { queue: 'mail' }).published;
      await throughout(150, () => expect(seen).not.toContain('mail'));
    });
    await app.sendTask('tasks.add', [], { queue: 'video' }).published;
    await eventually(() => seen.includes('video'));
    expect((await queues.report(['mail', 'video'])).map(({ paused }) => paused)).toEqual([true, false]);
    await queues.resume(['mail']);
    await eventually(() => seen.includes('mail'));
    expect(await queues.paused()).toEqual([]);
    await consumer.close();
  });

  it('holds a consumer that starts while it is paused, from its first take', async () => {
    const url = await place();
    const app = open(url);
    const queues = await desk(app);
    await queues.pause(['mail']);
    await app.sendTask('tasks.add', [], { queue: 'mail' }).published;
    const seen: string[] = [];
    const consumer = await consume(open(url), ['mail', 'video'], seen);
    await app.sendTask('tasks.add', [], { queue: 'video' }).published;
    await eventually(() => seen.includes('video'));
    await throughout(1_500, () => expect(seen).toEqual(['video']));
    await queues.resume(['mail']);
    await eventually(() => seen.includes('mail'));
    await consumer.close();
  });

  it('says who takes from a queue, and how much they are done with', async () => {
    const app = open(await place());
    const queues = await desk(app);
    const seen: string[] = [];
    const consumer = await consume(app, ['mail'], seen, 'celery@here');
    await Promise.all(Array.from({ length: 30 }, () => app.sendTask('tasks.add', [], { queue: 'mail' }).published));
    await eventually(() => seen.length === 30);
    await eventually(async () => {
      const [report] = await queues.report(['mail']);
      expect(report?.consumption).toMatchObject({ nodes: ['celery@here'], finished: 30 });
      expect(report?.consumption?.finishRate).toBeGreaterThan(0);
    });
    expect(await queues.names()).toContain('mail');
    await consumer.close();
    await eventually(async () => expect((await queues.report(['mail']))[0]?.consumption).toBeUndefined());
  });
}
