import { expect, test } from 'vitest';
import { isSoundSqlite, loadSqliteDriver, SqliteConnection } from '../../../src/connections/sqlite.js';

test('only versions without the WAL-reset race are sound', () => {
  const sound = ['3.44.6', '3.44.9', '3.50.7', '3.51.3', '3.53.0', '3.53.4', '3.60.0', '4.0.0'];
  const unsound = ['3.7.0', '3.43.9', '3.44.5', '3.45.1', '3.49.2', '3.50.6', '3.51.2', '3.52.0', '3.52.5', '2.8.17', 'what'];
  expect(sound.filter((version) => !isSoundSqlite(version))).toEqual([]);
  expect(unsound.filter(isSoundSqlite)).toEqual([]);
});

test('the driver that is found is sound, and is looked for once', async () => {
  const driver = await loadSqliteDriver();
  expect(isSoundSqlite(driver.sqliteVersion)).toBe(true);
  expect(await loadSqliteDriver()).toBe(driver);
});

test('a connection counts changes, finds rows, and says undefined where there is none', async () => {
  const db = await SqliteConnection.open(':memory:');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)');
  expect(db.run('INSERT INTO t (word) VALUES (?), (?)', 'a', 'b')).toBe(2);
  expect(db.get('SELECT word FROM t WHERE id = ?', 2)).toEqual({ word: 'b' });
  expect(db.get('SELECT word FROM t WHERE id = ?', 3)).toBeUndefined();
  expect(db.all('SELECT id FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  db.close();
});
