/**
 * A client of the SQLite broker for fault tests.
 *
 *   publish <file> <sync> <prefix> [count] [ms]  publishes, ten at a time and so much later the next; `P <id>` for each acknowledged
 *   consume <file> <sync> <workMs>          completes with a result; prints `S <id> <count>` and `D <id>`
 *   hold <file> <sync>                      takes one and never settles it; answers it when told to on its input
 *   lock <file>                             keeps the file locked, as another program may, until it is told otherwise on its input
 *
 * What it said is said, also when it is killed the moment after.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerHandler, Delivery } from '../../../src/broker.js';
import { openSqliteBroker } from '../../../src/brokers/sqlite/broker.js';
import { openSqliteDatabase } from '../../../src/connections/sqlite/store.js';
import { openSqliteResultBackend } from '../../../src/result-backends/sqlite.js';
import { openSettlement } from '../../../src/settlement.js';
import { plainQueue, taskMessage, toQueue } from '../../contract/messages.js';
import { resultMeta } from '../../contract/metas.js';
import { say } from './say.js';

const [role = '', file = '', sync = '', extra = ''] = process.argv.slice(2);
const options = { transportOptions: { sync }, connectTimeoutMs: Number.POSITIVE_INFINITY };
const idOf = (delivery: Delivery): string => String(delivery.message.headers['id']);

async function publish(count: number, pauseMs: number): Promise<void> {
  const broker = await openSqliteBroker(`sqlite://${file}`, options);
  for (let n = 0; n < count; n += 10) {
    await Promise.all(
      Array.from({ length: Math.min(10, count - n) }, async (_, index) => {
        const id = `${extra}-${n + index}`;
        await broker.publish(taskMessage(id), toQueue('q'));
        say(`P ${id}`);
      }),
    );
    if (pauseMs > 0) await delay(pauseMs);
  }
  await broker.close();
}

async function consume(onDeliver: (delivery: Delivery) => void, prefetch: number): Promise<void> {
  const broker = await openSqliteBroker(`sqlite://${file}`, options);
  const handler: ConsumerHandler = {
    deliver: (batch) => batch.forEach(onDeliver),
    malformed: ({ error }) => say(`M ${error.message}`),
    disconnected: (error) => say(`X ${error.message}`),
    connected: () => say('C'),
    fenced: (deliveries) => say(`F ${deliveries.map(idOf).join(' ')}`),
  };
  await broker.consume({ queues: [plainQueue('q')], prefetch, name: `client-${process.pid}@test`, handler });
}

switch (role) {
  case 'publish':
    await publish(Number(process.argv[6] ?? 1e9), Number(process.argv[7] ?? 0));
    break;
  case 'consume': {
    const broker = await openSqliteBroker(`sqlite://${file}`, options);
    const backend = await openSqliteResultBackend(`sqlite://${file}`, { ...options, resultExpires: null });
    const settlement = openSettlement(broker, backend);
    const work = async (delivery: Delivery): Promise<void> => {
      say(`S ${idOf(delivery)} ${delivery.redeliveryCount}`);
      if (extra !== '0') await delay(Math.random() * Number(extra) * 2);
      const settled = await settlement.complete(delivery, resultMeta(idOf(delivery), 'SUCCESS', process.pid));
      say(`${settled === 'settled' ? 'D' : 'f'} ${idOf(delivery)}`);
    };
    await consume((delivery) => void work(delivery), 20);
    break;
  }
  case 'hold': {
    const backend = await openSqliteResultBackend(`sqlite://${file}`, { ...options, resultExpires: null });
    const broker = await openSqliteBroker(`sqlite://${file}`, options);
    const settlement = openSettlement(broker, backend);
    const held: Delivery[] = [];
    await consume((delivery) => {
      held.push(delivery);
      say(`S ${idOf(delivery)} ${delivery.redeliveryCount}`);
    }, 5);
    process.stdin.on('data', () => {
      for (const delivery of held.splice(0)) {
        void settlement
          .complete(delivery, resultMeta(idOf(delivery), 'SUCCESS', 'late'))
          .then((settled) => say(`${settled} ${idOf(delivery)}`));
      }
    });
    break;
  }
  case 'lock': {
    const db = await openSqliteDatabase({ path: file, sync: 'normal' });
    db.run('BEGIN IMMEDIATE');
    say('locked');
    await once(process.stdin, 'data');
    db.run('COMMIT');
    db.close();
    say('unlocked');
    process.stdin.destroy();
    break;
  }
  default:
    throw new Error(`no role ${role}`);
}
