/** Keys that nobody foresaw: whatever lies in a database, it is listed, shown and searched without harm. */
import { beforeAll, expect, test } from 'vitest';
import { runCtq } from '../support/ctq-process.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
const huge = `{"body": "${'A'.repeat(20_000_000)}", "headers": {"id": "huge", "task": "t"}, "properties": {"body_encoding": "base64"}, "content-type": "application/json"}`;

const STRANGE: readonly (readonly (string | number | Uint8Array)[])[] = [
  ['XADD', 'stream', '*', 'a', 1],
  ['SET', 'weird\nname\u001b[31m\u202e', 'v'],
  ['SET', bytes(0x62, 0xff, 0xfe), 'not UTF-8'],
  ['LPUSH', 'sessions', 'a', 'b'],
  ['LPUSH', 'mail', '{"body": 5}', bytes(0xff, 0xfe, 0x00), 'no message'],
  ['SADD', '_kombu.binding.mail', 'mail\x06\x16\x06\x16mail', 'no separators', ''],
  ['LPUSH', 'huge', huge],
  ['HSET', 'unacked', 't1', 'nonsense', 't2', '[1,2', 't3', '[{"body": "x"}, 5, null]', 't4', bytes(0xff), 't5', '[{}, "", ""]'],
  ['SET', 'unacked_index', 'no sorted set'],
  ['SET', 'celery-task-meta-pickled', bytes(0x80, 0x04, 0x4e, 0x2e)],
  ['SET', 'celery-task-meta-cut', '{"status": "SUCC'],
  ['SET', 'celery-task-meta-', 'no id'],
  ['LPUSH', 'celery-task-meta-list', 'a result that is a list'],
  ['ZADD', 'celery-taskset-meta-g.j', 0, 'no member'],
  ['SET', 'celery-taskset-meta-g.s', 'many'],
  ['LPUSH', 'ctq:dead:mail', 'no line feed', '{}\n{cut'],
  ['SET', 'ctq:parked', 'no sorted set'],
  ['HSET', 'ctq:something:new', 'a', 'b'],
];

describeWith('redis', 'a database full of strange things', () => {
  const redis = forSuite(startRedis);
  const folder = tmpFolder();
  const ctq = (...argv: readonly string[]): ReturnType<typeof runCtq> => runCtq([...argv, '-b', redis().url], { cwd: folder });

  beforeAll(async () => {
    for (const command of STRANGE) await redis().command(...command);
  });
  test('is listed key by key, none left out', async () => {
    const { code, stdout, stderr } = await ctq('keys', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const { total, keys } = JSON.parse(stdout) as { total: { keys: number }; keys: { name: string; kind: string }[] };
    expect(total.keys).toBe(Number(await redis().command('DBSIZE')));
    const kinds = new Map(keys.map(({ name, kind }) => [name, kind]));
    // A queue by its binding, although what lies in it is no message.
    expect([kinds.get('mail'), kinds.get('huge'), kinds.get('sessions'), kinds.get('stream')]).toEqual([
      'queue',
      'queue',
      'unknown',
      'unknown',
    ]);
  });

  test('is printed without anything that moves a cursor', async () => {
    for (const argv of [['keys'], ['keys', 'show', 'weird\\x0aname\\x1b[31m\\u202e']]) {
      const { code, stdout } = await ctq(...argv);
      expect(code).toBe(0);
      expect(stdout).toContain('weird\\nname\\x1b[31m\\u202e');
      expect(stdout).not.toMatch(/[\u001b\u202e]/);
    }
  });

  test('is shown, whatever it is', { timeout: 60_000 }, async () => {
    const names = STRANGE.flatMap(([, name]) => (typeof name === 'string' ? [name] : []));
    for (const name of new Set(names)) {
      const { code, stdout, stderr } = await ctq('keys', 'show', name, '--json');
      expect([name, code, stderr]).toEqual([name, 0, '']);
      expect(JSON.parse(stdout)).toMatchObject({ name });
    }
  });

  test('is searched', { timeout: 60_000 }, async () => {
    expect(JSON.parse((await ctq('find', 'huge', '--json')).stdout)).toMatchObject({
      where: 'queued',
      task: 't',
      places: [{ queue: 'huge' }],
    });
    for (const id of ['pickled', 'cut']) {
      const { code, stdout } = await ctq('find', id);
      expect([code, stdout]).toEqual([0, expect.stringContaining('there is a result, which is no JSON')]);
    }
    expect((await ctq('find', 'nix')).code).toBe(1);
    expect((await ctq('find', '*')).code).toBe(1);
  });

  test('has orphans that are told and nothing that breaks the telling', async () => {
    const { code, stderr } = await ctq('keys', 'clean', '--orphans', '--dry-run');
    expect([code, stderr]).toEqual([0, 'ctq: nothing was removed: --dry-run\n']);
  });
});
