/** A message that Python restores under its old tag, and that comes back to the one who still holds it (R25). */
import { expect, test } from 'vitest';
import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { consume, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

/** As kombu does it in `restore_by_tag`: off the books, and back into its queue with both marks of a redelivery. */
async function restoreAsPython(redis: RedisServer, tag: string): Promise<void> {
  const record = String(await redis.command('HGET', 'unacked', tag));
  const [message] = JSON.parse(record) as [{ headers: Record<string, unknown>; properties: { delivery_info: Record<string, unknown> } }];
  message.headers['redelivered'] = true;
  message.properties.delivery_info['redelivered'] = true;
  await redis.commands([
    ['ZREM', 'unacked_index', tag],
    ['HDEL', 'unacked', tag],
    ['RPUSH', 'q', JSON.stringify(message)],
  ]);
}

describeWith('redis', 'a message that comes back under the same tag to the one who holds it', () => {
  test('counts once: the first taking is fenced, and only the second may answer', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const broker = openRedisBroker(redis.url, { transportOptions: {}, connectTimeoutMs: 30_000 });
    await send(broker, 'q', ['a']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 10, log);
    const first = await log.nth(0);
    await restoreAsPython(redis, first.deliveryTag);
    const second = await log.nth(1, 20_000);
    expect(second.deliveryTag).toBe(first.deliveryTag);
    expect(log.fencedOnes).toEqual([first]);
    expect(await first.ack()).toBe('fenced');
    expect(await redis.command('HLEN', 'unacked')).toBe(1);
    expect(await second.ack()).toBe('settled');
    expect(await redis.command('HLEN', 'unacked')).toBe(0);
    await broker.close();
    await redis.stop();
  });
});
