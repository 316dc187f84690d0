/** The app's own worker in this process, on every engine: what a task does must not depend on where its messages lie. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Ctq, Reject, type ResultMeta, type SettingsInput, SoftTimeLimitExceeded, type TaskContext, TaskError } from '../../src/index.js';
import type { Worker } from '../../src/worker/worker.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { quickest } from '../support/undisturbed.js';

let redis: RedisServer | undefined;

const engines: Readonly<Record<'memory' | 'sqlite' | 'redis', () => Promise<string>>> = {
  memory: async () => `memory://${randomUUID()}`,
  sqlite: async () => `sqlite://${tmpFolder()}/ctq.db`,
  async redis() {
    redis ??= await startRedis();
    await redis.command('FLUSHALL');
    return redis.url;
  },
};

afterAll(async () => {
  await redis?.stop();
});

for (const engine of ['memory', 'sqlite', 'redis'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `a worker on ${engine}`, () => {
    const started: { readonly app: Ctq; readonly worker: Worker; readonly ended: Promise<string> }[] = [];
    let url = '';

    beforeAll(async () => {
      url = await engines[engine]();
    });

    afterEach(async () => {
      for (const { app, worker, ended } of started.splice(0)) {
        await worker.stop('cold');
        await ended;
        await app.close();
      }
    });

    /** A worker of its own queue, so that cases do not see each other's tasks. */
    async function start(define: (app: Ctq) => void, settings: SettingsInput = {}, concurrency = 10) {
      const queue = `q-${randomUUID()}`;
      const app = new Ctq('t', { brokerUrl: url, resultBackend: url, taskDefaultQueue: queue, ...settings });
      define(app);
      const worker = await app.worker({ concurrency, hostname: `w-${randomUUID()}@test` });
      const ended = worker.start();
      started.push({ app, worker, ended });
      await eventually(() => worker.state === 'consuming', { intervalMs: 5 });
      return { app, worker, ended, queue };
    }

    const get = (app: Ctq, name: string, args: unknown[] = [], options = {}): Promise<unknown> =>
      app.sendTask(name, args, options).get({ timeout: 40 });

    it('returns values of plain and of async functions, by position and by name', async () => {
      const { app } = await start((tasks) => {
        tasks.task('t.add', (x: number, y: number) => x + y);
        tasks.task('t.slowly', async (x: number) => {
          await delay(5);
          return { x, list: [1, null, 'ü'] };
        });
      });
      expect(await get(app, 't.add', [3, 4])).toBe(7);
      expect(await get(app, 't.add', [], { kwargs: { y: 1, x: 2 } })).toBe(3);
      expect(await get(app, 't.slowly', [5])).toEqual({ x: 5, list: [1, null, 'ü'] });
      expect(await Promise.all(Array.from({ length: 100 }, (_, index) => get(app, 't.add', [index, 1])))).toEqual(
        Array.from({ length: 100 }, (_, index) => index + 1),
      );
    });

    it('raises the errors of tasks again, with their names and messages', async () => {
      const { app } = await start((tasks) => {
        tasks.task('t.fail', () => {
          throw Object.assign(new Error('boom'), { name: 'ValueError' });
        });
        tasks.task('t.odd', () => Symbol('unwritable'));
        tasks.task('t.two', (_x: number, _y: number) => 1);
      });
      const error = (name: string, args: unknown[] = []): Promise<unknown> => get(app, name, args).catch((reason: unknown) => reason);
      expect(await error('t.fail')).toMatchObject({ name: 'TaskError', state: 'FAILURE', remote: { type: 'ValueError', args: ['boom'] } });
      expect(await error('t.odd')).toMatchObject({ remote: { type: 'EncodeError' } });
      expect(await error('t.two', [1])).toMatchObject({ remote: { type: 'TypeError' } });
      expect(await error('t.missing')).toMatchObject({ remote: { type: 'NotRegistered', args: ['t.missing'] } });
    });

    it('begins nothing before its time, near or far', async () => {
      const { app } = await start((tasks) => tasks.task('t.now', () => Date.now()));
      /** How late it begins, which is never early. */
      const late = async (countdown: number): Promise<number> => {
        const dueAt = Date.now() + countdown * 1000;
        const lateMs = ((await get(app, 't.now', [], { countdown })) as number) - dueAt;
        expect(lateMs).toBeGreaterThanOrEqual(0);
        return lateMs;
      };
      const [near, far] = await Promise.all([quickest(1_400, () => late(0.6)), quickest(2_000, () => late(2.8))]);
      expect(near).toBeLessThan(1_400);
      expect(far).toBeLessThan(2_000);
    });

    it('discards what has expired', async () => {
      const { app } = await start((tasks) => tasks.task('t.it', () => 1));
      const error = await get(app, 't.it', [], { expires: new Date(Date.now() - 1000) }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TaskError);
      expect(error).toMatchObject({ state: 'REVOKED', remote: { args: ['expired'] } });
    });

    it('tries again under the same id until it works, or there are no more tries', async () => {
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.retry', bind: true }, (task: TaskContext, times: number) => {
          if (task.request.retries < times) throw task.retry({ countdown: 0.05, exc: new Error('again') });
          return [task.request.id, task.request.retries];
        });
      });
      const sent = app.sendTask('t.retry', [2]);
      expect(await sent.get({ timeout: 40 })).toEqual([sent.id, 2]);
      await expect(get(app, 't.retry', [9])).rejects.toThrow('again');
    });

    it('tells its states on the way', async () => {
      let goOn = (): void => {};
      const heard = new Promise<void>((resolve) => (goOn = resolve));
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.progress', bind: true, trackStarted: true }, async (task: TaskContext) => {
          await task.updateState('PROGRESS', { done: 1 });
          await heard;
          return 'end';
        });
      });
      const seen: (readonly [string, unknown])[] = [];
      const onUpdate = (meta: ResultMeta): void => {
        seen.push([meta.status, meta.result]);
        if (meta.status === 'PROGRESS') goOn();
      };
      expect(await app.sendTask('t.progress').get({ timeout: 15, onUpdate })).toBe('end');
      expect(seen).toContainEqual(['PROGRESS', { done: 1 }]);
    });

    it('knows the parent and the root of what a task sends, and its children', async () => {
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.who', bind: true }, (task: TaskContext) => [task.request.rootId, task.request.parentId]);
        tasks.task('t.parent', async () => {
          await delay(1);
          return tasks.sendTask('t.who').id;
        });
      });
      const parent = app.sendTask('t.parent');
      const childId = (await parent.get({ timeout: 40 })) as string;
      expect(await app.AsyncResult(childId).get({ timeout: 40 })).toEqual([parent.id, parent.id]);
      expect((await parent.children()).map(({ id }) => id)).toEqual([childId]);
    });

    it('calls back with the result, and goes on with a chain', async () => {
      const results: unknown[] = [];
      const { app } = await start((tasks) => {
        tasks.task('t.add', (x: number, y: number) => x + y);
        tasks.task('t.note', (x: unknown) => results.push(x));
        tasks.task('t.fail', () => {
          throw new Error('boom');
        });
      });
      const step = (task: string, args: unknown[] = [], options = {}) => ({ task, args, kwargs: {}, options });
      const last = randomUUID();
      await app.sendTask('t.add', [1, 2], {
        link: step('t.note'),
        chain: [step('t.add', [100], { task_id: last }), step('t.add', [10])],
      }).published;
      expect(await app.AsyncResult(last).get({ timeout: 40 })).toBe(113);
      await eventually(() => expect(results).toEqual([3]));
      const failed = app.sendTask('t.fail', [], { linkError: step('t.note') });
      await eventually(() => expect(results).toEqual([3, failed.id]));
    });

    it('gives a task back that asks for it, marked as redelivered', async () => {
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.once', bind: true }, (task: TaskContext) => {
          if (!task.request.deliveryInfo.redelivered) throw new Reject('once more', { requeue: true });
          return task.request.deliveryCount;
        });
      });
      expect(await get(app, 't.once')).toBe(1);
    });

    it('ends tasks at their limits', async () => {
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.hard', timeLimit: 0.2 }, () => new Promise(() => {}));
        tasks.task({ name: 't.soft', bind: true, softTimeLimit: 0.2 }, async (task: TaskContext) => {
          try {
            await delay(60_000, undefined, { signal: task.signal });
          } catch {
            return task.signal.reason instanceof SoftTimeLimitExceeded ? 'cleaned up' : 'what?';
          }
          return 'late';
        });
      });
      expect(await get(app, 't.soft')).toBe('cleaned up');
      await expect(get(app, 't.hard')).rejects.toMatchObject({ remote: { type: 'TimeLimitExceeded', args: [0.2] } });
    });

    it('keeps nothing of a task whose result is ignored', async () => {
      let runs = 0;
      const { app } = await start((tasks) => {
        tasks.task({ name: 't.ignored', ignoreResult: true }, () => {
          runs += 1;
        });
      });
      const sent = app.sendTask('t.ignored');
      await eventually(() => runs === 1);
      await started.at(-1)?.worker.stop('warm');
      expect(await sent.state()).toBe('PENDING');
    });

    it('runs everything once, one at a time, with a single slot', async () => {
      let running = 0;
      let most = 0;
      const seen: number[] = [];
      const { app } = await start(
        (tasks) => {
          tasks.task('t.step', async (index: number) => {
            running += 1;
            most = Math.max(most, running);
            await delay(1);
            running -= 1;
            seen.push(index);
          });
        },
        {},
        1,
      );
      await Promise.all(Array.from({ length: 100 }, (_, index) => app.sendTask('t.step', [index]).published));
      await eventually(() => expect(seen).toHaveLength(100));
      expect(new Set(seen).size).toBe(100);
      expect(most).toBe(1);
    });

    it('stops warm: what runs ends, what waits is left to the next worker, and nothing is lost or repeated', async () => {
      const runs: number[] = [];
      const define = (tasks: Ctq): void => {
        tasks.task('t.step', async (index: number) => {
          await delay(20);
          runs.push(index);
          return index;
        });
      };
      const first = await start(define, {}, 2);
      const sent = Array.from({ length: 60 }, (_, index) => first.app.sendTask('t.step', [index]));
      await Promise.all(sent.map(({ published }) => published));
      await eventually(() => runs.length >= 4, { intervalMs: 1 });
      await first.worker.stop('warm');
      expect(await first.ended).toBe('clean');
      const doneByFirst = runs.length;
      expect(doneByFirst).toBeLessThan(60);
      const second = await start(define, { taskDefaultQueue: first.queue }, 20);
      for (const { id } of sent) await second.app.AsyncResult(id).get({ timeout: 40 });
      expect(runs.slice().sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index));
    });
  });
}
