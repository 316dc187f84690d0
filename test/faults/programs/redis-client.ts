/**
 * A client of the Redis broker for fault tests.
 *
 *   publish <url> <prefix> <count>            publishes one by one; prints `P <id>` for each that was acknowledged
 *   consume <url> <queues> <prefetch> <ms>    works that long on each, completes with a result: `T <id> <count>`, `S <id> <settled>`
 *   hold <url> <queues> <prefetch>            takes and keeps; a line on its input answers: `ack`, `front`, `reject`, `park <ms>`
 *
 * What it said is said, also when it is killed the moment after.
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, Settled } from '../../../src/broker.js';
import { openRedisBroker } from '../../../src/brokers/redis/broker.js';
import { openRedisResultBackend } from '../../../src/result-backends/redis.js';
import { openSettlement } from '../../../src/settlement.js';
import { plainQueue, taskMessage, toQueue } from '../../contract/messages.js';
import { resultMeta } from '../../contract/metas.js';
import { say } from './say.js';

const [role = '', url = '', what = '', extra = '', workMs = '0'] = process.argv.slice(2);
const options = { transportOptions: {}, connectTimeoutMs: Number.POSITIVE_INFINITY };
const broker = openRedisBroker(url, options);
const settlement = openSettlement(broker, openRedisResultBackend(url, { ...options, resultExpires: 3_600 }));
const idOf = (delivery: Delivery): string => String(delivery.message.headers['id']);
const answered = (delivery: Delivery, settled: Promise<Settled>): void => void settled.then((how) => say(`S ${idOf(delivery)} ${how}`));

async function consume(onDeliver: (delivery: Delivery) => void): Promise<void> {
  await broker.consume({
    queues: what.split(',').map(plainQueue),
    prefetch: Number(extra),
    name: `client-${process.pid}@test`,
    handler: {
      deliver: (batch) => batch.forEach(onDeliver),
      malformed: ({ error }) => say(`M ${error.message}`),
      disconnected: (error) => say(`X ${error.message}`),
      connected: () => say('C'),
      fenced: (deliveries) => say(`F ${deliveries.map(idOf).join(' ')}`),
    },
  });
}

switch (role) {
  case 'publish':
    for (let n = 0; n < Number(extra); n += 1) {
      await broker.publish(taskMessage(`${what}-${n}`), toQueue('q'));
      say(`P ${what}-${n}`);
    }
    break;
  case 'consume':
    await consume((delivery) => {
      say(`T ${idOf(delivery)} ${delivery.redeliveryCount}`);
      const work = workMs === '0' ? Promise.resolve() : delay(Number(workMs));
      void work.then(() => answered(delivery, settlement.complete(delivery, resultMeta(idOf(delivery), 'SUCCESS'))));
    });
    break;
  case 'hold': {
    const held: Delivery[] = [];
    await consume((delivery) => {
      held.push(delivery);
      say(`T ${idOf(delivery)} ${delivery.redeliveryCount}`);
    });
    for await (const line of createInterface({ input: process.stdin })) {
      const [verb, ms] = line.split(' ');
      for (const delivery of held.splice(0)) {
        if (verb === 'ack') answered(delivery, delivery.ack());
        if (verb === 'front') answered(delivery, delivery.requeue('front'));
        if (verb === 'reject') answered(delivery, delivery.reject('told to'));
        if (verb === 'park') answered(delivery, delivery.park(new Date(Date.now() + Number(ms))));
      }
    }
    break;
  }
  default:
    throw new Error(`no role ${role}`);
}
