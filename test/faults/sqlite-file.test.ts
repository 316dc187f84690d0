/** What can be wrong with a file, before and while it is used: a clear error for the caller, never a dead worker (M35). */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker.js';
import { openSqliteBroker, SqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { openSqliteDatabase, SqliteStore } from '../../src/connections/sqlite/store.js';
import { SqliteConnection } from '../../src/connections/sqlite.js';
import { BrokerError } from '../../src/errors.js';
import { openSqliteResultBackend } from '../../src/result-backends/sqlite.js';
import { consume, remaining, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, taskMessage, toQueue } from '../contract/messages.js';
import { startProgram } from '../support/child-program.js';
import { eventually } from '../support/eventually.js';
import { IS_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const PROGRAM = 'faults/programs/sqlite-client.ts';
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((one) => one.close()));
});

async function open(path: string, connectTimeoutMs = 30_000): Promise<Broker> {
  const broker = await openSqliteBroker(`sqlite://${path}`, { transportOptions: {}, connectTimeoutMs });
  opened.push(broker);
  return broker;
}

async function failure(call: Promise<unknown>): Promise<BrokerError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  return error as BrokerError;
}

const publish = (broker: Broker): Promise<void> => broker.publish(taskMessage('a'), toQueue('q'));
const mode = (path: string): number => statSync(path).mode & 0o777;

describe('the files', () => {
  test('are for nobody else: folders 0700, files 0600, whatever the umask', async () => {
    const path = join(tmpFolder(), 'new', 'deep', 'ctq.db');
    const before = process.umask(0);
    try {
      const broker = await open(path);
      await consume(broker, ['q'], 1, new DeliveryLog());
      await publish(broker);
      expect([dirname(dirname(path)), dirname(path)].map(mode)).toEqual([0o700, 0o700]);
      expect(['', '-wal', '-shm', '-bell'].map((suffix) => mode(path + suffix))).toEqual([0o600, 0o600, 0o600, 0o600]);
    } finally {
      process.umask(before);
    }
  });

  test('are not looked for through symbolic links', async () => {
    for (const suffix of ['', '-wal', '-shm', '-bell']) {
      const folder = tmpFolder({ 'elsewhere.txt': '' });
      const path = join(folder, 'ctq.db');
      symlinkSync(join(folder, 'elsewhere.txt'), path + suffix);
      const error = await failure(publish(await open(path)));
      expect(error).toMatchObject({ code: 'CTQ_BROKER_REFUSED', message: `${path}${suffix} is a symbolic link` });
      expect(statSync(join(folder, 'elsewhere.txt')).size).toBe(0);
    }
  });
});

describe('a file that is none of ours', () => {
  test('is refused with what it is and what to do, and stays as it was', async () => {
    const folder = tmpFolder({ 'text.db': 'hello '.repeat(1_000), 'plain-file': '' });
    mkdirSync(join(folder, 'folder.db'));
    const foreign = await SqliteConnection.open(join(folder, 'foreign.db'));
    foreign.exec('CREATE TABLE shopping (item TEXT)');
    foreign.close();
    const newer = await openSqliteDatabase({ path: join(folder, 'newer.db'), sync: 'normal' });
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    for (const [file, message] of [
      ['text.db', /is no SQLite database/],
      ['folder.db', /is a folder/],
      ['foreign.db', /is another program's database/],
      ['newer.db', /was made by a newer version of ctq/],
      ['plain-file/ctq.db', /cannot create the folder .*plain-file/],
    ] as const) {
      const error = await failure(publish(await open(join(folder, file))));
      expect(error.message).toMatch(message);
      expect(error.code).toBe('CTQ_BROKER_REFUSED');
      expect(error.hint).toBeTruthy();
    }
    expect(statSync(join(folder, 'text.db')).size).toBe(6_000);
  });

  testUnless(IS_ROOT, 'is refused by permissions', async () => {
    const folder = tmpFolder({ 'ctq.db': '' });
    chmodSync(join(folder, 'ctq.db'), 0o000);
    expect((await failure(publish(await open(join(folder, 'ctq.db'))))).message).toMatch(/permission denied/);
    chmodSync(folder, 0o500);
    expect((await failure(publish(await open(join(folder, 'sub', 'ctq.db'))))).message).toMatch(/permission denied/);
    chmodSync(folder, 0o700);
  });

  test('does not end a consumer: it says what is wrong, and begins when the file is right', async () => {
    const path = join(tmpFolder(), 'ctq.db');
    writeFileSync(path, 'no database '.repeat(200));
    const broker = await open(path);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    await log.until(() => log.disconnections.length >= 2, 'two attempts');
    expect(log.disconnections[0]?.message).toMatch(/is no SQLite database/);
    rmSync(path);
    await log.until(() => log.calls.at(-1) === 'connected', 'connected');
    await publish(broker);
    await log.first(1);
  });

  test('is an error of the result backend too', async () => {
    const folder = tmpFolder({ 'text.db': 'hello '.repeat(1_000) });
    const backend = await openSqliteResultBackend(`sqlite://${folder}/text.db`, {
      transportOptions: {},
      connectTimeoutMs: 30_000,
      resultExpires: null,
    });
    opened.push(backend);
    await expect(backend.load('t')).rejects.toMatchObject({ name: 'ResultBackendError', code: 'CTQ_BACKEND_FAILED' });
    await expect(backend.wait('t', {})).rejects.toMatchObject({ name: 'ResultBackendError' });
  });
});

describe('a full disk', () => {
  test('is an error for the publisher, while what waits is still taken, answered and given results', async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const store = new SqliteStore({ path, sync: 'normal' });
    const broker = new SqliteBroker(store, `sqlite://${path}`, { transportOptions: {}, connectTimeoutMs: 1_000 });
    opened.push(broker);
    await send(broker, 'q', idsOf('m', 200));
    const limit = (pages: string): Promise<void> => store.write((db) => db.exec(`PRAGMA max_page_count = ${pages}`));
    await limit('1');
    const big = { ...taskMessage('big'), body: Buffer.alloc(500_000) };
    const answers = await Promise.allSettled([broker.publish(big, toQueue('q')), broker.publish(big, toQueue('q'))]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'CTQ_BROKER_FAILED', message: `no space left for ${path}` } });
    }
    const log = new DeliveryLog();
    const consumer = await consume(broker, ['q'], 10, log);
    for (let index = 0; index < 200; index += 1) await (await log.nth(index)).ack();
    expect(log.disconnections).toEqual([]);
    await limit('1000000');
    await broker.publish(big, toQueue('q'));
    await (await log.nth(200)).ack();
    await consumer.close();
  });

  test('keeps an answer that could not be written, and writes it when there is room', async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const store = new SqliteStore({ path, sync: 'normal' });
    const broker = new SqliteBroker(store, `sqlite://${path}`, { transportOptions: {}, connectTimeoutMs: 1_000 });
    opened.push(broker);
    await send(broker, 'q', ['a']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    await store.write((db) => db.exec('PRAGMA max_page_count = 1'));
    // A dead letter with a long reason needs new pages.
    const answer = held.reject('x'.repeat(500_000));
    await expect(broker.publish({ ...taskMessage('b'), body: Buffer.alloc(500_000) }, toQueue('q'))).rejects.toThrow('no space left');
    await store.write((db) => db.exec('PRAGMA max_page_count = 1000000'));
    expect(await answer).toBe('settled');
  });
});

describe('a file that another program keeps locked', () => {
  test('delays a patient publisher and is an error for a hasty one; a consumer takes up where it was', { timeout: 90_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const [patient, hasty] = [await open(path, 60_000), await open(path, 300)];
    await publish(patient);
    const log = new DeliveryLog();
    await consume(patient, ['q'], 10, log);
    const [held] = await log.first(1);
    const locker = await startProgram(PROGRAM, ['lock', path], { input: 'open' });
    await locker.waitForOutput(/^locked$/m);
    const waiting = publish(patient);
    const answer = held?.ack();
    const error = await failure(publish(hasty));
    expect(error).toMatchObject({ code: 'CTQ_BROKER_FAILED', message: `another program keeps ${path} locked` });
    locker.write('unlock\n');
    await waiting;
    expect(await answer).toBe('settled');
    await log.first(2);
    expect(log.disconnections).toEqual([]);
  });
});

describe('a file that is deleted while it is used', () => {
  test('is made again; what the consumer held is fenced, and it goes on with the new one', async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const broker = await open(path);
    await send(broker, 'q', ['a', 'b']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    // The file last: whoever sees it gone makes a new one, with a new log.
    for (const suffix of ['-wal', '-shm', '-bell', '']) if (existsSync(path + suffix)) rmSync(path + suffix);
    await log.until(() => log.fencedOnes.length === 1, 'fenced');
    expect(await held.ack()).toBe('fenced');
    const other = await startProgram(PROGRAM, ['publish', path, 'full', 'new', '1']);
    await other.waitForExit();
    await (await log.nth(1)).ack();
    expect(log.ids()).toEqual(['a', 'new-0']);
  });

  test('or moved away and another one put in its place', async () => {
    const folder = tmpFolder();
    const path = join(folder, 'ctq.db');
    const broker = await open(path);
    await send(broker, 'q', ['old']);
    const other = await startProgram(PROGRAM, ['publish', join(folder, 'other.db'), 'full', 'new', '2']);
    await other.waitForExit();
    for (const [from, to] of [
      ['ctq.db', 'away.db'],
      ['other.db', 'ctq.db'],
    ] as const) {
      for (const suffix of ['', '-wal', '-shm']) {
        if (existsSync(join(folder, from + suffix))) renameSync(join(folder, from + suffix), join(folder, to + suffix));
      }
    }
    // Noticed at the next look.
    await eventually(async () => expect(await broker.depth('q')).toBe(2));
    expect(await remaining(broker, 'q')).toEqual(['new-0', 'new-1']);
  });
});
