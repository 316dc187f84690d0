/** Several processes on one SQLite file. */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { openSqliteResultBackend } from '../../src/result-backends/sqlite.js';
import { taskMessage, toQueue } from '../contract/messages.js';
import { startProgram } from '../support/child-program.js';
import { eventually } from '../support/eventually.js';
import { tmpFolder } from '../support/tmp.js';

const PROGRAM = 'faults/programs/sqlite-client.ts';
const options = { transportOptions: {}, connectTimeoutMs: 30_000 };
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((one) => one.close()));
});

describe('a send', () => {
  test('wakes an idle consumer of another process, and its result the sender, within 50 ms each', { timeout: 60_000 }, async () => {
    const url = `sqlite://${join(tmpFolder(), 'ctq.db')}`;
    const consumer = await startProgram(PROGRAM, ['consume', url.slice('sqlite://'.length), 'full', '0']);
    await consumer.waitForOutput(/^C$/m);
    const broker = await openSqliteBroker(url, options);
    const backend = await openSqliteResultBackend(url, { ...options, resultExpires: null });
    opened.push(broker, backend);
    const thereAndBackMs: number[] = [];
    for (let round = 0; round < 40; round += 1) {
      const id = `t${round}`;
      const waiting = backend.wait(id, {});
      const startMs = performance.now();
      await broker.publish(taskMessage(id), toQueue('q'));
      await waiting;
      thereAndBackMs.push(performance.now() - startMs);
    }
    thereAndBackMs.sort((a, b) => a - b);
    // Two ways; who is not woken looks every quarter of a second, and meets the one in twelve of these at most. During some the machine
    // may have stood still, and one that missed its ring is found by the slow look of each side.
    expect(thereAndBackMs[Math.floor(thereAndBackMs.length * 0.4)]).toBeLessThan(2 * 50);
    await consumer.kill();
  });
});

describe('four publishers and three consumers', () => {
  test('neither lose nor double anything, and the consumers share it', { timeout: 180_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const consumers = await Promise.all([1, 2, 3].map(() => startProgram(PROGRAM, ['consume', path, 'normal', '1'])));
    for (const consumer of consumers) await consumer.waitForOutput(/^C$/m);
    const publishers = await Promise.all([1, 2, 3, 4].map((n) => startProgram(PROGRAM, ['publish', path, 'normal', `p${n}`, '500'])));
    for (const publisher of publishers) await publisher.waitForExit(60_000);
    const backend = await openSqliteResultBackend(`sqlite://${path}`, { ...options, resultExpires: null });
    opened.push(backend);
    const ids = [1, 2, 3, 4].flatMap((n) => Array.from({ length: 500 }, (_, index) => `p${n}-${index}`));
    await Promise.all(ids.map((id) => backend.wait(id, { signal: AbortSignal.timeout(60_000) })));
    const started = (): string[][] => consumers.map(({ stdout }) => [...stdout.matchAll(/^S (\S+)/gm)].map((match) => match[1] as string));
    // What they said may still be on its way to us.
    await eventually(() => expect(started().flat().sort()).toEqual(ids.sort()));
    // One of them may have stood still.
    expect(started().filter(({ length }) => length > 0).length).toBeGreaterThanOrEqual(2);
    await Promise.all(consumers.map((consumer) => consumer.kill()));
  });
});
