/** Canvases in the app's own worker, on every engine: what comes out must not depend on where messages and counters lie. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type AnySignature,
  chain,
  chord,
  Ctq,
  group,
  type RemoteErrorInfo,
  signature,
  type SettingsInput,
  TaskError,
  type TaskRequest,
} from '../../src/index.js';
import type { Worker } from '../../src/worker/worker.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

let redis: RedisServer | undefined;

const engines = {
  memory: async () => ({ brokerUrl: `memory://${randomUUID()}`, resultBackend: `memory://${randomUUID()}` }),
  sqlite: async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    return { brokerUrl: url, resultBackend: url };
  },
  redis: async () => {
    redis ??= await startRedis();
    return { brokerUrl: redis.url, resultBackend: redis.url };
  },
  'redis, results in another database': async () => {
    redis ??= await startRedis();
    return { brokerUrl: redis.url, resultBackend: redis.urlOf(1) };
  },
} as const satisfies Record<string, () => Promise<SettingsInput>>;

afterAll(async () => {
  await redis?.stop();
});

function tasksOf(app: Ctq) {
  const calls: string[] = [];
  const add = app.task('c.add', (x: number, y: number) => x + y);
  const mul = app.task('c.mul', (x: number, y: number) => x * y);
  const xsum = app.task('c.xsum', (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0));
  const ident = app.task('c.ident', (x: unknown) => x);
  const fail = app.task('c.fail', (message: string) => {
    throw Object.assign(new Error(message), { name: 'ValueError' });
  });
  const note = app.task('c.note', (what: unknown) => {
    calls.push(JSON.stringify(what));
    return what;
  });
  const errback = app.task(
    'c.errback',
    (request: TaskRequest, why: RemoteErrorInfo & { message: string }, traceback: string | null, own: string) => {
      calls.push(JSON.stringify([request.id, request.task, why.type, why.message, traceback !== null, own]));
    },
  );
  const replaced = app.task({ name: 'c.replaced', bind: true }, (task, by: unknown) => {
    throw task.replace(by as AnySignature);
  });
  const grown = app.task({ name: 'c.grown', bind: true }, async (task) => {
    await task.addToChord(add.s(100, 100));
    return 1;
  });
  const stampsOf = app.task({ name: 'c.stamps_of', bind: true }, (task, ...args: readonly unknown[]) => {
    const [what] = args.filter((arg) => typeof arg === 'string');
    calls.push(JSON.stringify([what, task.request.stamps]));
    const again = args.some((arg) => typeof arg === 'object' && arg !== null && 'once' in arg) && task.request.retries === 0;
    if (again) throw task.retry({ countdown: 0 });
    return 0;
  });
  return { calls, stampsOf, add, mul, xsum, ident, fail, note, errback, replaced, grown };
}

for (const [engine, settingsOf] of Object.entries(engines)) {
  describeWith(engine.startsWith('redis') ? ['redis'] : [], `canvases on ${engine}`, () => {
    let app: Ctq;
    let worker: Worker;
    let ended: Promise<string>;
    let t: ReturnType<typeof tasksOf>;

    beforeAll(async () => {
      const queue = `q-${randomUUID()}`;
      app = new Ctq('c', { ...(await settingsOf()), taskDefaultQueue: queue });
      t = tasksOf(app);
      worker = await app.worker({ concurrency: 10, hostname: `w-${randomUUID()}@test` });
      ended = worker.start();
      await eventually(() => worker.state === 'consuming', { intervalMs: 5 });
    });
    beforeEach(() => t.calls.splice(0));
    afterEach(() => expect(worker.state).toBe('consuming'));
    afterAll(async () => {
      await worker.stop('cold');
      await ended;
      await app.close();
    });

    const get = (sent: { get(options: { timeout: number }): Promise<unknown> }): Promise<unknown> => sent.get({ timeout: 40 });
    const error = (sent: { get(options: { timeout: number }): Promise<unknown> }): Promise<unknown> =>
      get(sent).then(
        (value) => `no error: ${JSON.stringify(value)}`,
        (thrown: unknown) => (thrown instanceof TaskError ? thrown.message : thrown),
      );

    it('runs chains, groups and chords', async () => {
      const { add, mul, xsum, ident } = t;
      expect(await get(chain(add.s(1, 2), mul.s(3), ident.s()).delay())).toBe(9);
      expect(await get(group([add.s(1, 1), add.s(2, 2)]).delay())).toEqual([2, 4]);
      expect(await get(chord([add.s(1, 1), add.s(2, 2)], xsum.s()).delay())).toBe(6);
      expect(await get(chain(add.s(1, 1), group([add.s(2), add.s(3)]), xsum.s(), mul.s(2)).delay())).toBe(18);
      expect(await get(chord([], ident.s()).delay())).toEqual([]);
      expect(await get(group([]).delay())).toEqual([]);
    });

    it('runs what is nested in them', async () => {
      const { add, mul, xsum, ident } = t;
      const inner = chord([add.s(1, 1), add.s(2, 2)], xsum.s());
      expect(await get(chord([inner, add.s(3, 3)], ident.s()).delay())).toEqual([6, 6]);
      expect(await get(chord([chain(add.s(1, 1), mul.s(10)), add.s(3, 3)], ident.s()).delay())).toEqual([20, 6]);
      expect(await get(chord([group([add.s(1, 1), add.s(2, 2)]), add.s(3, 3)] as AnySignature[], ident.s()).delay())).toEqual([4, 2, 6]);
      expect(await get(chord([chain(add.s(1, 1), group([add.s(1), add.s(2)])), add.s(5, 5)] as AnySignature[], ident.s()).delay())).toEqual(
        [[3, 4], 10],
      );
      expect(await get(chord([add.s(1, 1), add.s(2, 2)], group([ident.s(), xsum.s()])).delay())).toEqual([[2, 4], 6]);
      expect(await get(group([chain(add.s(1, 1), group([add.s(2), add.s(3)]))]).delay())).toEqual([4, 5]);
    });

    it('runs map, starmap and chunks', async () => {
      const { add, ident, xsum } = t;
      expect(await get(ident.map([1, 'x', null]).delay())).toEqual([1, 'x', null]);
      const pairs = [0, 1, 2, 3, 4].map((i) => [i, i] as [number, number]);
      expect(await get(add.starmap(pairs).delay())).toEqual([0, 2, 4, 6, 8]);
      expect(await get(add.chunks(pairs, 2).delay())).toEqual([[0, 2], [4, 6], [8]]);
      expect(await get(chain(add.chunks(pairs, 2), xsum.map([[1, 2]])).delay())).toEqual([3]);
    });

    it('calls back, and calls back about errors', async () => {
      const { add, fail, note, mul } = t;
      await get(add.applyAsync([1, 2], { link: [mul.s(10).link(note.s()), note.si('immutable')] }));
      await eventually(() => t.calls.length === 2);
      expect([...t.calls].sort()).toEqual(['"immutable"', '30']);
      t.calls.splice(0);
      const sent = fail.applyAsync(['boom'], { linkError: note.s() });
      expect(await error(sent)).toBe('ValueError: boom');
      await eventually(() => t.calls.length === 1);
      expect(t.calls).toEqual([JSON.stringify(sent.id)]);
    });

    it('calls errbacks of the new style with what failed and why, here and at once', async () => {
      const { add, fail, xsum, errback } = t;
      const sent = fail.applyAsync(['boom'], { linkError: errback.s('own') });
      expect(await error(sent)).toBe('ValueError: boom');
      await eventually(() => t.calls.length === 1);
      expect(t.calls).toEqual([JSON.stringify([sent.id, 'c.fail', 'ValueError', 'boom', true, 'own'])]);
      t.calls.splice(0);
      const failed = chord([add.s(1, 1), fail.s('in header')] as AnySignature[], xsum.s().onError(errback.s('own'))).delay();
      expect(await error(failed)).toContain('ChordError');
      await eventually(() => t.calls.length === 1);
      expect(t.calls[0]).toMatch(/^\["[^"]+","c.xsum","ChordError","Dependency [^"]+ raised ValueError\('in header'\)",false,"own"\]$/);
    });

    it('fails what comes after a failure, down to the body of a later chord', async () => {
      const { add, fail, xsum, ident } = t;
      expect(await error(chain(add.s(1, 1), fail.si('middle'), ident.s(), ident.s()).delay())).toBe('ValueError: middle');
      const late = chain(fail.s('early'), group([add.s(1), add.s(2)] as AnySignature[]), xsum.s() as AnySignature).delay();
      expect(await error(app.AsyncResult(late.id))).toBe('ValueError: early');
    });

    it('fails a chord whose header fails, once all parts are in, and calls its errbacks', async () => {
      const { add, fail, note, xsum } = t;
      const sent = chord([add.s(1, 1), fail.s('in header')] as AnySignature[], xsum.s().onError(note.s())).delay();
      expect(await error(sent)).toMatch(/^ChordError: Dependency [-0-9a-f]{36} raised ValueError\('in header'\)$/);
      await eventually(() => t.calls.length === 1);
      expect(t.calls).toEqual([JSON.stringify(sent.id)]);
    });

    it('fails every chord around one that failed, and what follows them', async () => {
      const { add, fail, xsum, ident } = t;
      const inner = chord([add.s(1, 1), fail.s('deep')] as AnySignature[], xsum.s());
      expect(await error(chord([inner, add.s(3, 3)], ident.s()).delay())).toMatch(
        /^ChordError: Dependency .* raised ChordError\("Dependency .* raised ValueError\('deep'\)"\)$/,
      );
      const step = chain(fail.s('in chain'), ident.s() as AnySignature);
      expect(await error(chord([step, add.s(3, 3)], ident.s()).delay())).toMatch(
        /^ChordError: Dependency .* raised ValueError\('in chain'\)$/,
      );
      const both = chord([add.s(1, 1), fail.s('x')] as AnySignature[], group([ident.s(), ident.s()]));
      expect(await error(both.delay())).toBe('ValueError: x');
    });

    it('fails a chord one of whose parts is revoked', async () => {
      const { add, xsum } = t;
      const late = add.s(1, 1).set({ expires: '2020-01-01T00:00:00+00:00' });
      expect(await error(chord([late, add.s(2, 2)], xsum.s()).delay())).toMatch(
        /^ChordError: Dependency .* raised TaskRevokedError\('expired'\)$/,
      );
    });

    it('fails what waits for a task that nobody registered', async () => {
      const { add, xsum, ident } = t;
      const unknown = signature('c.nobody') as AnySignature;
      expect(await error(chain(unknown, ident.s() as AnySignature).delay())).toBe('NotRegistered: c.nobody');
      expect(await error(chord([unknown, add.s(2, 2)] as AnySignature[], xsum.s()).delay())).toMatch(
        /^ChordError: Dependency .* raised NotRegistered\('c\.nobody'\)$/,
      );
    });

    it('lets a task be replaced, anywhere', async () => {
      const { add, mul, replaced, ident, xsum, note } = t;
      expect(await get(replaced.delay(add.s(2, 3)))).toBe(5);
      expect(await get(replaced.delay(chain(add.s(2, 3), mul.s(10))))).toBe(50);
      expect(await get(replaced.delay(group([add.s(1, 1), add.s(2, 2)])))).toEqual([2, 4]);
      expect(await get(chain(replaced.s(add.s(2, 3)), mul.s(2) as AnySignature).delay())).toBe(10);
      expect(await get(chain(replaced.s(group([add.s(1, 1), add.s(2, 2)])), xsum.s() as AnySignature).delay())).toBe(6);
      expect(
        await get(chord([replaced.s(add.s(2, 3)), replaced.s(chain(add.s(1, 1), mul.s(4)))] as AnySignature[], ident.s()).delay()),
      ).toEqual([5, 8]);
      expect(await get(chord([replaced.s(group([add.s(1, 1), add.s(2, 2)])), add.s(3, 3)] as AnySignature[], ident.s()).delay())).toEqual([
        [2, 4],
        6,
      ]);
      await get(replaced.applyAsync([add.s(2, 3)], { link: note.s() }));
      await eventually(() => t.calls.length === 1);
      expect(t.calls).toEqual(['5']);
    });

    it('carries stamps to steps, parts, links and the next try', async () => {
      const { stampsOf } = t;
      const stamped = chain(
        stampsOf.s('first', { once: true }).link(stampsOf.s('linked')),
        group([stampsOf.s('a'), stampsOf.s('b')]),
      ).stamp({ who: 'me' });
      await (await stamped.delay()).get({ timeout: 40 });
      await eventually(() => t.calls.length === 5);
      expect([...t.calls].sort()).toEqual(['a', 'b', 'first', 'first', 'linked'].map((part) => JSON.stringify([part, { who: 'me' }])));
    });

    it('lets a chord grow', async () => {
      const { grown, add, ident } = t;
      const result = (await get(chord([grown.s(), add.s(3, 3)] as AnySignature[], ident.s()).delay())) as number[];
      expect(result.slice(0, 2).sort()).toEqual([1, 200]);
      expect(result[2]).toBe(6);
    });

    it('counts parts whose results are ignored', async () => {
      const { add, xsum } = t;
      const parts = [add.s(1, 1).set({ ignoreResult: true }), add.s(2, 2).set({ ignoreResult: true })];
      expect(await get(chord(parts, xsum.s()).delay())).toBe(6);
    });

    it('knows ids before anything is sent, and who came before whom', async () => {
      const { add, mul, xsum } = t;
      const steps = chain(add.s(1, 1), group([add.s(2), add.s(3)]), xsum.s(), mul.s(2));
      const frozen = steps.freeze('last');
      const sent = await steps.delay();
      expect([frozen.id, sent.id]).toEqual(['last', 'last']);
      expect(await get(sent)).toBe(18);
      const lineage: string[] = [];
      for (let at = sent.parent; at !== null; at = at.parent) lineage.push('results' in at ? `group of ${at.results.length}` : 'task');
      expect(lineage).toEqual(['task', 'group of 2', 'task']);
      expect(await get(sent.parent as AnySent)).toBe(9);
    });

    it('gives the results of a group one by one, saved and restored', async () => {
      const { add, fail } = t;
      const sent = await group([add.s(1, 1), fail.s('x'), add.s(2, 2)] as AnySignature[]).delay();
      await sent.save();
      const restored = await app.GroupResult.restore(sent.id);
      expect(await error(restored as AnySent)).toBe('ValueError: x');
      const values: unknown[] = [];
      for await (const [, value] of sent.iterate({ propagate: false, timeout: 40 }))
        values.push(value instanceof TaskError ? 'error' : value);
      expect(values.map(String).sort()).toEqual(['2', '4', 'error']);
      expect([await sent.ready(), await sent.successful(), await sent.failed(), await sent.completedCount()]).toEqual([
        true,
        false,
        true,
        2,
      ]);
      await sent.delete();
      expect(await app.GroupResult.restore(sent.id)).toBeUndefined();
    });

    it('leaves no counters behind, not even after errors', async () => {
      const { add, fail, xsum } = t;
      const chords = (await app.backend()).chords;
      const headers = [[add.s(1, 1), add.s(2, 2)], [add.s(1, 1), fail.s('x')] as AnySignature[]];
      for (const header of headers) {
        const sent = chord(header, xsum.s()).delay();
        await error(sent);
        const groupId = (sent.parent as { readonly id: string }).id;
        await eventually(
          async () => (await chords?.report({ groupId, taskId: randomUUID(), groupIndex: 0, status: 'SUCCESS', result: 1 })) === undefined,
        );
      }
    });

    it('runs signatures of tasks that are only known by name', async () => {
      const { add } = t;
      expect(await get(chain(add.s(1, 2), signature('c.mul', [5])).delay())).toBe(15);
      expect(await get(app.reviveSignature(chain(add.s(1, 2), add.s(3)).toJSON()).delay())).toBe(6);
    });

    it('runs a chord of a thousand', async () => {
      const { add, xsum } = t;
      const header = Array.from({ length: 1000 }, (_, index) => add.s(index, 1));
      expect(await get(chord(header, xsum.s()).delay())).toBe((1000 * 999) / 2 + 1000);
    });
  });
}

type AnySent = { get(options: { timeout: number }): Promise<unknown> };
