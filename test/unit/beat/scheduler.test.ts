import { describe, expect, it } from 'vitest';
import { readEntry, type ScheduleEntryInput } from '../../../src/beat/schedule-entry.js';
import { type Firing, Scheduler, type TickOptions } from '../../../src/beat/scheduler.js';
import { TimeZone } from '../../../src/beat/time-zone.js';

const T0 = Date.UTC(2026, 0, 1, 12);
const SECOND = 1000;
const HOUR = 3_600_000;
const watched: TickOptions = { missedUntilMs: Number.NEGATIVE_INFINITY, startingDeadlineMs: undefined, limit: 100 };

function scheduler(entries: Readonly<Record<string, Omit<ScheduleEntryInput, 'task'>>>, lastRunAtMs = T0): Scheduler {
  const made = new Scheduler(TimeZone.of('UTC'));
  for (const [name, input] of Object.entries(entries)) {
    made.put(readEntry(name, { task: 'tasks.x', ...input }, name), { lastRunAtMs, totalRunCount: 0 });
  }
  return made;
}

const shown = (firings: readonly Firing[]): string[] =>
  firings.map(({ entry, slotMs, verdict }) => `${verdict} ${entry.name} +${(slotMs - T0) / SECOND}`);

/** Ticks and settles until nothing is due. */
function drain(it: Scheduler, nowMs: number, options: Partial<TickOptions> = {}): string[] {
  const all: Firing[] = [];
  for (let firings = it.tick(nowMs, { ...watched, ...options }); firings.length > 0; firings = it.tick(nowMs, { ...watched, ...options })) {
    for (const firing of firings) it.settle(firing);
    all.push(...firings);
  }
  return shown(all);
}

describe('Scheduler', () => {
  it('fires each entry at its own moments, the longest due first', () => {
    const it = scheduler({ two: { schedule: 2 }, three: { schedule: 3 } });
    expect(it.nextDueMs).toBe(T0 + 2 * SECOND);
    expect(drain(it, T0 + 1999)).toEqual([]);
    expect(drain(it, T0 + 6 * SECOND)).toEqual(
      ['send two +2', 'send three +3', 'send two +4', 'send three +6', 'send two +6'].sort(byMoment),
    );
    expect(it.state('two')).toEqual({ lastRunAtMs: T0 + 6 * SECOND, totalRunCount: 3 });
    expect(it.nextDueMs).toBe(T0 + 8 * SECOND);
  });

  it('has one firing of an entry under way, and fires it again when it is postponed', () => {
    const it = scheduler({ a: { schedule: 1 } });
    const [firing] = it.tick(T0 + 5 * SECOND, watched) as [Firing];
    expect(it.tick(T0 + 5 * SECOND, watched)).toEqual([]);
    it.postpone(firing, T0 + 6 * SECOND);
    expect(it.nextDueMs).toBe(T0 + 6 * SECOND);
    expect(shown(it.tick(T0 + 6 * SECOND, watched))).toEqual(['send a +1']);
  });

  it('goes on after what another beat has sent', () => {
    const it = scheduler({ a: { schedule: 1 } });
    const [firing] = it.tick(T0 + 9 * SECOND, watched) as [Firing];
    it.overtaken(firing, { lastRunAtMs: T0 + 7 * SECOND, totalRunCount: 7 });
    expect(it.state('a')).toEqual({ lastRunAtMs: T0 + 7 * SECOND, totalRunCount: 7 });
    expect(it.nextDueMs).toBe(T0 + 8 * SECOND);
  });

  it('sends the latest of what was missed, each, or none of it, as the entry says; what is late only is sent', () => {
    const entries = { once: { schedule: 2 }, all: { schedule: 2, catchUp: 'all' }, skip: { schedule: 2, catchUp: 'skip' } } as const;
    const it = scheduler(entries);
    const fired = drain(it, T0 + 9 * SECOND, { missedUntilMs: T0 + 5 * SECOND });
    expect(fired.filter((line) => line.includes('once'))).toEqual(['send once +4', 'send once +6', 'send once +8']);
    expect(fired.filter((line) => line.includes('all'))).toEqual(['send all +2', 'send all +4', 'send all +6', 'send all +8']);
    expect(fired.filter((line) => line.includes('skip'))).toEqual(['skip skip +4', 'send skip +6', 'send skip +8']);
    expect(it.state('skip')?.totalRunCount).toBe(2);
  });

  it('drops crontab firings that are older than the starting deadline, and intervals never', () => {
    const it = scheduler({ cron: { schedule: '0 * * * *', catchUp: 'all' }, span: { schedule: 3600 } });
    const nowMs = T0 + 5 * HOUR + 60_000;
    const fired = drain(it, nowMs, { missedUntilMs: nowMs, startingDeadlineMs: 2 * HOUR });
    expect([...fired].sort()).toEqual(['send cron +14400', 'send cron +18000', 'send span +18000', 'skip cron +10800']);
    const once = scheduler({ cron: { schedule: '0 * * * *' } });
    expect(drain(once, nowMs, { missedUntilMs: nowMs, startingDeadlineMs: 30_000 })).toEqual(['skip cron +18000']);
  });

  it('leaves out what is off, and what never fires', () => {
    const never = { nextAfter: () => undefined };
    const it = scheduler({ off: { schedule: 1, enabled: false }, never: { schedule: never } });
    expect(it.nextDueMs).toBeUndefined();
    expect(it.size).toBe(2);
  });

  it('replaces and removes entries, and forgets the firing of one that was replaced', () => {
    const it = scheduler({ a: { schedule: 1 }, b: { schedule: 1 } });
    const firings = it.tick(T0 + SECOND, watched);
    it.put(readEntry('a', { task: 'y', schedule: 5 }, 'a'), { lastRunAtMs: T0, totalRunCount: 3 });
    it.remove('b');
    for (const firing of firings) it.settle(firing);
    expect(it.state('a')).toEqual({ lastRunAtMs: T0, totalRunCount: 3 });
    expect([...it.names()]).toEqual(['a']);
    expect(it.nextDueMs).toBe(T0 + 5 * SECOND);
  });

  it('uses the zone of the entry before its own', () => {
    const it = scheduler({ tokyo: { schedule: '0 3 * * *', timezone: 'Asia/Tokyo' }, utc: { schedule: '0 3 * * *' } });
    expect(drain(it, T0 + 24 * HOUR)).toEqual(['send utc +54000', 'send tokyo +21600'].sort(byMoment));
  });

  it('takes no more than it is asked for', () => {
    const it = scheduler({ a: { schedule: 1 }, b: { schedule: 1 }, c: { schedule: 1 } });
    expect(it.tick(T0 + SECOND, { ...watched, limit: 2 })).toHaveLength(2);
    expect(it.tick(T0 + SECOND, { ...watched, limit: 2 })).toHaveLength(1);
  });

  it('reports a schedule of somebody’s own that fails, and goes on with the others', () => {
    const broken = {
      nextAfter: () => {
        throw new Error('no moon');
      },
    };
    const odd = { nextAfter: () => new Date(Number.NaN) };
    const still = { nextAfter: (last: Date) => last };
    const it = scheduler({ broken: { schedule: broken }, odd: { schedule: odd }, still: { schedule: still }, good: { schedule: 1 } });
    expect(it.takeProblems().map(({ entry, error }) => `${entry.name}: ${(error as Error).message}`)).toEqual([
      'broken: no moon',
      'odd: its nextAfter gave no valid date',
    ]);
    expect(it.takeProblems()).toEqual([]);
    // One that stands still fires once a millisecond, not for ever in one.
    expect(drain(it, T0 + 3).length).toBe(3);
  });

  it('walks a schedule of somebody’s own to what was missed last', () => {
    const own = { nextAfter: (last: Date) => new Date(last.getTime() + 10 * SECOND) };
    const it = scheduler({ own: { schedule: own } });
    expect(drain(it, T0 + 45 * SECOND, { missedUntilMs: T0 + 45 * SECOND })).toEqual(['send own +40']);
  });

  it('goes on from now where the last run lies far ahead', () => {
    const it = scheduler({ a: { schedule: 10 }, near: { schedule: 10 } }, T0 + HOUR);
    it.put(readEntry('near', { task: 'x', schedule: 10 }, ''), { lastRunAtMs: T0 + SECOND, totalRunCount: 0 });
    expect(it.rebase(T0, 60_000)).toEqual(['a']);
    expect(it.nextDueMs).toBe(T0 + 10 * SECOND);
  });
});

function byMoment(a: string, b: string): number {
  const moment = (line: string): number => Number(/\+(\d+)/.exec(line)?.[1]);
  return moment(a) - moment(b);
}
