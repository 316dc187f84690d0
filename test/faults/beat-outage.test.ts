/** A beat whose broker goes away, and one that is frozen: M24, and the fence. */
import { afterAll, describe, expect, it } from 'vitest';
import { firingId } from '../../src/beat/firing-id.js';
import { Ctq } from '../../src/index.js';
import { countMessages } from '../support/count-messages.js';
import { beatApp, launchCtqBeat, leads } from '../support/ctq-beat.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const POLICIES = `for (const catchUp of ['once', 'all', 'skip']) {
  app.addPeriodicTask(1, 'tasks.x', { name: catchUp, catchUp, options: { queue: 'counted' } });
}`;

/** What a sequence of ids says about moments: entry → the moments that were sent, milliseconds, in order of arrival. */
function momentsOf(
  ids: readonly string[],
  names: readonly string[],
  aroundMs: number,
  spanMs: number,
): ReadonlyMap<string, readonly number[]> {
  const known = new Map<string, readonly [string, number]>();
  for (const name of names) {
    for (let slotMs = aroundMs - spanMs; slotMs <= aroundMs + spanMs; slotMs += 1000)
      known.set(firingId('tasks', name, slotMs), [name, slotMs]);
  }
  const found = new Map<string, number[]>(names.map((name) => [name, []]));
  for (const id of ids) {
    const moment = known.get(id);
    if (moment !== undefined) found.get(moment[0])?.push(moment[1]);
  }
  return found;
}

describeWith('redis', 'a beat whose Redis goes away for some seconds', () => {
  const running: OwnedProcess[] = [];
  let close = async (): Promise<void> => {};
  afterAll(async () => {
    await Promise.all(running.map((beat) => beat.kill()));
    await close();
  });

  it('sends what each entry wants of the missed firings within two seconds of its return, and nothing twice', {
    timeout: 90_000,
  }, async () => {
    const redis = await startRedis({ appendonly: 'always' });
    const app = new Ctq('counter', { brokerUrl: redis.url, resultBackend: 'disabled://' });
    close = async () => {
      await app.close();
      await redis.stop();
    };
    const { ids } = await countMessages(await app.broker(), 'counted');
    const beat = launchCtqBeat({ folder: beatApp(POLICIES), broker: redis.url });
    running.push(beat);
    await eventually(() => ids.length >= 6, { timeoutMs: 20_000 });
    await redis.kill();
    const goneAtMs = Date.now();
    await beat.waitForOutput(/beat: Connection error: cannot reach the broker/);
    await eventually(() => Date.now() - goneAtMs > 6_000, { timeoutMs: 10_000 });
    const before = ids.length;
    await redis.start();
    const backAtMs = Date.now();
    // It looks each second, so two seconds are promised; ten are for a machine that stands still.
    await eventually(() => ids.length >= before + 6, { timeoutMs: 10_000, intervalMs: 10 });
    const store = await new Ctq('tasks', { brokerUrl: redis.url }).scheduleStore();
    // And goes on with what comes after that.
    const lastOf = async (name: string): Promise<number> => (await store?.load())?.states.get(name)?.lastRunAtMs ?? 0;
    await eventually(async () => (await lastOf('skip')) > backAtMs + 1_500, { intervalMs: 100 });
    expect((await beat.stop()).code).toBe(0);

    const states = (await store?.load())?.states;
    await store?.close();
    const lastMs = states?.get('all')?.lastRunAtMs ?? 0;
    await eventually(() =>
      expect(ids.length).toBe([...(states?.values() ?? [])].reduce((sum, { totalRunCount }) => sum + totalRunCount, 0)),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const moments = momentsOf(ids, ['once', 'all', 'skip'], lastMs, 60_000);
    const all = moments.get('all') ?? [];
    const first = all[0] ?? 0;
    // Each second has its firing …
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => first + index * 1000));
    // … of those that were missed the latest, or none of them; and what came after that, all.
    const without = (name: string): readonly number[] => all.filter((slotMs) => !(moments.get(name) ?? []).includes(slotMs));
    const [notOnce, notSkip] = [without('once'), without('skip')];
    const ofTheOutage = (slots: readonly number[]): number => slots.filter((slotMs) => slotMs > goneAtMs && slotMs < backAtMs).length;
    expect([ofTheOutage(notOnce), ofTheOutage(notSkip)].map((count) => count >= 5)).toEqual([true, true]);
    // Whoever was stalled for more than three seconds besides has missed those, too: each time all but the latest are missing.
    expect(notOnce.filter((slotMs) => !notSkip.includes(slotMs))).toEqual([]);
    expect(notOnce.filter((slotMs) => !notSkip.includes(slotMs + 1000))).toEqual([]);
    const times = notSkip.filter((slotMs) => !notSkip.includes(slotMs + 1000));
    expect(times.filter((slotMs) => notOnce.includes(slotMs))).toEqual([]);
  });
});

describe('a beat that is frozen while it leads', () => {
  const running: OwnedProcess[] = [];
  afterAll(() => Promise.all(running.map((beat) => beat.kill())));

  it('finds somebody else leading when it thaws, and sends nothing of what it had in mind', { timeout: 90_000 }, async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    // All: also of what both have missed, where the machine itself stood still.
    const folder = beatApp("app.addPeriodicTask(1, 'tasks.x', { name: 'each', catchUp: 'all', options: { queue: 'counted' } });");
    const app = new Ctq('counter', { brokerUrl: url, resultBackend: 'disabled://' });
    const { ids } = await countMessages(await app.broker(), 'counted');
    for (let beat = 0; beat < 2; beat += 1) running.push(launchCtqBeat({ folder, broker: url }));
    const frozen = await eventually(
      () => {
        const found = running.find(leads);
        if (found === undefined) throw new Error('nobody leads');
        return found;
      },
      { timeoutMs: 20_000 },
    );
    const other = running.find((beat) => beat !== frozen) as OwnedProcess;
    await eventually(() => ids.length >= 2, { timeoutMs: 10_000 });
    frozen.signal('SIGSTOP');
    await eventually(() => leads(other));
    const from = ids.length;
    await eventually(() => ids.length >= from + 3, { timeoutMs: 10_000 });
    frozen.signal('SIGCONT');
    await eventually(() => !leads(frozen));
    await eventually(() => ids.length >= from + 6, { timeoutMs: 10_000 });
    for (const beat of running) await beat.stop();
    await eventually(async () => expect(await (await app.broker()).depth('counted')).toBe(0));
    const store = await new Ctq('tasks', { brokerUrl: url }).scheduleStore();
    const state = (await store?.load())?.states.get('each');
    await store?.close();
    await eventually(() => expect(ids.length).toBe(state?.totalRunCount));
    expect(new Set(ids).size).toBe(ids.length);
    const slots = momentsOf(ids, ['each'], state?.lastRunAtMs ?? 0, 60_000).get('each') ?? [];
    expect([...slots].sort()).toEqual(
      Array.from({ length: ids.length }, (_, back) => (state?.lastRunAtMs ?? 0) - (ids.length - 1 - back) * 1000),
    );
    await app.close();
  });
});
