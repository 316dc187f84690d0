/** Our Redis transport and kombu's on one server: same keys, same order, and neither touches what the other holds. */
import { expect, test } from 'vitest';
import type { Delivery, Exchange, Queue } from '../../src/broker.js';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { consume, remaining, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, taskMessage, toQueue } from '../contract/messages.js';
import { eventually } from '../support/eventually.js';
import { runPython } from '../support/python-celery.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

function open(redis: RedisServer, transportOptions: Readonly<Record<string, unknown>> = {}): RedisBroker {
  return openRedisBroker(redis.url, { transportOptions, connectTimeoutMs: 5_000 });
}

/** Runs kombu itself: `channel` is a connected one of its Redis transport. */
function kombu(redis: RedisServer, code: string, transportOptions: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const lines = code.replaceAll(/^/gm, '        ');
  return runPython(
    `
        import time
        from kombu import Connection, Exchange, Queue, Producer, Consumer
        from kombu.transport.redis import QoS
        connection = Connection(${JSON.stringify(redis.url)}, transport_options=json.loads(${JSON.stringify(JSON.stringify(transportOptions))}))
        channel = connection.channel()
${lines}
    `,
    { broker: redis.url },
  );
}

/** What every Python worker does now and then: gives back what is older than its visibility timeout. */
const RESTORE = `
before = channel.client.hlen(channel.unacked_key)
channel.qos.restore_visible(interval=1, num=1000)
result = before - channel.client.hlen(channel.unacked_key)
`;

const SEP = '\x06\x16';

describeWith(['redis', 'python'], 'queues shared with kombu', () => {
  test('a delivery that takes long is never given back by a Python worker with a short visibility timeout', {
    timeout: 60_000,
  }, async () => {
    const redis = await startRedis();
    const broker = open(redis);
    await send(broker, 'q', ['long']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    // Ten times with kombu's own rule, when it has been out for longer than that: only while its score is fresh, so that a machine
    // which stands still for two seconds proves nothing; a score that nobody renews is never fresh.
    const looked = await kombu(
      redis,
      `
taken = channel.client.zrange(channel.unacked_index_key, 0, 0, withscores=True)[0][1]
restored, looks, deadline = 0, 0, time.time() + 30
while looks < 10 and time.time() < deadline:
    time.sleep(0.2)
    before = channel.client.hlen(channel.unacked_key)
    scores = channel.client.zrange(channel.unacked_index_key, 0, 0, withscores=True)
    if time.time() - taken > 3 and time.time() - (scores[0][1] if scores else 0) < 1.5:
        channel.qos.restore_visible(interval=1, num=1000)
        restored += before - channel.client.hlen(channel.unacked_key)
        looks += 1
result = [looks, restored]
`,
      { visibility_timeout: 3 },
    );
    expect(looked).toEqual([10, 0]);
    expect(log.fencedOnes).toEqual([]);
    expect(await held.ack()).toBe('settled');
    await broker.close();
  });

  test('should all of us vanish, Python gives everything back, parked messages too', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis);
    await send(broker, 'q', ['held', 'parked']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 2, log);
    const [held, parked] = (await log.first(2)) as [Delivery, Delivery];
    await parked.park(new Date(Date.now() + 30_000));
    // As if the machines were gone for good: no answers, no beats, and a minute has gone by.
    const scores = (await redis.command('ZRANGE', 'unacked_index', 0, -1, 'WITHSCORES')) as string[];
    const records = (await redis.command('HGETALL', 'unacked')) as string[];
    await held.ack();
    await broker.close();
    await redis.command('FLUSHALL');
    await redis.command('HSET', 'unacked', ...records);
    for (let index = 0; index < scores.length; index += 2) {
      await redis.command('ZADD', 'unacked_index', Number(scores[index + 1]) - 60, scores[index] as string);
    }
    expect(await kombu(redis, RESTORE, { visibility_timeout: 1 })).toBe(2);
    expect(await redis.command('LLEN', 'q')).toBe(2);
    const again = open(redis);
    expect((await remaining(again, 'q')).sort()).toEqual(['held', 'parked']);
    await again.close();
  });

  test('what a Python worker holds is left alone for its whole visibility timeout, and then given back to its queue and priority', {
    timeout: 60_000,
  }, async () => {
    const redis = await startRedis();
    await kombu(
      redis,
      `
exchange = Exchange("news", type="topic")
queue = Queue("foreign", exchange, routing_key="a.#")(channel)
queue.declare()
producer = Producer(channel)
producer.publish({"n": 12345678901234567890}, exchange=exchange, routing_key="a.b", priority=6, headers={"id": "topic"})
producer.publish({}, exchange="", routing_key="foreign", priority=9, headers={"id": "plain"})
seen = []
consumer = Consumer(channel, [queue], callbacks=[lambda body, message: seen.append(message)])
channel.qos.prefetch_count = 10
with consumer:
    while len(seen) < 2:
        connection.drain_events(timeout=20)
    # Dies with both in its hands: nothing is given back.
    channel.qos.restore_at_shutdown = False
    channel.qos._delivered.clear()
`,
    );
    // The same without a binding: nobody can say where it belongs.
    await redis.command('HSET', 'unacked', 'lost-tag', '[{"body": "", "headers": {"id": "lost"}, "properties": {}}, "unknown", "key"]');
    await redis.command('ZADD', 'unacked_index', 1, 'lost-tag');
    // It took them eight seconds earlier than it did.
    const held = (await redis.command('ZRANGE', 'unacked_index', 0, -1)) as string[];
    for (const tag of held) if (tag !== 'lost-tag') await redis.command('ZINCRBY', 'unacked_index', -8, tag);
    const takenAt = Number(((await redis.command('ZRANGE', 'unacked_index', -1, -1, 'WITHSCORES')) as string[])[1]);
    const broker = open(redis, { visibility_timeout: 12 });
    const cameAt: number[] = [];
    const log = new DeliveryLog({ onDeliver: () => void cameAt.push(Date.now() / 1000) });
    await consume(broker, ['foreign'], 10, log);
    const deliveries = await log.first(2, 45_000);
    expect(Math.min(...cameAt) - takenAt).toBeGreaterThanOrEqual(12);
    expect(log.ids()).toEqual(['topic', 'plain']);
    expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([true, true]);
    expect(Buffer.from((deliveries[0] as Delivery).message.body).toString()).toBe('{"n": 12345678901234567890}');
    for (const delivery of deliveries) await delivery.ack();
    expect(await redis.command('HKEYS', 'unacked')).toEqual(['lost-tag']);
    // What stays a candidate makes us take the lock for a moment each round; where nobody lets go of it, it lasts for half a minute.
    await eventually(async () => expect(await redis.command('EXISTS', 'unacked_mutex')).toBe(0), { timeoutMs: 12_000 });
    await broker.close();
  });

  test('are served in the same order by both', async () => {
    const fill = async (redis: RedisServer): Promise<void> => {
      const broker = open(redis);
      for (const [queue, priority, ids] of [
        ['a', 0, ['a1', 'a2', 'a3']],
        ['b', 0, ['b1']],
        ['c', 0, ['c1', 'c2']],
        ['a', 5, ['a5']],
        ['b', 3, ['b3', 'b4']],
        ['c', 9, ['c9']],
        ['b', 9, ['b9', 'b10']],
      ] as const) {
        await send(broker, queue, ids, priority);
      }
      await broker.close();
    };
    const theirs = await startRedis();
    await fill(theirs);
    const expected = await kombu(
      theirs,
      `
seen = []
def callback(body, message):
    seen.append(message.headers["id"])
    message.ack()
queues = [Queue(name, Exchange(""), routing_key=name)(channel) for name in ("a", "b", "c")]
with Consumer(channel, queues, callbacks=[callback], auto_declare=False):
    channel._queue_cycle.update(["a", "b", "c"])
    while len(seen) < 12:
        connection.drain_events(timeout=20)
result = seen
`,
    );
    for (const prefetch of [1, 4, 100]) {
      const ours = await startRedis();
      await fill(ours);
      const broker = open(ours);
      const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
      await consume(broker, ['a', 'b', 'c'], prefetch, log);
      await log.first(12);
      expect(log.ids(), `prefetch ${prefetch}`).toEqual(expected);
      await broker.close();
      await ours.stop();
    }
  });
});

describeWith(['redis', 'python'], 'keys shared with kombu', () => {
  test('a message that we publish lies where kombu looks for it, under every transport option', async () => {
    const redis = await startRedis();
    const options = { global_keyprefix: 'app1:', priority_steps: [0, 4], sep: ':', fanout_prefix: '/x{db}.' };
    const broker = open(redis, options);
    const topic: Exchange = { name: 'news', type: 'topic' };
    const queue: Queue = { name: 'q', exchange: topic, routingKey: 'task.#' };
    await broker.declare(queue);
    await broker.publish(taskMessage('bound', { priority: 7 }), { exchange: topic, routingKey: 'task.run.now' });
    await broker.publish(taskMessage('nowhere'), { exchange: topic, routingKey: 'other' });
    expect(await redis.command('KEYS', '*:q*')).toEqual(['app1:q:4']);
    expect(await redis.command('SMEMBERS', 'app1:_kombu.binding.news')).toEqual(['task.#:^task\\..*?$:q']);
    const seen = await kombu(
      redis,
      `
message = channel.basic_get("q")
result = [message.headers["id"], message.delivery_info, message.properties["priority"], message.content_type]
`,
      options,
    );
    expect(seen).toEqual(['bound', { exchange: 'news', routing_key: 'task.run.now' }, 7, 'application/json']);
    await broker.close();
  });

  test('a message that kombu holds looks the same when we hold it', async () => {
    const redis = await startRedis();
    const broker = open(redis);
    await send(broker, 'q', ['a', 'b']);
    const beganAt = Date.now() / 1000;
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    const tag = held.message.properties.deliveryTag as string;
    expect(held.deliveryTag).toBe(tag);
    const score = Number(await redis.command('ZSCORE', 'unacked_index', tag));
    // Now, to the millisecond that is cut off.
    expect(score).toBeGreaterThan(beganAt - 0.1);
    expect(score).toBeLessThan(Date.now() / 1000 + 0.1);
    const [message, exchange, routingKey] = JSON.parse((await redis.command('HGET', 'unacked', tag)) as string) as [
      { headers: { id: string } },
      string,
      string,
    ];
    expect([message.headers.id, exchange, routingKey]).toEqual(['a', '', 'q']);
    await broker.close();
  });

  test('our broadcasts reach kombu and kombu’s reach us, and a reply finds its asker', async () => {
    const redis = await startRedis();
    const broker = open(redis);
    const pidbox: Exchange = { name: 'celery.pidbox', type: 'fanout' };
    const heard: string[] = [];
    const replies: string[] = [];
    await broker.subscribe({ name: 'w@host.celery.pidbox', exchange: pidbox, routingKey: '', autoDelete: true }, ({ body }) => {
      heard.push(Buffer.from(body).toString());
    });
    await broker.subscribe(
      { name: 'oid.reply.celery.pidbox', exchange: { name: 'reply.celery.pidbox', type: 'direct' }, routingKey: 'oid', autoDelete: true },
      ({ body }) => void replies.push(Buffer.from(body).toString()),
    );
    await kombu(
      redis,
      `
producer = Producer(channel)
pidbox, replies = Exchange("celery.pidbox", type="fanout"), Exchange("reply.celery.pidbox", type="direct")
producer.publish({"method": "ping"}, exchange=pidbox, routing_key="", declare=[pidbox])
producer.publish({"w@host": "pong"}, exchange=replies, routing_key="oid", declare=[replies])
`,
    );
    await eventually(() => expect([heard, replies]).toEqual([['{"method": "ping"}'], ['{"w@host": "pong"}']]));
    await broker.close();
    expect(await redis.command('KEYS', '*reply*')).toEqual([]);
  });

  test('a queue with a separator in its name and messages of strangers keep their ways', async () => {
    const redis = await startRedis();
    const broker = open(redis);
    const queue = `odd${SEP}name "quoted" \\ ü`;
    const twin =
      '{"body": "W10=", "content-type": "application/json", "headers": {"id": "twin"}, "properties": {"body_encoding": "base64", "delivery_tag": "same"}}';
    const tagless =
      '{"body": "W10=", "content-type": "application/json", "headers": {"id": "tagless"}, "properties": {"body_encoding": "base64"}}';
    for (const raw of [twin, twin, tagless, tagless]) await redis.command('LPUSH', queue, raw);
    await broker.publish(taskMessage('ours'), toQueue(queue));
    const log = new DeliveryLog();
    const consumer = await consume(broker, [queue], 10, log);
    await log.first(5);
    expect(new Set(log.deliveries.map(({ deliveryTag }) => deliveryTag)).size).toBe(5);
    expect(await redis.command('HLEN', 'unacked')).toBe(5);
    await log.deliveries[0]?.ack();
    expect(await redis.command('HLEN', 'unacked')).toBe(4);
    await consumer.close();
    expect(await broker.depth(queue)).toBe(4);
    const again = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [queue], 10, again);
    await again.first(4);
    expect(again.ids()).toEqual(['twin', 'tagless', 'tagless', 'ours']);
    await broker.close();
    expect(await redis.command('HLEN', 'unacked')).toBe(0);
  });

  test('a single delivery wakes an idle consumer within a moment', async () => {
    const redis = await startRedis();
    // Nobody looks by himself meanwhile.
    const [broker, other] = [open(redis, { polling_interval: 60 }), open(redis)];
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, idsOf('queue', 20), 10, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    const waits: number[] = [];
    for (let round = 0; round < 30; round += 1) {
      await eventually(async () => expect(await redis.command('HLEN', 'unacked')).toBe(0), { intervalMs: 1 });
      const sentAt = performance.now();
      await send(other, `queue-000${String(round % 20).padStart(2, '0')}`, [`m${round}`]);
      await log.nth(round, 20_000);
      waits.push(performance.now() - sentAt);
    }
    // A millisecond or two on a quiet machine.
    expect(waits.sort((a, b) => a - b)[15]).toBeLessThan(250);
    await Promise.all([broker.close(), other.close()]);
  });
});
