import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, it, vi } from 'vitest';
import { startLeases } from '../../../src/brokers/leases.js';
import { openSqliteBroker } from '../../../src/brokers/sqlite/broker.js';
import { openSqliteDatabase } from '../../../src/connections/sqlite/store.js';
import { plainQueue } from '../../contract/messages.js';
import { FakeClock } from '../../support/fake-clock.js';
import { tmpFolder } from '../../support/tmp.js';

it('the thread of an SQLite file is never ended in the middle of a call: it is waited for', async () => {
  const path = join(tmpFolder(), 'ctq.db');
  const broker = await openSqliteBroker(`sqlite://${path}`, { transportOptions: {}, connectTimeoutMs: 5_000 });
  await broker.declare(plainQueue('q'));
  const terminate = vi.spyOn(Worker.prototype, 'terminate');
  let heard = (): void => {};
  const beaten = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const ignore = (): void => {};
  const clock = new FakeClock();
  const leases = startLeases(
    { engine: 'sqlite', store: { path }, ownerId: 'me', about: { node: 'me@test', counts: [] } },
    { renewed: () => heard(), lost: ignore, forgotten: () => heard(), tookOver: ignore, paused: ignore, problem: ignore },
    clock,
  );
  await beaten;
  const other = await openSqliteDatabase({ path, sync: 'normal' });
  other.exec('BEGIN IMMEDIATE');
  // The next round begins, and finds the file locked.
  await delay(1_100);
  const stopping = leases.stop();
  await clock.advance(5_000);
  other.exec('ROLLBACK');
  await stopping;
  expect(terminate).not.toHaveBeenCalled();
  other.close();
  await broker.close();
});
