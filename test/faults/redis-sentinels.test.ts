/** Three servers, three sentinels, a worker at work: the master dies, and later another one freezes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import type { RedisServer } from '../support/redis-server.js';
import { startRedisSentinels } from '../support/redis-sentinels.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { Ledger } from './operations/ledger.js';

/** A sentinel that stood still for two seconds trusts nobody for thirty (its "tilt" mode). */
const FAIL_OVER_MS = 60_000;
/** From the sentinels' word to something that was sent after the master's end and has begun. */
const FOLLOWS_WITHIN_MS = 15_000;

/** Replication is asynchronous: what a replica has not got when its master dies is lost to everybody. */
async function replicated(master: RedisServer, replicas: number): Promise<void> {
  const [, , acknowledged] = await master.commands([
    ['SELECT', 1],
    ['INCR', 'probe'],
    ['WAIT', replicas, 10_000],
  ]);
  expect(acknowledged).toBe(replicas);
}

describeWith('redis', 'a worker behind three sentinels', () => {
  test('follows the new master within 15 s when the old one is killed and when the next one freezes, and loses nothing', {
    timeout: 300_000,
  }, async () => {
    const sentinels = await startRedisSentinels({ count: 3, password: 'p@ss/w', sentinelPassword: 'watch' });
    const marks = tmpFolder();
    const config = join(marks, 'settings.json');
    const settings = {
      ...{ broker_url: sentinels.url, broker_transport_options: sentinels.transportOptions },
      ...{ result_backend: sentinels.url, result_backend_transport_options: sentinels.transportOptions },
    };
    writeFileSync(config, JSON.stringify(settings));
    const app = new Ctq('client', settings);
    app.configure({ layers: [], baseFolder: marks, connectTimeoutMs: FAIL_OVER_MS + FOLLOWS_WITHIN_MS });
    const ledger = new Ledger(marks);
    const send = async (round: string, count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        ledger.sent(`${round}-${index}`);
        await app.sendTask('tasks.late', [`${round}-${index}`, 0.05]).published;
      }
    };
    const worker = await startCtqWorker({ broker: sentinels.url, args: ['--config', config], env: { CTQ_TEST_MARKS: marks } });
    try {
      for (const [end, replicas] of [
        ['kill', 2],
        ['freeze', 1],
      ] as const) {
        const old = await eventually(() => sentinels.master());
        await send(`before-${end}`, 60);
        await replicated(old, replicas);
        await eventually(() => ledger.begun(`before-${end}-5`) > 0);
        await old[end]();
        const sending = send(`after-${end}`, 5);
        await eventually(async () => expect((await sentinels.master()).port).not.toBe(old.port), { timeoutMs: FAIL_OVER_MS });
        await eventually(() => ledger.begun(`after-${end}-0`) > 0, { timeoutMs: FOLLOWS_WITHIN_MS });
        await sending;
        await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 60_000, intervalMs: 100 });
      }
      expect(worker.output).not.toContain('p@ss');
      expect((await worker.stop('SIGTERM')).code).toBe(0);
    } finally {
      await app.close();
      await worker.kill();
      await sentinels.stop();
    }
  });
});
