/** What an operator's desk of keys and tasks promises, on every engine that has one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Estate } from '../../src/estate/estate.js';
import type { KeyReport } from '../../src/estate/keys.js';
import { adoptScript, dropBindingsScript, dropKeysScript } from '../../src/estates/redis/key-scripts.js';
import { Ctq } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { redisCommands } from '../support/resp.js';
import { tmpFolder } from '../support/tmp.js';

describeWith('redis', 'keys on Redis', () => {
  const redis = forSuite(startRedis);
  suite(async () => {
    await redis().command('FLUSHALL');
    return redis().url;
  });
});
describe('keys in an SQLite file', () => suite(async () => `sqlite:///${tmpFolder()}/ctq.db`));

async function allKeys(estate: Estate, query: Parameters<Estate['keys']['scan']>[0] = {}): Promise<KeyReport[]> {
  const all: KeyReport[] = [];
  for await (const page of estate.keys.scan(query)) all.push(...page);
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function open(url: string): Promise<{ readonly app: Ctq; readonly estate: Estate }> {
  const app = new Ctq('desk', { brokerUrl: url, resultBackend: url });
  const [estate, ...others] = await app.estates();
  if (estate === undefined || others.length > 0) throw new Error('one estate was expected');
  return { app, estate };
}

function suite(place: () => Promise<string>): void {
  let app: Ctq;
  let estate: Estate;

  beforeEach(async () => ({ app, estate } = await open(await place())));
  afterEach(() => app.close());

  const look = { signal: new AbortController().signal };

  it('are none where nothing is', async () => {
    expect(await allKeys(estate)).toEqual([]);
    expect(await estate.keys.show('celery', { offset: 0, limit: 10 })).toBeUndefined();
  });

  it('are named for what they are, with the same names everywhere', async () => {
    await app.sendTask('tasks.add', [1, 2], { queue: 'mail' });
    await app.sendTask('tasks.add', [1, 2], { queue: 'mail', priority: 6 });
    await app.sendTask('tasks.add', [1, 2], { queue: 'mail', priority: 6 });
    await (await app.backend()).store({ taskId: 'an-id', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    await (await app.backend()).chords?.setSize('a-group', 2);
    const keys = await allKeys(estate);
    expect(keys.map(({ name, kind, members }) => [name, kind, members])).toEqual(
      expect.arrayContaining([
        ['mail', 'queue', 1],
        ['mail\x06\x166', 'queue', 2],
        ['celery-task-meta-an-id', 'result', undefined],
      ]),
    );
    expect(keys.find(({ name }) => name === 'mail\x06\x166')?.about).toBe('queue mail, priority 6');
    expect(keys.find(({ kind }) => kind === 'chord')?.name).toMatch(/^celery-taskset-meta-a-group\./);
    expect(keys.find(({ kind }) => kind === 'result')?.ttlMs).toBeGreaterThan(86_000_000);
    expect(keys.filter(({ kind }) => kind === 'unknown')).toEqual([]);
    expect(keys.filter(({ orphan }) => orphan !== undefined)).toEqual([]);
  });

  it('are chosen by pattern and by kind', async () => {
    for (const queue of ['mail', 'mail.slow', 'video']) await app.sendTask('tasks.add', [], { queue });
    expect((await allKeys(estate, { pattern: 'mail*', kinds: ['queue'] })).map(({ name }) => name)).toEqual(['mail', 'mail.slow']);
    expect((await allKeys(estate, { pattern: '[mv]*o' })).map(({ name }) => name)).toEqual(['video']);
  });

  it('show messages in the order in which they are taken, a page at a time', async () => {
    for (const id of ['a', 'b', 'c']) await app.sendTask('tasks.add', [id], { taskId: id });
    const page = await estate.keys.show('celery', { offset: 1, limit: 1 });
    expect(page).toMatchObject({ kind: 'queue', members: 3, more: true, entries: [{ name: '1', value: { id: 'b', args: ['b'] } }] });
    expect(await estate.keys.show('celery', { offset: 2, limit: 5 })).toMatchObject({ more: false, entries: [{ name: '2' }] });
  });

  it('show a result field by field', async () => {
    await (await app.backend()).store({ taskId: 'an-id', status: 'SUCCESS', result: [1], traceback: null, children: [], dateDone: null });
    const shown = await estate.keys.show('celery-task-meta-an-id', { offset: 0, limit: 1 });
    expect(shown?.entries).toEqual(
      expect.arrayContaining([
        { name: 'status', value: 'SUCCESS' },
        { name: 'result', value: [1] },
      ]),
    );
  });

  it('that are results for ever are orphans, and go only while they are', async () => {
    const forEver = new Ctq('desk', { brokerUrl: estate.displayUrl, resultBackend: estate.displayUrl, resultExpires: 0 });
    for (const taskId of ['one', 'two']) {
      await (await forEver.backend()).store({ taskId, status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    }
    const orphans = (await allKeys(estate)).filter(({ orphan }) => orphan?.reason === 'result without expiry');
    expect(orphans.map(({ name }) => name)).toEqual(['celery-task-meta-one', 'celery-task-meta-two']);
    // Somebody stores it again, and now it expires.
    await (await app.backend()).forget('one');
    await (await app.backend()).store({ taskId: 'one', status: 'SUCCESS', result: 2, traceback: null, children: [], dateDone: null });
    expect(await estate.keys.removeOrphans(orphans)).toBe(1);
    expect((await allKeys(estate, { kinds: ['result'] })).map(({ name }) => name)).toEqual(['celery-task-meta-one']);
    await forEver.close();
  });

  it('that a chord counts with are no orphans where results are for ever: it may be at work', async () => {
    const forEver = new Ctq('desk', { brokerUrl: estate.displayUrl, resultBackend: estate.displayUrl, resultExpires: 0 });
    const { chords } = await forEver.backend();
    await chords?.setSize('a-group', 2);
    await chords?.report({ groupId: 'a-group', taskId: 'part', groupIndex: 0, status: 'SUCCESS', result: 1 });
    const counters = await allKeys(estate, { kinds: ['chord'] });
    expect(counters.length).toBeGreaterThan(0);
    expect(counters.filter(({ ttlMs, orphan }) => ttlMs !== undefined || orphan !== undefined)).toEqual([]);
    await forEver.close();
  });

  it('a task is found where it waits, by the beginning of its id too', async () => {
    for (const id of ['abc-1', 'abd-2', 'xyz-3']) await app.sendTask('tasks.add', [id], { taskId: id, priority: 3 });
    expect(await estate.tasks.complete('ab', 10, look)).toHaveLength(2);
    expect(await estate.tasks.complete('abd', 10, look)).toEqual(['abd-2']);
    const found = await estate.tasks.search('abd-2', look);
    expect(found.ready).toMatchObject([{ queue: 'celery', priority: 3, place: 'ready', position: 1, among: 3 }]);
    expect(await estate.tasks.search('abd', look)).toMatchObject({ ready: [], deadLetters: [], searched: 3, total: 3 });
    expect(await estate.tasks.look('abd-2')).toMatchObject({ held: [], revoked: false, result: undefined });
  });

  it('a task is found in the hands of a worker, with who has it, and where it waits for its time', async () => {
    const worker = new Ctq('worker', { brokerUrl: estate.displayUrl, resultBackend: estate.displayUrl });
    let finish = (): void => {};
    worker.task('tasks.wait', () => new Promise<void>((resolve) => (finish = resolve)));
    const running = await worker.worker({ concurrency: 2, hostname: 'one@here' });
    const ended = running.start();
    await app.sendTask('tasks.wait', [], { taskId: 'held' });
    await app.sendTask('tasks.wait', [], { taskId: 'later', countdown: 600 });
    await eventually(async () => (await estate.tasks.look('held')).held.length === 1);
    await eventually(async () => (await estate.tasks.look('later')).held[0]?.place === 'delayed');
    // A consumer tells its name with its first beat.
    await eventually(async () => {
      expect((await estate.tasks.look('held')).held).toMatchObject([{ place: 'unacked', queue: 'celery', owner: 'one@here' }]);
    });
    const [later] = (await estate.tasks.look('later')).held;
    expect(later?.dueAtMs).toBeGreaterThan(Date.now() + 500_000);
    expect(await estate.tasks.complete('hel', 5, look)).toEqual(['held']);
    finish();
    await running.stop('cold');
    await ended;
    await worker.close();
  });

  it('a search that is stopped says how far it came', async () => {
    for (const id of ['a', 'b']) await app.sendTask('tasks.add', [id], { taskId: id });
    expect(await estate.tasks.search('c', look)).toMatchObject({ searched: 2, total: 2 });
    const stopped = await estate.tasks.search('a', { signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ ready: [], searched: 0, total: 2 });
  });

  it('a chord is counted', async () => {
    const { chords } = await app.backend();
    expect(await estate.tasks.chord('a-group')).toBeUndefined();
    await chords?.setSize('a-group', 3);
    await chords?.report({ groupId: 'a-group', taskId: 'part', groupIndex: 0, status: 'SUCCESS', result: 1 });
    expect(await estate.tasks.chord('a-group')).toEqual({ groupId: 'a-group', done: 1, size: 3 });
  });
}

describeWith('redis', 'orphans on Redis', () => {
  const server = forSuite(startRedis);
  let app: Ctq;
  let estate: Estate;
  const reply = '{"body": "e30=", "headers": {}, "properties": {"body_encoding": "base64"}, "content-type": "application/json"}';
  const listOf = (oid: string): string => `${oid}.reply.celery.pidbox`;
  const bindingOf = (oid: string): string => [oid, '', listOf(oid)].join('\x06\x16');
  const REPLIES = '_kombu.binding.reply.celery.pidbox';

  beforeEach(async () => {
    await server().command('FLUSHALL');
    ({ app, estate } = await open(server().url));
  });
  afterEach(() => app.close());

  /** As if nobody had touched it for so long. */
  async function age(key: string, seconds: number): Promise<void> {
    const lua = "return redis.call('RESTORE', KEYS[1], 0, redis.call('DUMP', KEYS[1]), 'REPLACE', 'IDLETIME', ARGV[1])";
    await server().command('EVAL', lua, 1, key, seconds);
  }

  const orphans = async (): Promise<KeyReport[]> => (await allKeys(estate)).filter(({ orphan }) => orphan !== undefined);

  it('are replies that have lain for a minute, and looking does not make them young', async () => {
    for (const oid of ['gone', 'fresh']) {
      await server().command('LPUSH', listOf(oid), reply);
      await server().command('SADD', REPLIES, bindingOf(oid));
    }
    // Somebody waits for a list, as every worker does: who has no list may be about to get one.
    const busy = redisCommands(server().port, [['BLPOP', 'elsewhere', 0]], 60_000);
    await eventually(async () => String(await server().command('INFO', 'clients')).includes('blocked_clients:1'));
    await server().command('SADD', REPLIES, bindingOf('waiting'));
    await age(listOf('gone'), 100);
    await age(listOf('fresh'), 30);
    for (let times = 0; times < 3; times += 1) {
      expect((await orphans()).map(({ name, orphan }) => [name, orphan?.count])).toEqual([
        [REPLIES, 1],
        [listOf('gone'), 1],
      ]);
    }
    expect(await estate.keys.removeOrphans(await orphans())).toBe(2);
    expect(await server().command('EXISTS', listOf('gone'), listOf('fresh'))).toBe(1);
    expect(((await server().command('SMEMBERS', REPLIES)) as string[]).sort()).toEqual([bindingOf('fresh'), bindingOf('waiting')]);
    await server().command('LPUSH', 'elsewhere', 'x');
    await busy;
  });

  it('are bindings to no list when nobody waits for any, and of mailboxes when nobody listens', async () => {
    await server().command('SADD', REPLIES, bindingOf('gone'));
    await server().command('SADD', '_kombu.binding.celery.pidbox', ['', '', 'celery@gone.celery.pidbox'].join('\x06\x16'));
    await server().command('SADD', '_kombu.binding.mail', ['mail', '', 'mail'].join('\x06\x16'));
    expect((await orphans()).map(({ name }) => name)).toEqual(['_kombu.binding.celery.pidbox', REPLIES]);
    expect(await estate.keys.removeOrphans(await orphans())).toBe(2);
    // An empty queue has no key, and its binding is nobody's orphan.
    expect(await server().command('KEYS', '*')).toEqual(['_kombu.binding.mail']);
  });

  it('lose what somebody took up again since', async () => {
    await server().command('LPUSH', listOf('back'), reply);
    await server().command('SADD', REPLIES, bindingOf('back'));
    await age(listOf('back'), 100);
    const found = await orphans();
    expect(found).toHaveLength(2);
    await server().command('LPUSH', listOf('back'), reply);
    expect(await estate.keys.removeOrphans(found)).toBe(0);
    expect(await server().command('EXISTS', listOf('back'), REPLIES)).toBe(2);
  });

  it('are looked at once more in the step that removes them', async () => {
    // Somebody came back between our last look and the removal.
    await server().command('LPUSH', listOf('back'), reply);
    await server().command('SADD', REPLIES, bindingOf('back'));
    await server().command('SET', 'celery-task-meta-an-id', '{}', 'EX', 100);
    await server().command('HSET', 'unacked', 'tag', '[{}, "", "mail"]');
    await server().command('ZADD', 'unacked_index', 1234, 'tag');
    const dropBinding = ['EVAL', dropBindingsScript.lua, 2, REPLIES, listOf('back'), 'readers', '', 60, bindingOf('back')];
    expect(await server().command(...dropBinding)).toBe(0);
    expect(await server().command('EVAL', dropKeysScript.lua, 1, listOf('back'), 'idle', 60)).toBe(0);
    expect(await server().command('EVAL', dropKeysScript.lua, 1, 'celery-task-meta-an-id', 'no expiry')).toBe(0);
    expect(await server().command('EVAL', adoptScript.lua, 2, 'unacked', 'unacked_index', 'tag', 'acknowledged')).toBe(0);
    expect(await server().command('ZRANGE', 'unacked_index', 0, -1, 'WITHSCORES')).toEqual(['tag', '1234']);
    expect(await server().command('DBSIZE')).toBe(5);
  });

  it('are told without commands that a careful administrator refuses', async () => {
    await server().command('SET', 'celery-task-meta-an-id', '{}');
    await server().command('LPUSH', listOf('gone'), reply);
    await age(listOf('gone'), 100);
    await server().command('ACL', 'SETUSER', 'looker', 'on', '>secret', '~*', '&*', '+@all', '-memory', '-object', '-client');
    const careful = await open(server().url.replace('redis://', 'redis://looker:secret@'));
    const keys = await allKeys(careful.estate);
    expect(keys.map(({ kind, bytes, orphan }) => [kind, bytes, orphan?.reason])).toEqual([
      ['result', undefined, 'result without expiry'],
      ['reply queue', undefined, undefined],
    ]);
    expect((await careful.estate.tasks.look('an-id')).result?.status).toBe('UNREADABLE');
    await careful.app.close();
  });

  it('are not told apart, and nothing is hidden, for a user that may only read', async () => {
    await server().command('SET', 'celery-task-meta-an-id', '{}');
    await server().command('SADD', REPLIES, bindingOf('gone'));
    await server().command('LPUSH', 'mail', reply);
    await server().command('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@read', '+@connection', '+eval', '+evalsha');
    const reader = await open(server().url.replace('redis://', 'redis://reader:secret@'));
    const keys = await allKeys(reader.estate);
    expect(keys.map(({ kind }) => kind).sort()).toEqual(['binding', 'queue', 'result']);
    expect(keys.find(({ kind }) => kind === 'binding')?.orphan).toBeUndefined();
    expect((await reader.estate.queues.report(['mail'])).map(({ ready }) => ready)).toEqual([1]);
    expect(await reader.estate.messages.aside()).toEqual([]);
    await reader.app.close();
  });

  it('that are deliveries without owner go back to their queue, and are not lost', async () => {
    const message = reply.replace('"headers": {}', '"headers": {"id": "lost", "task": "tasks.add"}');
    await server().command('HSET', 'unacked', 'tag-1', `[${message}, "", "mail"]`);
    await server().command('HSET', 'unacked', 'tag-2', `[${message}, "", "mail"]`);
    await server().command('ZADD', 'unacked_index', Math.floor(Date.now() / 1000), 'tag-2');
    const found = await orphans();
    expect(found).toMatchObject([{ name: 'unacked', orphan: { reason: 'unacked without owner', count: 1 } }]);
    expect(await estate.keys.removeOrphans(found)).toBe(1);
    const worker = new Ctq('worker', { brokerUrl: server().url, taskDefaultQueue: 'elsewhere' });
    const running = await worker.worker({ concurrency: 1 });
    const ended = running.start();
    await eventually(async () => Number(await server().command('LLEN', 'mail')) === 1);
    expect(await server().command('HKEYS', 'unacked')).toEqual(['tag-2']);
    await running.stop('cold');
    await ended;
    await worker.close();
  });
});

describeWith('redis', 'estates with prefixes, and of two places', () => {
  const server = forSuite(startRedis);
  beforeEach(async () => void (await server().command('FLUSHALL')));

  it('name and find what is theirs under both prefixes', async () => {
    const app = new Ctq('prefixed', {
      ...{ brokerUrl: server().url, resultBackend: server().url },
      brokerTransportOptions: { global_keyprefix: 'app1:' },
      resultBackendTransportOptions: { global_keyprefix: 'results' },
    });
    const other = new Ctq('other', { brokerUrl: server().url });
    await app.sendTask('tasks.add', [1], { taskId: 'mine', priority: 6 });
    await other.sendTask('tasks.add', [1], { taskId: 'theirs' });
    await (await app.backend()).store({ taskId: 'done', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    const [estate] = await app.estates();
    if (estate === undefined) throw new Error('no estate');
    const keys = (await allKeys(estate)).filter(({ name }) => !name.includes('ctq:ledger:'));
    expect(keys.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      ...['_kombu.binding.celery unknown', 'app1:_kombu.binding.celery binding', 'app1:celery\x06\x166 queue'],
      ...['celery unknown', 'results_celery-task-meta-done result'],
    ]);
    expect(keys.find(({ name }) => name === 'celery')?.about).toBe('not under the prefix app1:');
    const look = { signal: new AbortController().signal };
    expect((await estate.tasks.search('mine', look)).ready).toMatchObject([{ queue: 'celery', priority: 6 }]);
    expect((await estate.tasks.search('theirs', look)).ready).toEqual([]);
    expect(await estate.tasks.complete('do', 5, look)).toEqual(['done']);
    await Promise.all([app.close(), other.close()]);
  });

  it('are one where the URLs mean one place, and two where they do not', async () => {
    const same = new Ctq('same', {
      brokerUrl: server().url,
      resultBackend: server().url.replace('127.0.0.1', 'localhost').replace('/0', ''),
    });
    expect((await same.estates()).map(({ parts }) => parts)).toEqual([['broker', 'result backend']]);
    const apart = new Ctq('apart', { brokerUrl: server().url, resultBackend: server().urlOf(1) });
    expect((await apart.estates()).map(({ parts }) => parts)).toEqual([['broker'], ['result backend']]);
    await Promise.all([same.close(), apart.close()]);
  });
});
