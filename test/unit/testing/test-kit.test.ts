import { Ctq } from 'ctq';
import { runTask, testKit } from 'ctq/testing';
import { describe, expect, it } from 'vitest';
import { chord, group } from '../../../src/canvas/compose.js';

function someApp(): {
  readonly app: Ctq;
  readonly add: ReturnType<typeof makeAdd>;
} {
  const app = new Ctq('kit', { brokerUrl: 'redis://127.0.0.1:1/0', taskSerializer: 'json' });
  return { app, add: makeAdd(app) };
}

function makeAdd(app: Ctq) {
  return app.task('kit.add', (x: number, y: number) => x + y);
}

describe('a test kit', () => {
  it('needs no broker, and gives the app back as it was', async () => {
    const { app, add } = someApp();
    const kit = await testKit(app);
    expect(await (await add.delay(1, 2)).get({ timeout: 20 })).toBe(3);
    expect(kit.runs(add)).toMatchObject([{ state: 'SUCCESS', result: 3, error: null, args: [1, 2] }]);
    await kit.close();
    expect(app.conf.brokerUrl).toBe('redis://127.0.0.1:1/0');
    await kit.close();
  });

  it('keeps nothing of an earlier kit of the same app', async () => {
    const { app, add } = someApp();
    const first = await testKit(app, { mode: 'queued' });
    await add.delay(1, 1);
    await first.close();
    const second = await testKit(app, { mode: 'queued' });
    expect([second.sent(), await second.drain()]).toEqual([[], []]);
    await second.close();
  });

  it('runs chords, groups and what tasks send, in queues of any name, until nothing is left', async () => {
    const { app, add } = someApp();
    const total = app.task({ name: 'kit.total', queue: 'sums' }, (parts: number[]) => parts.reduce((a, b) => a + b, 0));
    const parent = app.task('kit.parent', async (n: number) => {
      if (n > 0) await parent.delay(n - 1);
      return n;
    });
    const kit = await testKit(app, { mode: 'queued' });
    const result = await chord(group([1, 2, 3].map((n) => add.s(n, n))), total.s()).delay();
    await parent.delay(4);
    const runs = await kit.drain();
    expect(runs.filter(({ task }) => task === 'kit.parent').map(({ result: n }) => n)).toEqual([4, 3, 2, 1, 0]);
    expect(kit.sent('kit.total')).toMatchObject([{ routingKey: 'sums', args: [[2, 4, 6]] }]);
    expect(await result.get({ timeout: 20 })).toBe(12);
    await kit.close();
  });

  it('records retries with their times and does not wait for them', async () => {
    const { app } = someApp();
    const flaky = app.task({ name: 'kit.flaky', bind: true }, (task) => {
      if (task.request.retries < 2) throw task.retry({ countdown: 3600 });
      return 'done';
    });
    const kit = await testKit(app);
    const startedMs = Date.now();
    await flaky.delay();
    await kit.drain();
    expect(kit.runs(flaky).map(({ state, retries }) => [state, retries])).toEqual([
      ['RETRY', 0],
      ['RETRY', 1],
      ['SUCCESS', 2],
    ]);
    expect(kit.sent(flaky).map(({ eta }) => (eta === null ? 0 : Math.round((eta.getTime() - startedMs) / 600_000)))).toEqual([0, 6, 6]);
    await kit.close();
  });

  it('tells what a task threw', async () => {
    const { app } = someApp();
    const fail = app.task('kit.fail', () => {
      throw new TypeError('boom');
    });
    const kit = await testKit(app);
    await fail.delay();
    await kit.drain();
    expect(kit.runs(fail)[0]?.error?.message).toBe('TypeError: boom');
    await kit.close();
  });

  it('says what still runs when a drain takes too long', async () => {
    const { app } = someApp();
    let release = (): void => {};
    const slow = app.task('kit.slow', () => new Promise<void>((resolve) => (release = resolve)));
    const kit = await testKit(app);
    const sent = await slow.delay();
    await expect(kit.drain({ timeout: 0.2 })).rejects.toMatchObject({
      message: '1 task(s) still wait or run after 0.2 s',
      hint: expect.stringContaining(`kit.slow[${sent.id}]`),
    });
    release();
    await kit.close();
  });

  it.each(['eager', 'queued'] as const)('is not held up by a task that never ends (%s)', { timeout: 30_000 }, async (mode) => {
    const { app } = someApp();
    const stuck = app.task('kit.stuck', () => new Promise<void>(() => {}));
    const kit = await testKit(app, { mode });
    await stuck.delay();
    await expect(kit.drain({ timeout: 0.1 })).rejects.toThrow('1 task(s) still wait or run after 0.1 s');
    await kit.close();
  });

  it('says that an earlier kit is open, and how it closes by itself', async () => {
    const { app } = someApp();
    const forgotten = await testKit(app);
    await expect(testKit(app)).rejects.toMatchObject({
      message: 'the app is in use already: an earlier test kit was not closed',
      hint: expect.stringContaining('await using kit'),
    });
    await forgotten.close();
    await (await testKit(app)).close();
  });

  it('has a stub take keyword arguments where the task itself would', async () => {
    const { app, add } = someApp();
    const kit = await testKit(app);
    const given: number[][] = [];
    kit.stub(add, (x, y) => given.push([x, y]));
    await add.applyAsync([] as unknown as [number, number], { kwargs: { y: 1, x: 2 } });
    await kit.drain();
    expect(given).toEqual([[2, 1]]);
    await kit.close();
    expect(add.run(1, 1)).toBe(2);
  });

  it('refuses an app that has been used', async () => {
    const { app } = someApp();
    app.conf.brokerUrl = 'memory://used';
    await app.sendTask('x');
    await expect(testKit(app)).rejects.toThrow('the app is in use already');
    await app.close();
  });
});

describe('runTask', () => {
  it('binds arguments as a worker does, and says how it ended', async () => {
    const { app, add } = someApp();
    expect(await runTask(add, [1, 2])).toMatchObject({ state: 'SUCCESS', result: 3, retries: 0, delays: [] });
    const wrong = await runTask(add, [1] as unknown as [number, number]);
    expect([wrong.state, wrong.error?.message]).toEqual([
      'FAILURE',
      expect.stringContaining("missing 1 required positional argument: 'y'"),
    ]);
    await app.close();
  });

  it('stops at a retry where asked to, and shows the states a task sets', async () => {
    const { app } = someApp();
    const flaky = app.task({ name: 'kit.flaky', bind: true }, async (task) => {
      await task.updateState('HALF', { done: 50 });
      throw task.retry({ countdown: 7 });
    });
    const run = await runTask(flaky, [], { onRetry: 'stop', retries: 1 });
    expect(run).toMatchObject({ state: 'RETRY', retries: 1, delays: [7], states: [{ state: 'HALF', meta: { done: 50 } }] });
  });

  it('ends a task that would retry for ever', async () => {
    const { app } = someApp();
    const stubborn = app.task({ name: 'kit.stubborn', bind: true, maxRetries: null }, (task) => {
      throw task.retry();
    });
    await expect(runTask(stubborn, [])).rejects.toThrow('has asked for 1000 more tries');
  });
});
