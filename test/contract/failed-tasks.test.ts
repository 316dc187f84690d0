/** Tasks that failed: what is kept of them, and that sending one again does it once, with everything that followed it. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { FailedTask } from '../../src/ctq/failed-task.js';
import { listFailed } from '../../src/ctq/failed-tasks.js';
import { carryOutRetry, planRetry, type RetryWorld } from '../../src/ctq/retry-failed.js';
import { chain, chord, Ctq, Reject, type SettingsInput } from '../../src/index.js';
import type { Worker } from '../../src/worker/worker.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

let redis: RedisServer | undefined;

const engines: Readonly<Record<'redis' | 'sqlite' | 'results elsewhere', () => Promise<readonly [broker: string, backend: string]>>> = {
  async redis() {
    redis ??= await startRedis();
    return [redis.url, redis.url];
  },
  async sqlite() {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    return [url, url];
  },
  async 'results elsewhere'() {
    redis ??= await startRedis();
    return [redis.urlOf(3), redis.urlOf(4)];
  },
};

afterAll(async () => {
  await redis?.stop();
});

for (const engine of ['redis', 'sqlite', 'results elsewhere'] as const) {
  describeWith(engine === 'sqlite' ? [] : ['redis'], `a task that failed, on ${engine}`, () => {
    const started: { readonly app: Ctq; readonly worker: Worker; readonly ended: Promise<string> }[] = [];
    let urls: readonly [string, string] = ['', ''];
    /** The cause of the trouble is gone. */
    let repaired = false;

    beforeAll(async () => {
      urls = await engines[engine]();
    });

    afterEach(async () => {
      repaired = false;
      for (const { app, worker, ended } of started.splice(0)) {
        await worker.stop('cold');
        await ended;
        await app.close();
      }
    });

    async function start(settings: SettingsInput = {}) {
      const queue = `q-${randomUUID()}`;
      const app = new Ctq('t', { brokerUrl: urls[0], resultBackend: urls[1], taskDefaultQueue: queue, ...settings });
      app.task('t.add', (x: number, y: number) => x + y);
      app.task('t.sum', (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0));
      app.task('t.flaky', (value: number) => {
        if (!repaired) throw Object.assign(new Error(`no ${value}`), { name: 'ValueError' });
        return value;
      });
      app.task({ name: 't.early', acksLate: false }, () => {
        throw new Error('too early');
      });
      app.task({ name: 't.stubborn', bind: true, maxRetries: 2 }, (task) => {
        throw task.retry({ countdown: 0, exc: new Error('still') });
      });
      app.task('t.refuse', () => {
        throw new Reject('not today');
      });
      const worker = await app.worker({ concurrency: 4, hostname: `w@${queue.slice(2, 8)}` });
      const ended = worker.start();
      started.push({ app, worker, ended });
      await eventually(() => worker.state === 'consuming', { intervalMs: 5 });
      const failed = async () => listFailed(await app.estates(), { queues: [queue] });
      const world = async (): Promise<RetryWorld> => ({
        estates: await app.estates(),
        backend: () => app.backend(),
        nowMs: Date.now(),
        origin: 'test',
      });
      return { app, worker, queue, failed, world };
    }

    type Home = Awaited<ReturnType<typeof start>>;

    /** With results elsewhere the result is there before the record. */
    async function anyFailed({ failed }: Home) {
      await eventually(async () => (await failed()).some(({ source }) => source !== 'result'));
      return failed();
    }

    async function failing({ app }: Home, name: string, args: unknown[] = [], options = {}): Promise<string> {
      const sent = app.sendTask(name, args, options);
      await expect(sent.get({ timeout: 40 })).rejects.toThrow();
      return sent.id;
    }

    async function retry({ failed, world }: Home, id: string) {
      // With results elsewhere the result is there before the record.
      const one = (await eventually(
        async () => (await failed()).find(({ taskId, source }) => taskId === id && source !== 'result') ?? false,
      )) as FailedTask;
      const plan = await planRetry(one, await world());
      return plan.kind === 'refused' ? plan : { ...plan, outcome: await carryOutRetry(plan, await world()) };
    }

    it('is kept with its name, queue, error, worker and time; one that succeeded is not', async () => {
      const home = await start();
      expect(await home.app.sendTask('t.add', [1, 2]).get({ timeout: 40 })).toBe(3);
      const id = await failing(home, 't.flaky', [7]);
      const [one, ...others] = await anyFailed(home);
      expect(others).toEqual([]);
      expect(one).toMatchObject({
        source: 'record',
        taskId: id,
        task: 't.flaky',
        queue: home.queue,
        reason: 'ValueError: no 7',
        retries: 0,
      });
      expect(one?.worker).toMatch(/^w@/);
      expect(Math.abs((one?.atMs ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('is found by the beginning of its id, although no result is left', async () => {
      const home = await start();
      const { id } = home.app.sendTask('t.flaky', [1], { ignoreResult: true });
      await anyFailed(home);
      const [estate] = await home.app.estates();
      expect(await estate?.tasks.complete(id.slice(0, 20), 10, {})).toEqual([id]);
    });

    it('is one only once its retries are used up', async () => {
      const home = await start();
      const id = await failing(home, 't.stubborn');
      const all = await anyFailed(home);
      expect(all.map(({ taskId, retries }) => [taskId, retries])).toEqual([[id, 2]]);
    });

    it('is kept although its message was acknowledged before it ran', async () => {
      const home = await start();
      const id = await failing(home, 't.early');
      await eventually(async () => (await home.failed()).map(({ taskId, source }) => `${taskId} ${source}`).join() === `${id} record`);
    });

    it('is kept for as many as are wanted, the newest', async () => {
      if (engine === 'results elsewhere') return;
      const home = await start({ failedTasksKept: 3, resultBackend: 'disabled://', workerConcurrency: 1 });
      for (let value = 0; value < 8; value += 1) home.app.sendTask('t.flaky', [value]);
      const kept = async () => (await listFailed(await home.app.estates(), {})).filter(({ source }) => source === 'record');
      await eventually(async () => expect((await kept()).map(({ queue }) => queue)).toEqual([home.queue, home.queue, home.queue]));
    });

    it('is kept without its message where that is too large', async () => {
      const home = await start({ failedTasksMaxSize: 2_000 });
      home.app.task('t.large', (text: string) => {
        throw new Error(`too large: ${text.length}`);
      });
      const small = await failing(home, 't.flaky', [1]);
      const large = await failing(home, 't.large', ['x'.repeat(5_000)]);
      await eventually(async () => expect((await home.failed()).filter(({ source }) => source === 'record')).toHaveLength(2));
      const [one, other] = [large, small].map((id) => home.failed().then((all) => all.find(({ taskId }) => taskId === id) as FailedTask));
      expect(await planRetry((await one) as FailedTask, await home.world())).toMatchObject({
        kind: 'refused',
        why: 'its message was too large to be kept (failed_tasks_max_size)',
      });
      expect(await planRetry((await other) as FailedTask, await home.world())).toMatchObject({ kind: 'ready' });
    });

    it('runs again under its id with its callback and the rest of its chain, and who waits gets the new result', async () => {
      const home = await start();
      const flow = chain(
        home.app.signature('t.flaky', [5]),
        home.app.signature('t.add', [10]),
        home.app.signature('t.add', [100]),
      ).applyAsync();
      const first = flow.parent?.parent;
      await expect(first?.get({ timeout: 40 })).rejects.toThrow('no 5');
      const all = async () => (await listFailed(await home.app.estates(), {})).map(({ taskId }) => taskId);
      await eventually(async () => expect(await all()).toContain(first?.id));
      expect(await all()).not.toContain(flow.id);
      await eventually(async () => expect(await home.app.AsyncResult(flow.id).state()).toBe('FAILURE'));
      repaired = true;
      const before = await home.app.AsyncResult(first?.id ?? '').state();
      const done = await retry(home, first?.id ?? '');
      expect([before, done]).toMatchObject(['FAILURE', { outcome: 'sent' }]);
      expect(await home.app.AsyncResult(first?.id ?? '').get({ timeout: 40 })).toBe(5);
      expect(await eventually(async () => (await home.app.AsyncResult(flow.id).state()) === 'SUCCESS')).toBe(true);
      expect(await home.app.AsyncResult(flow.id).get({ timeout: 40 })).toBe(115);
      expect(await home.failed()).toEqual([]);
    });

    it('is no final failure any more from the moment it is sent again', async () => {
      const home = await start();
      const id = await failing(home, 't.flaky', [1]);
      await home.worker.stop('warm');
      expect(await retry(home, id)).toMatchObject({ outcome: 'sent' });
      expect(await home.app.AsyncResult(id).state()).toBe('RETRY');
      expect(await home.app.AsyncResult(id).ready()).toBe(false);
    });

    it('is sent once, when two do it at the same moment', async () => {
      const home = await start();
      const id = await failing(home, 't.flaky', [1]);
      await home.worker.stop('warm');
      const [one] = await anyFailed(home);
      if (one === undefined) throw new Error('nothing is kept');
      const world = await home.world();
      const plans = await Promise.all([planRetry(one, world), planRetry(one, world)]);
      const outcomes = await Promise.all(plans.map((plan) => (plan.kind === 'ready' ? carryOutRetry(plan, world) : plan.why)));
      expect(outcomes.sort()).toEqual(['gone', 'sent']);
      expect(await (await home.app.broker()).depth(home.queue)).toBe(1);
      expect((await home.failed()).filter(({ taskId }) => taskId === id)).toEqual([]);
    });

    // The SQLite file has no keys of other types, and takes a transaction back as a whole.
    if (engine !== 'sqlite')
      it('is still there when the queue that was named cannot take it', async () => {
        const home = await start();
        const id = await failing(home, 't.flaky', [1]);
        const refused = await home.app.sendTask('t.refuse');
        const all = (await eventually(async () => {
          const found = (await home.failed()).filter(({ source }) => source !== 'result');
          return found.length === 2 ? found : false;
        })) as FailedTask[];
        expect(all.map(({ taskId }) => taskId).sort()).toEqual([id, refused.id].sort());
        await home.worker.stop('warm');
        // A key that is no list.
        const world = { ...(await home.world()), to: 'ctq:failed' };
        for (const one of all) {
          const plan = await planRetry(one, world);
          if (plan.kind !== 'ready') throw new Error(plan.why);
          await expect(carryOutRetry(plan, world)).rejects.toThrow(/WRONGTYPE/);
        }
        expect((await home.failed()).filter(({ source }) => source !== 'result')).toHaveLength(2);
      });

    it('that fails again is there again, once', async () => {
      const home = await start();
      const id = await failing(home, 't.flaky', [1]);
      expect(await retry(home, id)).toMatchObject({ outcome: 'sent' });
      await eventually(async () => (await home.app.AsyncResult(id).state()) === 'FAILURE');
      await eventually(async () => (await home.failed()).map(({ taskId }) => taskId).join() === id);
    });

    it('repairs its chord while that still waits, and says so when it is too late', async () => {
      const home = await start();
      const parts = [home.app.signature('t.flaky', [1]), home.app.signature('t.add', [2, 3], { queue: `later-${home.queue}` })];
      const body = chord(parts, home.app.signature('t.sum')).applyAsync();
      const [one] = await anyFailed(home);
      repaired = true;
      const early = await retry(home, one?.taskId ?? '');
      expect(early).toMatchObject({ outcome: 'sent' });
      expect('notes' in early && early.notes.join()).toMatch(/chord still waits/);
      expect(await home.app.AsyncResult(one?.taskId ?? '').get({ timeout: 40 })).toBe(1);
      const other = await home.app.worker({ queues: [`later-${home.queue}`], hostname: `o@${home.queue.slice(2, 8)}` });
      started.unshift({ app: home.app, worker: other, ended: other.start() });
      expect(await body.get({ timeout: 40 })).toBe(6);

      repaired = false;
      const lost = chord(
        [home.app.signature('t.flaky', [1]), home.app.signature('t.add', [2, 3])],
        home.app.signature('t.sum'),
      ).applyAsync();
      await expect(lost.get({ timeout: 40 })).rejects.toThrow();
      const late = (await eventually(
        async () => (await home.failed()).find(({ task, source }) => task === 't.flaky' && source !== 'result') ?? false,
      )) as FailedTask;
      const plan = await planRetry(late, await home.world());
      expect('notes' in plan && plan.notes.join()).toMatch(/chord has failed already/);
    });

    it('or was rejected is listed with the reason, and can be sent again', async () => {
      const home = await start();
      const sent = home.app.sendTask('t.refuse');
      const [one] = await anyFailed(home);
      expect(one).toMatchObject({ source: 'refused', taskId: sent.id, task: 't.refuse', reason: 'not today' });
      await home.worker.stop('warm');
      expect(await retry(home, sent.id)).toMatchObject({ outcome: 'sent' });
      expect(await (await home.app.broker()).depth(home.queue)).toBe(1);
      expect(await home.failed()).toEqual([]);
    });

    it('and has succeeded since is not sent again', async () => {
      const home = await start();
      const id = await failing(home, 't.flaky', [1]);
      const [one] = await anyFailed(home);
      repaired = true;
      expect(await home.app.sendTask('t.add', [1, 1], { taskId: id }).get({ timeout: 40, propagate: false })).toBeDefined();
      await eventually(async () => (await home.app.AsyncResult(id).state()) === 'SUCCESS');
      expect(await planRetry(one as NonNullable<typeof one>, await home.world())).toMatchObject({
        kind: 'refused',
        why: expect.stringContaining('succeeded meanwhile') as string,
      });
    });
  });
}
