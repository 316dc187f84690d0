import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SqliteLeaseStore } from '../../../../src/brokers/sqlite/lease-store.js';
import { claim, countReady, insertMessage } from '../../../../src/brokers/sqlite/messages.js';
import { ensureOwner } from '../../../../src/brokers/sqlite/owners.js';
import { holdQueue } from '../../../../src/brokers/sqlite/queues.js';
import { openSqliteDatabase } from '../../../../src/connections/sqlite/store.js';
import type { SqliteConnection } from '../../../../src/connections/sqlite.js';
import { tmpFolder } from '../../../support/tmp.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function bench(): Promise<{ db: SqliteConnection; leases: SqliteLeaseStore; path: string }> {
  const path = join(tmpFolder(), 'ctq.db');
  const [db, leases] = [await openSqliteDatabase({ path, sync: 'normal' }), new SqliteLeaseStore(path)];
  open.push(db, leases);
  return { db, leases, path };
}

function give(db: SqliteConnection, uuid: string, count: number): number {
  const owner = ensureOwner(db, { uuid, name: uuid }, Date.now());
  for (let index = 0; index < count; index += 1) insertMessage(db, { queue: 'q', step: 0, envelope: '{}' }, Date.now());
  claim(db, owner, ['q'], count);
  return owner;
}

describe('a beat', () => {
  test('changes with each renewal, and only for its owner', async () => {
    const { db, leases } = await bench();
    give(db, 'a', 1);
    give(db, 'b', 1);
    const before = await leases.beats();
    expect(await leases.renew('a')).toEqual({ lost: [], forgotten: false });
    const after = await leases.beats();
    expect(after.get('a')).not.toBe(before.get('a'));
    expect(after.get('b')).toBe(before.get('b'));
  });

  test('of an owner that is not there is told as forgotten', async () => {
    const { leases } = await bench();
    expect(await leases.renew('nobody')).toEqual({ lost: [], forgotten: true });
    expect([...(await leases.beats())]).toEqual([]);
  });

  test('goes on in the new file when the old one was deleted', async () => {
    const { db, leases, path } = await bench();
    give(db, 'a', 1);
    await leases.renew('a');
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) rmSync(path + suffix);
    expect(await leases.renew('a')).toEqual({ lost: [], forgotten: true });
    const anew = await openSqliteDatabase({ path, sync: 'normal' });
    open.push(anew);
    ensureOwner(anew, { uuid: 'a', name: 'a' }, Date.now());
    expect(await leases.renew('a')).toEqual({ lost: [], forgotten: false });
  });
});

describe('a take-over', () => {
  test('gives back what the dead owner held, counted as redelivered, and forgets the owner', async () => {
    const { db, leases } = await bench();
    give(db, 'dead', 3);
    give(db, 'alive', 2);
    expect(await leases.takeOver('dead', (await leases.beats()).get('dead') as number)).toBe(3);
    expect(countReady(db, 'q')).toBe(3);
    expect(db.all('SELECT DISTINCT redeliveries FROM message WHERE owner IS NULL')).toEqual([{ redeliveries: 1 }]);
    expect([...(await leases.beats()).keys()]).toEqual(['alive']);
  });

  test('does nothing when the owner has beaten since, or was taken over already', async () => {
    const { db, leases } = await bench();
    give(db, 'slow', 1);
    const beat = (await leases.beats()).get('slow') as number;
    await leases.renew('slow');
    expect(await leases.takeOver('slow', beat)).toBe(0);
    expect(await leases.takeOver('slow', beat + 1)).toBe(1);
    expect(await leases.takeOver('slow', beat + 1)).toBe(0);
    expect(await leases.takeOver('nobody', 0)).toBe(0);
  });
});

describe('keeping house', () => {
  test('makes due messages ready in the order of their dates, before all others, and says when the next is due', async () => {
    const { db, leases } = await bench();
    const now = Date.now();
    for (const [id, dueAt] of [
      [1, null],
      [2, now - 10],
      [3, now - 20],
      [4, now + 60_000],
    ] as const) {
      db.run("INSERT INTO message (id, queue, step, published_at, due_at, envelope) VALUES (?, 'q', 0, 0, ?, '{}')", id, dueAt);
    }
    const { restored, nextDueInMs } = await leases.housekeep();
    expect(restored).toBe(2);
    expect(nextDueInMs).toBeGreaterThan(55_000);
    expect(nextDueInMs).toBeLessThanOrEqual(60_000);
    expect(claim(db, 1, ['q'], 10).map(({ id }) => id)).toEqual([3, 2, 1]);
    expect((await leases.housekeep()).restored).toBe(0);
  });

  test('removes expired results and the queues of listeners that are gone', async () => {
    const { db, leases } = await bench();
    db.run("INSERT INTO result (task_id, status, expires_at, meta) VALUES ('old', 'SUCCESS', 1, ''), ('new', 'SUCCESS', NULL, '')");
    const exchange = { name: 'celery.pidbox', type: 'fanout' } as const;
    holdQueue(db, { name: 'gone', exchange, routingKey: '' }, 'x', Date.now() - 61_000);
    holdQueue(db, { name: 'here', exchange, routingKey: '' }, 'y', Date.now());
    insertMessage(db, { queue: 'gone', step: 0, envelope: '{}' }, 0);
    await leases.housekeep();
    expect(db.all('SELECT task_id FROM result')).toEqual([{ task_id: 'new' }]);
    expect(db.all('SELECT name FROM queue')).toEqual([{ name: 'here' }]);
    expect(db.all('SELECT queue FROM binding')).toEqual([{ queue: 'here' }]);
    expect(db.all('SELECT id FROM message')).toEqual([]);
  });
});
