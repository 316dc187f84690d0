/** Workers that are stopped, starved or frozen, as processes of their own: nothing lost, and nothing repeated that need not be (M13, M14, M27, M29, M31). */
import { afterEach, describe, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { Ledger } from './operations/ledger.js';
import { app, estate, ledger, useEstate, worker } from './operations/pool-workers.js';

const TERMS = 6;

async function send(name: string, seconds: number, task = 'tasks.late'): Promise<string> {
  ledger.sent(name);
  const sent = app.sendTask(task, [name, seconds]);
  await sent.published;
  return sent.id;
}

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `a worker that is stopped, on ${engine}`, () => {
    useEstate(engine);

    it(`ends by itself each of ${TERMS} times under load, and nothing is lost or repeated`, { timeout: 240_000 }, async () => {
      const sender = { busy: true };
      const trickle = (async () => {
        for (let index = 0; sender.busy; index++) {
          await send(`trickle-${index}`, 0.05);
          // Half of what one worker can do.
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      for (let index = 0; index < 10; index++) {
        ledger.sent(`eta-${index}`);
        await app.sendTask('tasks.late', [`eta-${index}`, 0], { countdown: 1 + index / 2 }).published;
      }
      let current = await worker();
      for (let term = 0; term < TERMS; term++) {
        const next = worker();
        await eventually(() => /succeeded/.test(current.output));
        expect((await current.stop('SIGTERM')).code).toBe(0);
        current = await next;
      }
      sender.busy = false;
      await trickle;
      const tally = await eventually(
        () => {
          const now = ledger.tally();
          expect(now.lost).toEqual([]);
          return now;
        },
        { timeoutMs: 60_000, intervalMs: 100 },
      );
      expect(tally.repeated).toEqual([]);
      expect(tally.sent).toBeGreaterThan(50);
    });

    it('gives what it had not begun to others at once, while a long one still runs', { timeout: 120_000 }, async () => {
      const first = await worker({ concurrency: 1, args: ['--prefetch-multiplier', '8'] });
      await send('long', 60);
      await eventually(() => ledger.begun('long') === 1);
      const names = Array.from({ length: 6 }, (_, index) => `short-${index}`);
      for (const name of names) await send(name, 0);
      await eventually(() => expect(first.output.match(/received/g)?.length).toBe(7));
      await worker({ concurrency: 2 });
      first.signal('SIGTERM');
      // The long one takes a minute; nobody waits for that.
      await eventually(() => expect(ledger.tally()).toEqual({ sent: 7, lost: ['long'], repeated: [] }));
      expect(first.ending).toBeUndefined();
    });

    it('leaves short tasks to an idle neighbour while its only slot is taken', { timeout: 120_000 }, async () => {
      const busy = await worker({ concurrency: 1 });
      for (let index = 0; index < 200; index++) await send(`warm-${index}`, 0);
      await eventually(() => ledger.tally().lost.length === 0, { timeoutMs: 40_000, intervalMs: 50 });
      await send('long', 60);
      await eventually(() => ledger.begun('long') === 1);
      await worker({ concurrency: 1 });
      const names = Array.from({ length: 20 }, (_, index) => `short-${index}`);
      for (const name of names) await send(name, 0);
      await eventually(() => expect(ledger.tally()).toMatchObject({ lost: ['long'], repeated: [] }));
      expect(busy.ending).toBeUndefined();
    });
  });
}

describeWith('redis', 'a worker in trouble, on redis', () => {
  useEstate('redis');
  let results: RedisServer | undefined;
  afterEach(async () => {
    await results?.stop();
    results = undefined;
  });

  it('keeps results while their store is away for ten seconds, and acknowledges only then', { timeout: 150_000 }, async () => {
    results = await startRedis({ appendonly: 'everysec' });
    const store = new Ctq('client', { brokerUrl: estate.url, resultBackend: results.url });
    try {
      await worker({ backend: results.url, concurrency: 10 });
      const ids: string[] = [];
      for (let index = 0; index < 30; index++) ids.push(await send(`task-${index}`, 0.5 + index / 30));
      await eventually(() => ledger.begun('task-0') === 1);
      await results.stop();
      // What has finished waits with its message; no more is taken than may be held.
      await eventually(() => expect(ledger.tally().lost.length).toBeLessThanOrEqual(20), { timeoutMs: 30_000 });
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      await results.start();
      const values = await Promise.all(ids.map((id) => store.AsyncResult(id).get({ timeout: 45 })));
      expect(values).toHaveLength(30);
      expect(ledger.tally()).toEqual({ sent: 30, lost: [], repeated: [] });
    } finally {
      await store.close();
    }
  });

  it('that was frozen learns that its tasks were given to others, and lets them be', { timeout: 180_000 }, async () => {
    const frozen = await worker({ concurrency: 2 });
    const ids = [await send('a', 7), await send('b', 7)];
    await eventually(() => ledger.begun('a') === 1 && ledger.begun('b') === 1);
    frozen.signal('SIGSTOP');
    const heir = await worker({ concurrency: 2 });
    await eventually(() => ledger.begun('a') === 2 && ledger.begun('b') === 2, { timeoutMs: 45_000 });
    frozen.signal('SIGCONT');
    await Promise.all(ids.map((id) => app.AsyncResult(id).get({ timeout: 45 })));
    await eventually(() => expect(heir.output.match(/succeeded/g)).toHaveLength(2));
    await eventually(() => expect(frozen.output).toMatch(/given to (?:an)?other workers? (?:while|meanwhile)/));
    expect(frozen.output).not.toMatch(/succeeded/);
    // It goes on with what comes next.
    await heir.stop('SIGTERM');
    await send('next', 0);
    await eventually(() => ledger.begun('next') === 1);
  });
});

describe('the ledger of these tests', () => {
  it('notices a task that was lost, and one that ran twice', async () => {
    const book = new Ledger(tmpFolder({ 'twice.end.1': '', 'twice.end.2': '' }));
    book.sent('lost');
    book.sent('twice');
    expect(book.tally()).toEqual({ sent: 2, lost: ['lost'], repeated: ['twice'] });
  });
});
