/**
 * The keys of chords on Redis, against recordings of Celery half-way through chords and at their end
 * (test/captures/chord-keys-*.json): written by the store, read by it, and left by the same calls here.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chain, chord, Ctq, group, Ignore, signature, type AnySignature } from '../../src/index.js';
import { parseJson } from '../../src/protocol/kombu-json.js';
import type { ResultTree } from '../../src/protocol/result-meta.js';
import type { ChordPart, ChordStore } from '../../src/result-backend.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { CELERY_VERSIONS, type CapturedKey, captureText } from '../support/captures.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import type { Reply } from '../support/resp.js';

type Key = CapturedKey & { readonly key: string; readonly ttl: number };
type Members = readonly (string | readonly [member: string, score: number])[];

interface Recording {
  readonly what: string;
  readonly call: string;
  readonly redis: readonly Key[];
  readonly midway?: readonly { readonly redis: readonly Key[]; readonly after_seconds: number }[];
}

const recordings = Object.fromEntries(
  CELERY_VERSIONS.map((version) => [version, JSON.parse(captureText(`chord-keys-${version}.json`)) as readonly Recording[]]),
) as Record<(typeof CELERY_VERSIONS)[number], readonly Recording[]>;

/** That of the suite that runs. */
let redis: RedisServer;

/** The answers of a database to some commands. */
async function ask(database: number, ...commands: readonly (readonly (string | number)[])[]): Promise<Reply[]> {
  return (await redis.commands([['SELECT', database], ...commands])).slice(1);
}

/** What there is of groups and chords, as the recordings write it. */
async function keysOf(database: number): Promise<Key[]> {
  const [names] = await ask(database, ['KEYS', '*taskset-meta*']);
  const keys: Key[] = [];
  for (const key of (names as string[]).sort()) {
    const [type, ttl] = (await ask(database, ['TYPE', key], ['TTL', key])) as [string, number];
    const words = { string: ['GET', key], list: ['LRANGE', key, 0, -1], zset: ['ZRANGE', key, 0, -1, 'WITHSCORES'] }[type] as string[];
    const [value] = await ask(database, words);
    keys.push({ key, type, ttl, value: type === 'zset' ? inPairs(value as string[]) : value });
  }
  return keys;
}

function inPairs(flat: readonly string[]): Members {
  return flat.flatMap((member, at) => (at % 2 === 0 ? [[member, Number(flat[at + 1])] as const] : []));
}

const ofChords = (keys: readonly Key[]): Key[] => keys.filter(({ key }) => key.includes('taskset-meta')).sort(byKey);
const byKey = (a: Key, b: Key): number => (a.key < b.key ? -1 : 1);
/** Spaces within values are ours to choose. */
const withoutTtl = (keys: readonly Key[]): object[] => keys.map(({ key, type, value }) => ({ key, type, value: read(value) }));

function read(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(read);
  return typeof value === 'string' ? parseJson(value) : value;
}

describeWith('redis', 'the keys of chords', () => {
  const server = forSuite(startRedis);
  beforeAll(() => {
    redis = server();
  });

  const snapshots = CELERY_VERSIONS.flatMap((version) =>
    recordings[version].flatMap(({ what, redis: end, midway = [] }) => {
      // 5.2 does not know the setting.
      const prefix =
        version === '5.2' ? undefined : { 'result global_keyprefix': 'myapp', 'result global_keyprefix ending with colon': 'myapp:' }[what];
      return [...midway.map(({ redis: keys }) => keys), end]
        .map(ofChords)
        .filter((keys) => keys.length > 0)
        .map((keys, at) => ({
          title: `${version}: ${what} (${at + 1})`,
          keys,
          prefix,
          ordered: !what.startsWith('result_chord_ordered=False'),
        }));
    }),
  );

  async function withStore(
    { prefix, ordered }: { readonly prefix: string | undefined; readonly ordered: boolean },
    use: (chords: ChordStore) => Promise<void>,
  ): Promise<void> {
    await ask(2, ['FLUSHDB']);
    const transportOptions = { result_chord_ordered: ordered, ...(prefix === undefined ? {} : { global_keyprefix: prefix }) };
    const backend = openRedisResultBackend(redis.urlOf(2), { transportOptions, resultExpires: 86_400, connectTimeoutMs: 20_000 });
    try {
      await use(backend.chords);
    } finally {
      await backend.close();
    }
  }

  const groupIdOf = (key: string): string => key.replace(/^.*taskset-meta-/, '').replace(/\.[jst]$/, '');

  function partsIn({ key, value }: Key): ChordPart[] {
    return (value as Members).map((one) => {
      const [text, score] = typeof one === 'string' ? [one, null] : one;
      const [, taskId, status, result] = parseJson(text) as [number, string, string, unknown];
      return { groupId: groupIdOf(key), taskId, groupIndex: score, status, result };
    });
  }

  it.each(snapshots)('are written as in $title', async ({ keys, ...setting }) => {
    await withStore(setting, async (chords) => {
      for (const { key, value } of keys) {
        if (key.endsWith('.s')) await chords.setSize(groupIdOf(key), Number(value));
        else if (key.endsWith('.t')) for (let times = Number(value); times > 0; times -= 1) await chords.grow(groupIdOf(key));
        else if (!key.endsWith('.j')) await chords.saveGroup(groupIdOf(key), (parseJson(value as string) as { result: ResultTree }).result);
      }
      for (const key of keys) if (key.key.endsWith('.j')) for (const part of partsIn(key).reverse()) await chords.report(part);
      const written = await keysOf(2);
      const recorded = setting.ordered
        ? keys
        : keys.map((key) => (Array.isArray(key.value) ? { ...key, value: [...key.value].reverse() } : key));
      expect(withoutTtl(written)).toEqual(withoutTtl(recorded));
      for (const { key, ttl } of written) expect([key, ttl > 86_000 && ttl <= 86_400]).toEqual([key, true]);
    });
  });

  it.each(snapshots)('are read as in $title', async ({ keys, ...setting }) => {
    await withStore(setting, async (chords) => {
      for (const { key, type, value } of keys) {
        const members = type === 'string' ? [] : (value as Members).flatMap((one) => (typeof one === 'string' ? [one] : [one[1], one[0]]));
        const write = { string: ['SET', key, value as string], list: ['RPUSH', key, ...members], zset: ['ZADD', key, ...members] }[type];
        await ask(2, write as (string | number)[]);
      }
      for (const key of keys) {
        const groupId = groupIdOf(key.key);
        if (/meta-[^.]*$/.test(key.key)) {
          expect(await chords.loadGroup(groupId)).toEqual((parseJson(key.value as string) as { result: ResultTree }).result);
        }
        if (!key.key.endsWith('.j')) continue;
        const there = partsIn(key).map(({ taskId, status, result }) => [taskId, status, result]);
        const sizes = keys.filter(({ key: name }) => name.includes(groupId) && /\.[st]$/.test(name)).map(({ value }) => Number(value));
        const missing = Math.max(sizes.reduce((sum, size) => sum + size) - there.length, 1);
        const late = Array.from({ length: missing }, (_, at) => ({
          groupId,
          taskId: `late-${at}`,
          groupIndex: 90 + at,
          status: 'SUCCESS',
          result: at,
        }));
        const replies: (readonly ChordPart[] | undefined)[] = [];
        for (const part of late) replies.push(await chords.report(part));
        expect(replies.slice(0, -1)).toEqual(late.slice(1).map(() => undefined));
        const all = replies.at(-1)?.map(({ taskId, status, result }) => [taskId, status, result]);
        expect(all).toEqual([...there, ...late.map(({ taskId, status, result }) => [taskId, status, result])]);
      }
    });
  });
});

describeWith('redis', 'the keys of chords, run here', () => {
  const server = forSuite(startRedis);
  const apps: Ctq[] = [];
  const stops: (() => Promise<unknown>)[] = [];
  const mostListeners = process.getMaxListeners();
  beforeAll(async () => {
    // Each worker watches over its process; here are a dozen.
    process.setMaxListeners(50);
    redis = server();
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    for (const app of apps) await app.close();
    process.setMaxListeners(mostListeners);
  });

  async function start(database: number, ordered: boolean): Promise<Tasks & { readonly app: Ctq }> {
    const app = new Ctq('tasks', {
      brokerUrl: redis.url,
      resultBackend: redis.urlOf(database),
      taskDefaultQueue: `q-${randomUUID()}`,
      resultBackendTransportOptions: { result_chord_ordered: ordered },
    });
    apps.push(app);
    const tasks = tasksOf(app);
    const worker = await app.worker({ concurrency: 100, hostname: `w-${randomUUID()}@test` });
    const ended = worker.start();
    stops.push(async () => {
      await worker.stop('cold');
      await ended;
    });
    await eventually(() => worker.state === 'consuming');
    return { ...tasks, app };
  }

  /** Parts sleep by the time of the recording, which the test moves: no state is missed, however slow the machine. */
  class RecordedTime {
    #now = 0;
    #sleepers: { readonly until: number; wake(): void }[] = [];

    sleep(seconds: number): Promise<void> {
      return new Promise((wake) => {
        this.#sleepers.push({ until: seconds, wake });
        this.advance(this.#now);
      });
    }

    advance(seconds: number): void {
      this.#now = seconds;
      const due = this.#sleepers.filter(({ until }) => until <= seconds);
      this.#sleepers = this.#sleepers.filter(({ until }) => until > seconds);
      for (const sleeper of due) sleeper.wake();
    }
  }

  function tasksOf(app: Ctq) {
    const time = new RecordedTime();
    const sleep = (seconds: number): Promise<void> => time.sleep(seconds);
    const add = app.task('tasks.add', (x: number, y: number) => x + y);
    return {
      time,
      add,
      slowAdd: app.task('tasks.slow_add', async (x: number, y: number) => sleep(1).then(() => x + y)),
      sleep: app.task('tasks.sleep', async (seconds: number) => sleep(seconds).then(() => seconds)),
      xsum: app.task('tasks.xsum', (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0)),
      ident: app.task('tasks.ident', (x: unknown) => x),
      fail: app.task('tasks.fail', (message: string) => {
        throw Object.assign(new Error(message), { name: 'ValueError' });
      }),
      ignored: app.task('tasks.do_ignore', () => {
        throw new Ignore();
      }),
      retried: app.task({ name: 'tasks.retry_me', bind: true }, async (task, seconds: number) => {
        if (task.request.retries === 0) throw task.retry({ countdown: 0 });
        await sleep(seconds);
        return `done after ${task.request.retries}`;
      }),
      grown: app.task({ name: 'tasks.grow_chord', bind: true }, async (task) => {
        await task.addToChord(add.s(100, 100));
        return 1;
      }),
    };
  }

  const recorded = (what: string): Recording => {
    const found = recordings['5.6'].find((recording) => recording.what.startsWith(what));
    if (found === undefined) throw new Error(`nothing is recorded of ${what}`);
    return found;
  };

  /** Without what chance decides: ids, and the order of those that share an index. */
  function essence(keys: readonly Key[]): unknown[] {
    const plain = (text: string): string => text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>');
    return keys
      .map(({ key, type, value }) => [
        plain(key),
        type,
        Array.isArray(value)
          ? (value as Members).map((one) => plain(JSON.stringify(read(one)))).sort()
          : plain(JSON.stringify(read(value))),
      ])
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  type Tasks = ReturnType<typeof tasksOf>;
  interface Case {
    readonly what: string;
    readonly call: (tasks: Tasks) => unknown;
    /** Where we differ on purpose: the keys as they are here. */
    readonly ours?: (keys: unknown[]) => unknown[];
    /** Celery leaves the counters of a chord that failed until they expire; we remove them. */
    readonly end?: 'nothing stays';
  }
  const any = (...signatures: unknown[]): AnySignature[] => signatures as AnySignature[];

  const cases: readonly Case[] = [
    { what: 'chord: one part done', call: ({ add, sleep, xsum }) => chord(any(add.s(1, 1), sleep.s(2)), xsum.s()).delay() },
    { what: 'chord: three parts', call: ({ sleep, ident }) => chord([sleep.s(2), sleep.s(1), sleep.s(0)], ident.s()).delay() },
    {
      what: 'chord: header with a group of groups',
      call: ({ sleep, xsum, ident }) =>
        chord(any(chain(group([sleep.s(1), sleep.s(2)]), xsum.s() as AnySignature), sleep.s(1)), ident.s()).delay(),
    },
    {
      what: 'chord: header containing chain ending in group',
      call: ({ add, slowAdd, ident }) =>
        chord(any(chain(add.s(1, 1), group([slowAdd.s(1), add.s(3)]) as AnySignature), add.s(5, 5)), ident.s()).delay(),
      // Celery's worker sets the size anew when it sends the group, and so calls the body one part too early.
      ours: (keys) => keys.map((key) => ((key as string[])[0]?.endsWith('.s') === true ? [...(key as string[]).slice(0, 2), '3'] : key)),
    },
    { what: 'chord: add_to_chord', call: ({ grown, sleep, ident }) => chord(any(grown.s(), sleep.s(2)), ident.s()).delay() },
    {
      what: 'chord: failing part first',
      call: ({ fail, sleep, xsum }) => chord(any(fail.s('x'), sleep.s(2)), xsum.s()).delay(),
      end: 'nothing stays',
    },
    {
      what: 'chord: ignored part never completes',
      call: ({ ignored, add, xsum }) => chord(any(ignored.s(), add.s(2, 2)), xsum.s()).delay(),
    },
    { what: 'chord: part retried', call: ({ retried, add, ident }) => chord(any(retried.s(1), add.s(2, 2)), ident.s()).delay() },
    {
      what: 'chord: same return values in two parts',
      call: ({ add, sleep, xsum }) => chord(any(add.s(1, 1), add.s(1, 1), sleep.s(1)), xsum.s()).delay(),
    },
    {
      what: 'result_chord_ordered=False',
      call: ({ sleep, ident }) => chord([sleep.s(2), sleep.s(1), sleep.s(0)], ident.s()).delay(),
    },
  ];

  it.concurrent.each(cases.map((one, at) => [one.what, one, at + 3] as const))(
    '%s',
    async (what, { call, ours = (keys) => keys, end }, database) => {
      const { redis: last, midway = [] } = recorded(what);
      const tasks = await start(database, !what.startsWith('result_chord_ordered=False'));
      call(tasks);
      for (const { redis: keys, after_seconds: seconds } of midway) {
        tasks.time.advance(seconds);
        await eventually(async () => expect(essence(await keysOf(database))).toEqual(ours(essence(ofChords(keys)))), { intervalMs: 20 });
      }
      tasks.time.advance(Number.POSITIVE_INFINITY);
      const left = end === undefined ? ours(essence(ofChords(last))) : [];
      await eventually(async () => expect(essence(await keysOf(database))).toEqual(left));
    },
  );

  it('a part that nobody knows fails here, and its chord with it; in Celery neither ever ends', async () => {
    const tasks = await start(14, true);
    const sent = chord(any(signature('tasks.nope'), tasks.add.s(2, 2)), tasks.xsum.s()).delay();
    await expect(sent.get({ timeout: 40 })).rejects.toThrow("NotRegistered('tasks.nope')");
    // Results and counters are two steps where they lie elsewhere than the messages.
    await eventually(async () => expect(await keysOf(14)).toEqual([]));
  });
});
