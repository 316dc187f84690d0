/**
 * kill -9 of the beat that leads, again and again (M22, M23): each firing exactly once. The short form is part of
 * every run; `CTQ_BEAT_SOAK=120` takes that many seconds, with a kill each five as the promise has it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { firingId } from '../../src/beat/firing-id.js';
import { openSqliteDatabase } from '../../src/connections/sqlite/store.js';
import type { EntryState } from '../../src/beat/schedule-entry.js';
import { Ctq } from '../../src/index.js';
import { countMessages } from '../support/count-messages.js';
import { beatApp, launchCtqBeat, leads } from '../support/ctq-beat.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { type Estate, openEstate } from './operations/estate.js';

const SOAK_S = Number(process.env['CTQ_BEAT_SOAK'] ?? 0);
const PACE_MS = 5_000;
const KILLS = SOAK_S > 0 ? Math.floor((SOAK_S * 1000) / PACE_MS) : 2;
const BEATS = 3;
const ENTRIES = 10;

/** Ten entries, each once a second, with the slot in nothing but the id: what is counted is the messages. */
const SCHEDULE = `
for (let n = 0; n < ${ENTRIES}; n++) app.addPeriodicTask(1, 'tasks.count', { name: 'entry-' + n, args: [n], options: { queue: 'counted' } });
`;

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `three beats, and kill -9 of the one that leads, on ${engine}`, () => {
    const running: OwnedProcess[] = [];
    let estate: Estate | undefined;
    let app: Ctq | undefined;

    afterAll(async () => {
      await app?.close();
      await Promise.all(running.map((beat) => beat.kill()));
      await estate?.close();
    });

    it(`sends each firing of ${ENTRIES} entries a second exactly once through ${KILLS} kills`, {
      timeout: 120_000 + SOAK_S * 3_000,
    }, async () => {
      estate = await openEstate(engine);
      const { url } = estate;
      const folder = beatApp(SCHEDULE);
      const start = (): void => void running.push(launchCtqBeat({ folder, broker: url }));
      const leader = (): Promise<OwnedProcess> =>
        eventually(
          () => {
            const found = running.find(leads);
            if (found === undefined) throw new Error(`nobody leads:\n${running.map(({ output }) => output.slice(-500)).join('\n---\n')}`);
            return found;
          },
          // Ten seconds at most, where nobody is kept from looking.
          { timeoutMs: 45_000, intervalMs: 50 },
        );
      app = new Ctq('counter', { brokerUrl: url, resultBackend: 'disabled://' });
      const counted = await countMessages(await app.broker(), 'counted');
      for (let beat = 0; beat < BEATS; beat += 1) start();
      const stalls = watchForStalls(estate);
      await leader();
      const firstLeadAtMs = Date.now();
      for (let kill = 1; kill <= KILLS; kill += 1) {
        // By the clock in the long form, wherever in its life the leader is then; as soon as it has sent something in the short one.
        if (SOAK_S > 0) await until(firstLeadAtMs + kill * PACE_MS);
        const victim = await leader();
        const from = counted.ids.length;
        if (SOAK_S === 0) await eventually(() => counted.ids.length > from + ENTRIES);
        await victim.kill();
        start();
        await leader();
      }
      const last = await leader();
      // Nothing is behind any more.
      const current = await eventually(
        async () => {
          const { lastRunAtMs } = (await storedRuns(url)).of('entry-0');
          expect(lastRunAtMs).toBeGreaterThan(Date.now() - 1_000);
          return lastRunAtMs;
        },
        { timeoutMs: 30_000, intervalMs: 100 },
      );
      const coveredSinceMs = await coveredSince(estate);
      const coveredFromTheFirst = coveredSinceMs <= firstLeadAtMs;
      // Seconds of which no beat saw anything are the machine's: they stood still for us, too.
      if (stalls.stop() < 1_500) expect(coveredFromTheFirst).toBe(true);
      await Promise.all(running.map((beat) => beat.stop('SIGTERM')));
      expect(last.ending).toEqual({ code: 0, signal: null });

      // What a leader sent when it was already killed is under way still.
      const state = await storedRuns(url);
      await eventually(() => expect(counted.ids.length).toBeGreaterThanOrEqual(state.total), { timeoutMs: 10_000 });
      // A task id is made of entry and moment: the same id twice would be one firing sent twice …
      const sent = new Set(counted.ids);
      expect(sent.size).toBe(counted.ids.length);
      expect(sent.size).toBe(state.total);
      for (let n = 0; n < ENTRIES; n += 1) {
        const name = `entry-${n}`;
        const { lastRunAtMs, totalRunCount } = state.of(name);
        // … and from the last second back to the first, each moment has its own: to the first since some beat has shown up without a gap,
        // which is the very first, but for a machine that stood still for seconds with all its beats.
        const moments = coveredFromTheFirst ? totalRunCount : Math.ceil((lastRunAtMs - coveredSinceMs) / 1000);
        const missing = Array.from({ length: moments }, (_, back) => lastRunAtMs - back * 1000).filter(
          (slotMs) => !sent.has(firingId('tasks', name, slotMs)),
        );
        expect({ name, missing }).toEqual({ name, missing: [] });
        if (coveredFromTheFirst) expect(lastRunAtMs - totalRunCount * 1000).toBeLessThanOrEqual(firstLeadAtMs + 5_000);
        expect(lastRunAtMs).toBeGreaterThanOrEqual(current - 1_000);
      }
    });
  });
}

interface Runs {
  readonly total: number;
  of(name: string): EntryState;
}

/** What the store says of the runs. */
async function storedRuns(brokerUrl: string): Promise<Runs> {
  const tasks = new Ctq('tasks', { brokerUrl, resultBackend: 'disabled://' });
  const store = await tasks.scheduleStore();
  if (store === undefined) throw new Error('no store');
  const { states } = await store.load();
  await store.close();
  await tasks.close();
  return {
    total: [...states.values()].reduce((sum, { totalRunCount }) => sum + totalRunCount, 0),
    of(name) {
      const state = states.get(name);
      if (state === undefined) throw new Error(`nothing is known of ${name}`);
      return state;
    },
  };
}

/** Since when there was no second of which nobody saw anything, as the store has noted it. */
async function coveredSince({ url, redis }: Estate): Promise<number> {
  if (redis !== undefined) {
    const [presence] = (await redis.command('KEYS', '*:presence')) as string[];
    return Number(await redis.command('HGET', presence as string, 'since'));
  }
  const db = await openSqliteDatabase({ path: url.slice('sqlite://'.length), sync: 'normal' });
  try {
    return db.get<{ covered_since: number }>('SELECT covered_since FROM beat_group')?.covered_since ?? 0;
  } finally {
    db.close();
  }
}

interface StallWatch {
  /** The longest that it took to look, in milliseconds. */
  stop(): number;
}

/** Looks at the store's server, or writes beside its file, ten times a second. */
function watchForStalls({ redis }: Estate): StallWatch {
  const file = join(tmpFolder(), 'probe');
  let worstMs = 0;
  let lastMs = performance.now();
  const over = new AbortController();
  const look = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if (redis === undefined) writeFileSync(file, '', { flush: true });
      else await redis.command('PING');
      await delay(100);
      worstMs = Math.max(worstMs, performance.now() - lastMs);
      lastMs = performance.now();
    }
  };
  void look().catch(() => {
    worstMs = Number.POSITIVE_INFINITY;
  });
  return {
    stop() {
      over.abort();
      return Math.max(worstMs, performance.now() - lastMs);
    },
  };
}

/** The pace of the kills is part of the promise. */
function until(wallMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, wallMs - Date.now()));
}
