/** What every store that beats share must pass. An engine's test says how to open it, and the broker beside it. */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Broker, Queue } from '../../src/broker.js';
import type { EntryState } from '../../src/beat/schedule-entry.js';
import type { Attendance, FiringResult, PreparedFiring, ScheduleStore } from '../../src/beat/schedule-store.js';
import { LEASE_MS, LONGEST_GAP_MS } from '../../src/beat/schedule-store.js';
import { eventually, throughout } from '../support/eventually.js';
import { consume } from './broker/verbs.js';
import { DeliveryLog } from './delivery-log.js';
import { taskMessage } from './messages.js';
import { quickest, undisturbed } from '../support/undisturbed.js';

export interface ScheduleStoreEngine {
  /** Starts an empty one. */
  start(): Promise<RunningStoreEngine>;
}

export interface RunningStoreEngine {
  /** One more beat's door to it. */
  open(member: string, scope?: string): Promise<ScheduleStore>;
  /** The apps that have entries there. */
  scopes(): Promise<readonly string[]>;
  /** The broker in the same place. */
  broker(): Promise<Broker>;
  stop(): Promise<void>;
}

const queue: Queue = { name: 'beats', exchange: { name: '', type: 'direct' }, routingKey: 'beats' };
const T = Date.UTC(2026, 10, 21);

function firing(
  name: string,
  slotMs: number,
  route: PreparedFiring['call'] extends infer Call ? Partial<NonNullable<Call>> : never = {},
): PreparedFiring {
  return {
    name,
    slotMs,
    call: { message: taskMessage(`${name}@${slotMs}`), route: { exchange: queue.exchange, routingKey: 'beats' }, ...route },
  };
}

function kinds(results: readonly FiringResult[] | 'fenced'): unknown {
  return results === 'fenced' ? results : results.map(({ kind }) => kind);
}

/** After {@link LEASE_MS} the lead is lost; who did not look for LONGEST_GAP_MS knows nothing; what takes longer says nothing. */
const SHORT_MS = LONGEST_GAP_MS / 2;

export function describeScheduleStoreContract(name: string, engine: ScheduleStoreEngine): void {
  describe(`schedule store contract: ${name}`, () => {
    let running: Promise<RunningStoreEngine> | undefined;
    const opened: { close(): Promise<void> }[] = [];

    const stop = async (): Promise<void> => {
      await Promise.allSettled(opened.splice(0).map((one) => one.close()));
      await (await running)?.stop();
      running = undefined;
    };
    afterEach(stop);

    /** What holds while the leader has shown up a moment ago, and the store is not silent. */
    const inTime = (title: string, experiment: () => Promise<void>): void =>
      it(title, { timeout: 60_000 }, () =>
        undisturbed(SHORT_MS, async () => {
          await stop();
          await experiment();
        }),
      );

    const store = async (member: string, scope = 'app'): Promise<ScheduleStore> => {
      running ??= engine.start();
      const door = await (await running).open(member, scope);
      opened.push(door);
      return door;
    };
    const broker = async (): Promise<Broker> => {
      running ??= engine.start();
      const door = await (await running).broker();
      opened.push(door);
      return door;
    };
    const leader = async (member = 'a', scope = 'app'): Promise<ScheduleStore> => {
      const door = await store(member, scope);
      expect((await door.attend()).role).toBe('leader');
      return door;
    };

    inTime('names the apps that have entries, and no others', async () => {
      for (const scope of ['shop', 'a*[b]:entries']) await (await store('people', scope)).put('x', '{"task":"x"}', T);
      await leader('beat', 'empty');
      expect(await (await running)?.scopes()).toEqual(['a*[b]:entries', 'shop']);
    });

    inTime('gives the lead to the first that shows up, and tells the others who it is', async () => {
      const [a, b] = [await store('a@host'), await store('b@host')];
      expect(await a.attend()).toMatchObject({ role: 'leader', begins: true, revision: 0 });
      expect(await b.attend()).toEqual({ role: 'standby', leader: 'a@host' });
      expect(await a.attend()).toMatchObject({ role: 'leader', begins: false });
    });

    inTime('keeps the terms of two apps apart', async () => {
      const [a, b] = [await store('a', 'one'), await store('b', 'two')];
      expect([(await a.attend()).role, (await b.attend()).role]).toEqual(['leader', 'leader']);
      await a.change({ put: new Map([['x', '{}']]) });
      expect((await b.load()).definitions.size).toBe(0);
    });

    inTime('lets a leader that goes give the lead back at once', async () => {
      const [a, b] = [await leader('a'), await store('b')];
      await b.resign();
      expect((await a.attend()).role).toBe('leader');
      await a.resign();
      expect((await b.attend()).role).toBe('leader');
    });

    inTime('sends each firing once, and counts', async () => {
      const a = await leader();
      const at = await broker();
      expect(kinds(await a.fire([firing('x', T), firing('y', T)]))).toEqual(['sent', 'sent']);
      expect(kinds(await a.fire([firing('x', T)]))).toEqual(['duplicate']);
      const state: EntryState = { lastRunAtMs: T + 1000, totalRunCount: 2 };
      expect(await a.fire([firing('x', T + 1000), firing('x', T - 1000)])).toEqual([{ kind: 'sent' }, { kind: 'duplicate', state }]);
      expect((await a.load()).states.get('x')).toEqual(state);
      await eventually(async () => expect(await at.depth('beats')).toBe(3));
    });

    inTime('sends a firing once although two leaders, one of them late, both try', async () => {
      const [a, b] = [await leader('a'), await store('b')];
      await a.fire([firing('x', T)]);
      await a.resign();
      await b.attend();
      expect(kinds(await b.fire([firing('x', T), firing('x', T + 1)]))).toEqual(['duplicate', 'sent']);
      expect(await (await broker()).depth('beats')).toBe(2);
    });

    inTime('notes what is skipped without sending it', async () => {
      const a = await leader();
      expect(kinds(await a.fire([{ name: 'x', slotMs: T, call: undefined }]))).toEqual(['sent']);
      expect((await a.load()).states.get('x')).toEqual({ lastRunAtMs: T, totalRunCount: 0 });
      expect(await (await broker()).depth('beats')).toBe(0);
    });

    inTime('sends what a consumer of the broker gets whole, by exchange and priority too', async () => {
      const a = await leader();
      const at = await broker();
      const bound: Queue = { name: 'mail', exchange: { name: 'letters', type: 'topic' }, routingKey: 'mail.#' };
      await at.declare(bound);
      const message = { ...taskMessage('hello'), properties: { ...taskMessage('hello').properties, priority: 6 } };
      await a.fire([firing('x', T, { message, route: { exchange: bound.exchange, routingKey: 'mail.now' } })]);
      const log = new DeliveryLog();
      await consume(at, [bound], 1, log);
      const delivery = await log.nth(0);
      await delivery.ack();
      const got = delivery.message;
      expect([Buffer.from(got.body), got.properties.priority]).toEqual([Buffer.from(message.body), 6]);
    });

    inTime('keeps what the leader changes, and takes it away', async () => {
      const a = await leader();
      const states = new Map([['x', { lastRunAtMs: T, totalRunCount: 4 }]]);
      const put = new Map(
        ['x', 'y', '__proto__', 'with blanks: and\nmore', 'é'].map((entry) => [entry, `{"task":"${entry.length}"}`] as const),
      );
      expect(await a.change({ put, states, timezone: 'Europe/Berlin' })).toBe('changed');
      expect(await a.load()).toMatchObject({ definitions: put, states, timezone: 'Europe/Berlin', paused: new Set() });
      await a.change({ remove: ['x', '__proto__'] });
      const left = await a.load();
      expect([...left.definitions.keys()].sort()).toEqual(['with blanks: and\nmore', 'y', 'é'].sort());
      expect(left.states.size).toBe(0);
      expect(left.timezone).toBe('Europe/Berlin');
    });

    inTime('takes ten thousand entries at once', async () => {
      const a = await leader();
      const entries = Array.from({ length: 10_000 }, (_, index) => [`entry ${index}`, '{"task":"x"}'] as const);
      await a.change({
        put: new Map(entries),
        states: new Map(entries.map(([entry], index) => [entry, { lastRunAtMs: T + index, totalRunCount: index }])),
      });
      const { definitions, states } = await a.load();
      expect([definitions.size, states.size, states.get('entry 9999')]).toEqual([
        10_000,
        10_000,
        { lastRunAtMs: T + 9999, totalRunCount: 9999 },
      ]);
    });

    inTime('lets people add, remove, pause and resume entries, which the leader notices', async () => {
      const [a, people] = [await leader(), await store('people')];
      const revision = async (): Promise<number> => ((await a.attend()) as { readonly revision: number }).revision;
      let before = await revision();
      const noticed = async (): Promise<boolean> => {
        const now = await revision();
        const changed = now !== before;
        before = now;
        return changed;
      };
      expect(await noticed()).toBe(false);
      await people.put('x', '{"task":"x"}', T);
      expect(await noticed()).toBe(true);
      expect((await a.load()).states.get('x')).toEqual({ lastRunAtMs: T, totalRunCount: 0 });
      await people.put('x', '{"task":"y"}', T + 5000);
      expect(await noticed()).toBe(true);
      const replaced = await a.load();
      expect([replaced.definitions.get('x'), replaced.states.get('x')?.lastRunAtMs]).toEqual(['{"task":"y"}', T]);
      await people.pause('x');
      expect(await noticed()).toBe(true);
      expect([...(await a.load()).paused]).toEqual(['x']);
      await people.resume('x', T + 9000);
      expect(await noticed()).toBe(true);
      const resumed = await a.load();
      expect([resumed.paused.size, resumed.states.get('x')]).toEqual([0, { lastRunAtMs: T + 9000, totalRunCount: 0 }]);
      expect([await people.remove('x'), await people.remove('x')]).toEqual([true, false]);
      expect(await noticed()).toBe(true);
      expect((await a.load()).definitions.size).toBe(0);
    });

    it('can be read before any beat has been there', async () => {
      expect(await (await store('people')).load()).toMatchObject({ definitions: new Map(), states: new Map(), revision: 0 });
    });

    it('agrees with a model of it through any sequence of steps of three beats', { timeout: 60_000 }, async () => {
      const step = fc.oneof(
        fc.record({ verb: fc.constantFrom('attend', 'resign'), beat: fc.nat(2) }),
        fc.record({
          verb: fc.constant('fire'),
          beat: fc.nat(2),
          entry: fc.constantFrom('x', 'y'),
          second: fc.nat(8),
          wanted: fc.boolean(),
        }),
        fc.record({ verb: fc.constantFrom('resume', 'remove'), beat: fc.nat(2), entry: fc.constantFrom('x', 'y'), second: fc.nat(8) }),
      );
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) =>
          undisturbed(SHORT_MS, async () => {
            round += 1;
            const doors = await Promise.all(['a', 'b', 'c'].map((member) => store(member, `round ${round}`)));
            const model = { leader: undefined as number | undefined, runs: new Map<string, EntryState>(), sent: 0 };
            const at = await broker();
            const before = await at.depth('beats');
            for (const one of steps) {
              const door = doors[one.beat] as ScheduleStore;
              if (one.verb === 'attend') {
                model.leader ??= one.beat;
                expect((await door.attend()).role).toBe(model.leader === one.beat ? 'leader' : 'standby');
              } else if (one.verb === 'resign') {
                await door.resign();
                if (model.leader === one.beat) model.leader = undefined;
              } else if ('wanted' in one) {
                const slotMs = T + one.second * 1000;
                const result = await door.fire([one.wanted ? firing(one.entry, slotMs) : { name: one.entry, slotMs, call: undefined }]);
                const known = model.runs.get(one.entry);
                if (model.leader !== one.beat) expect(result).toBe('fenced');
                else if (known !== undefined && known.lastRunAtMs >= slotMs) expect(result).toEqual([{ kind: 'duplicate', state: known }]);
                else {
                  expect(result).toEqual([{ kind: 'sent' }]);
                  model.runs.set(one.entry, { lastRunAtMs: slotMs, totalRunCount: (known?.totalRunCount ?? 0) + (one.wanted ? 1 : 0) });
                  model.sent += one.wanted ? 1 : 0;
                }
              } else if ('entry' in one && one.verb === 'remove') {
                await door.remove(one.entry);
                model.runs.delete(one.entry);
              } else if ('entry' in one) {
                await door.pause(one.entry);
                const nowMs = T + one.second * 1000;
                await door.resume(one.entry, nowMs);
                const known = model.runs.get(one.entry);
                model.runs.set(one.entry, {
                  lastRunAtMs: Math.max(known?.lastRunAtMs ?? 0, nowMs),
                  totalRunCount: known?.totalRunCount ?? 0,
                });
              }
            }
            expect((await (doors[0] as ScheduleStore).load()).states).toEqual(model.runs);
            expect(await at.depth('beats')).toBe(before + model.sent);
            await Promise.all(opened.splice(0).map((one) => one.close()));
          }),
        ),
        { numRuns: 25 },
      );
    });

    inTime('lets one of many lead, when all show up at the same time', async () => {
      const doors = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((member) => store(member)));
      const roles = (await Promise.all(doors.map((door) => door.attend()))).map(({ role }) => role);
      expect(roles.filter((role) => role === 'leader')).toHaveLength(1);
      const results = await Promise.all(doors.map((door) => door.fire([firing('x', T)])));
      expect(results.map(kinds).filter((kind) => kind !== 'fenced')).toEqual([['sent']]);
      expect(await (await broker()).depth('beats')).toBe(1);
    });
  });

  // Each waits for seconds to pass: they wait beside each other, in scopes of their own.
  describe.concurrent(`schedule store contract: ${name}, as time passes`, { timeout: 120_000 }, () => {
    let running: RunningStoreEngine;
    const doors: ScheduleStore[] = [];

    beforeAll(async () => {
      running = await engine.start();
    });
    afterAll(async () => {
      await Promise.allSettled(doors.map((door) => door.close()));
      await running.stop();
    });

    const two = async (scope: string): Promise<readonly [ScheduleStore, ScheduleStore]> => {
      const pair = [await running.open('a', scope), await running.open('b', scope)] as const;
      doors.push(...pair);
      return pair;
    };

    it('gives the lead of one that is gone to another within ten seconds, in a new term', async () => {
      let scopes = 0;
      const takenOver = async (_time: number, goesOn: () => void): Promise<number> => {
        scopes += 1;
        const [a, b] = await two(`gone ${scopes}`);
        const shownAt = performance.now();
        const first = (await a.attend()) as Attendance & { readonly role: 'leader' };
        const second = await eventually(
          async () => {
            goesOn();
            const attendance = await b.attend();
            if (attendance.role !== 'leader') throw new Error('not yet');
            return attendance;
          },
          { intervalMs: 300 },
        );
        expect(performance.now() - shownAt).toBeGreaterThan(LEASE_MS - 50);
        expect(second.term).toBeGreaterThan(first.term);
        expect(kinds(await a.fire([firing('x', T)]))).toBe('fenced');
        expect(await a.change({ states: new Map([['x', { lastRunAtMs: T, totalRunCount: 9 }]]) })).toBe('fenced');
        expect((await a.attend()).role).toBe('standby');
        expect((await b.load()).states.size).toBe(0);
        return performance.now() - shownAt;
      };
      expect(await quickest(10_000, () => undisturbed(SHORT_MS, takenOver))).toBeLessThan(10_000);
    });

    it('leaves the lead to who shows up, however long', async () => {
      await undisturbed(SHORT_MS, async (time, goesOn) => {
        const [a, b] = await two(`stays ${time}`);
        expect((await a.attend()).role).toBe('leader');
        await throughout(
          LEASE_MS + 1_000,
          async () => {
            goesOn();
            expect((await a.attend()).role).toBe('leader');
            expect((await b.attend()).role).toBe('standby');
          },
          500,
        );
      });
    });

    it('knows for how long somebody has watched, across a change of leader but not across a gap', async () => {
      const coveredForMs = (attendance: Attendance): number => (attendance.role === 'leader' ? attendance.coveredForMs : Number.NaN);
      const watched = await undisturbed(SHORT_MS + 1_000, async (time) => {
        const [a, b] = await two(`watched ${time}`);
        expect((await a.attend()).role).toBe('leader');
        await eventually(async () => {
          await b.attend();
          return coveredForMs(await a.attend()) > 1000;
        });
        await a.resign();
        expect(coveredForMs(await b.attend())).toBeGreaterThan(1000);
        return b;
      });
      await delay(LONGEST_GAP_MS + 200);
      expect(coveredForMs(await watched.attend())).toBeLessThan(1000);
    });
  });
}
