import { afterEach, describe, expect, it } from 'vitest';
import { Beat, type BeatParts, type BeatSettings } from '../../../src/beat/beat.js';
import { encodeDefinition } from '../../../src/beat/entry-definition.js';
import { firingId } from '../../../src/beat/firing-id.js';
import { readEntries, readEntry, type ScheduleEntryInput } from '../../../src/beat/schedule-entry.js';
import { LocalScheduleStore } from '../../../src/beat/schedule-stores/local.js';
import type { EntryState } from '../../../src/beat/schedule-entry.js';
import type { StateFile } from '../../../src/beat/schedule-store.js';
import { TimeZone } from '../../../src/beat/time-zone.js';
import type { Broker } from '../../../src/broker.js';
import { BrokerError, ConfigError } from '../../../src/errors.js';
import { Signals } from '../../../src/signals.js';
import { beatLog } from '../../support/beat-captures.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeScheduleStore } from '../../support/fake-schedule-store.js';
import { LogLines } from '../../support/log-lines.js';

const T0 = Date.UTC(2026, 10, 21, 9, 28, 49);
const away = new BrokerError('CTQ_BROKER_UNREACHABLE', 'cannot reach the broker at redis://h: connection refused');

interface Bench {
  readonly clock: FakeClock;
  readonly store: FakeScheduleStore;
  readonly log: LogLines;
  readonly beat: Beat;
  readonly file: MemoryStateFile;
  readonly signals: Signals;
  /** Ends without an error. */
  readonly started: Promise<void>;
}

class MemoryStateFile implements StateFile {
  readonly path = '/data/celerybeat-schedule';
  content: { readonly states: ReadonlyMap<string, EntryState>; readonly timezone: string | undefined } | undefined;
  saves = 0;
  async load(): Promise<typeof this.content> {
    return this.content;
  }
  async save(states: ReadonlyMap<string, EntryState>, timezone: string): Promise<void> {
    this.saves += 1;
    this.content = { states: new Map(states), timezone };
  }
}

const benches: Bench[] = [];

afterEach(async () => {
  for (const { beat, clock } of benches.splice(0)) {
    const stopped = beat.stop().catch(() => {});
    await clock.advance(5_000);
    await stopped;
    expect(clock.pendingTimers).toBeLessThanOrEqual(1);
  }
});

type Entries = Readonly<Record<string, Omit<ScheduleEntryInput, 'task'> & { readonly task?: string }>>;

interface Wishes {
  readonly settings?: Partial<BeatSettings>;
  readonly zone?: string;
  readonly prepare?: (store: FakeScheduleStore, file: MemoryStateFile) => void;
  readonly withFile?: boolean;
  readonly shared?: boolean;
  readonly parts?: Partial<BeatParts>;
}

async function start(entries: Entries, wishes: Wishes = {}): Promise<Bench> {
  const clock = new FakeClock(T0);
  const store = new FakeScheduleStore(clock, { shared: wishes.shared ?? true });
  const [log, file, signals] = [new LogLines(), new MemoryStateFile(), new Signals()];
  wishes.prepare?.(store, file);
  const beat = new Beat({
    entries: readEntries(
      Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, { task: 'tasks.add', ...entry }])),
      'beatSchedule',
    ),
    taskNames: new Set(['tasks.add', 'tasks.echo']),
    store,
    stateFile: wishes.withFile === true ? file : undefined,
    producer: {
      async prepareCall(name, args, options) {
        if (name === 'tasks.unwritable') throw new ConfigError('a task needs a name', { hint: 'such as tasks.add' });
        const body = Buffer.from(JSON.stringify([args, options.kwargs]));
        const message = {
          headers: { id: options.taskId, task: name },
          properties: {},
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          body,
        };
        return { message, route: { exchange: { name: '', type: 'direct' }, routingKey: options.queue ?? 'celery' }, published() {} };
      },
    },
    zone: TimeZone.of(wishes.zone ?? 'UTC'),
    scope: 'tasks',
    settings: { beatMaxLoopInterval: 0, beatSyncEvery: 0, beatCronStartingDeadline: null, ...wishes.settings },
    logger: log,
    clock,
    signals,
    nodename: 'celery@here',
    brokerUrl: 'memory://',
    ...wishes.parts,
  });
  const started = beat.start();
  started.catch(() => {});
  const bench = { clock, store, log, beat, file, signals, started };
  benches.push(bench);
  await clock.advance(0);
  return bench;
}

describe('a beat that leads', () => {
  it('sends each entry when it is due, under the id that every beat computes', async () => {
    const { clock, store, beat } = await start({ two: { schedule: 2 }, three: { schedule: 3 } });
    expect(beat.state).toBe('leading');
    await clock.advance(6_000);
    expect([...store.sent].sort()).toEqual(['three +3', 'three +6', 'two +2', 'two +4', 'two +6']);
    expect(store.taskIds[0]).toBe(firingId('tasks', 'two', T0 + 2_000));
    expect(store.states.get('two')).toEqual({ lastRunAtMs: T0 + 6_000, totalRunCount: 3 });
  });

  it('says what Celery’s beat says, in its order', async () => {
    const { clock, log } = await start({ 'every-2s': { schedule: 2, args: [1, 2] } });
    await clock.advance(2_000);
    const theirs = beatLog('beat run of 9 s: queues afterwards');
    const ours = log.lines.map((line) => line.replace(/id->\S+/, 'id->…'));
    expect(ours).toEqual([
      'INFO beat: Starting...',
      'DEBUG beat: Ticking with max interval->5.00 minutes',
      'INFO beat: Sending what is due from now on (term 1).',
      'DEBUG Current schedule:\n<ScheduleEntry: every-2s tasks.add(1, 2) <freq: 2.00 seconds>',
      'DEBUG beat: Waking up in 2.00 seconds.',
      'INFO Scheduler: Sending due task every-2s (tasks.add)',
      'DEBUG tasks.add sent. id->…',
      'DEBUG beat: Waking up in 2.00 seconds.',
    ]);
    for (const line of ours.filter((one) => !one.includes('from now on') && !one.includes('Current') && !one.includes('Waking'))) {
      const [level = '', ...words] = line.split(' ');
      expect(theirs).toContain(`: ${level}/MainProcess] ${words.join(' ').replace('…', '')}`);
    }
    expect(theirs).toMatch(/DEBUG\/MainProcess\] beat: Waking up in \d\.\d\d seconds\./);
  });

  it('drops what another beat has sent, and goes on after it', async () => {
    const { clock, store, log } = await start({ two: { schedule: 2 } });
    store.states.set('two', { lastRunAtMs: T0 + 4_000, totalRunCount: 2 });
    await clock.advance(6_000);
    expect(store.sent).toEqual(['two +6']);
    expect(log.find(/had been sent already/)).toHaveLength(1);
  });

  it('goes on with the others when a message cannot be made, or is refused', async () => {
    const { clock, store, log } = await start({
      bad: { schedule: 2, task: 'tasks.unwritable' },
      full: { schedule: 2 },
      good: { schedule: 2 },
    });
    store.refused.set('full', new BrokerError('CTQ_BROKER_FAILED', 'the broker failed: the server is out of memory'));
    await clock.advance(4_000);
    expect(store.sent).toEqual(['good +2', 'good +4']);
    expect(log.find(/Message Error: Couldn't apply scheduled task bad: a task needs a name \(such as tasks\.add\)/)).toHaveLength(2);
    expect(log.find(/Couldn't apply scheduled task full: the broker failed/).length).toBeGreaterThan(0);
    store.refused.clear();
    await clock.advance(10_000);
    // Nothing of it was lost: it had been late, and somebody was there.
    expect(store.sent.filter((line) => line.startsWith('full'))).toEqual([
      'full +2',
      'full +4',
      'full +6',
      'full +8',
      'full +10',
      'full +12',
      'full +14',
    ]);
  });

  it('warns once of a task that the app does not have, and sends it all the same', async () => {
    const { clock, store, log } = await start({
      slip: { schedule: 2, task: 'tasks.ad' },
      python: { schedule: 2, task: 'proj.python_task' },
    });
    await clock.advance(4_000);
    expect(
      log.find(/WARNING beat: The entry slip names the task tasks\.ad, which this app does not have \(did you mean tasks\.add\?/),
    ).toHaveLength(1);
    expect(log.find(/WARNING .* proj\.python_task, which this app does not have \(it is sent by its name/)).toHaveLength(1);
    expect(store.sent).toHaveLength(4);
  });

  it('notices within a second what people edit', async () => {
    const { clock, store, log } = await start({ code: { schedule: 3600 } });
    await store.put('added', encodeDefinition(readEntry('added', { task: 'tasks.echo', schedule: 2 }, ''), 'store'), clock.nowMs());
    await store.put('broken', '{"task": 5}', clock.nowMs());
    await clock.advance(3_000);
    expect(store.sent).toEqual(['added +2']);
    expect(log.find(/ERROR beat: The entry broken is left out: the stored entry broken/)).toHaveLength(1);
    await store.pause('added');
    await clock.advance(4_000);
    expect(store.sent).toEqual(['added +2']);
    await store.resume('added', clock.nowMs());
    await clock.advance(3_000);
    expect(store.sent).toEqual(['added +2', 'added +9']);
    await store.remove('added');
    await clock.advance(5_000);
    expect(store.sent).toHaveLength(2);
  });

  it('writes the code’s entries down, and takes away those that the code has no longer', async () => {
    const { store } = await start(
      { kept: { schedule: 5 }, changed: { schedule: 10 } },
      {
        prepare: (before) => {
          for (const [name, schedule] of [
            ['kept', 5],
            ['changed', 20],
            ['gone', 5],
          ] as const) {
            before.definitions.set(name, encodeDefinition(readEntry(name, { task: 'tasks.add', schedule }, ''), 'code'));
            before.states.set(name, { lastRunAtMs: T0 - 1_000, totalRunCount: 7 });
          }
          before.definitions.set('theirs', encodeDefinition(readEntry('theirs', { task: 'tasks.add', schedule: 60 }, ''), 'store'));
        },
      },
    );
    expect([...store.definitions.keys()].sort()).toEqual(['changed', 'kept', 'theirs']);
    expect(store.states.get('changed')).toEqual({ lastRunAtMs: T0 - 1_000, totalRunCount: 7 });
    expect(store.definitions.get('changed')).toContain('"every":10');
  });

  it('begins anew when the zone was changed, saying so', async () => {
    const { store, log } = await start(
      { a: { schedule: 5 } },
      {
        zone: 'Europe/Paris',
        prepare: (before) => {
          before.timezone = 'UTC';
          before.states.set('a', { lastRunAtMs: T0 - 100_000, totalRunCount: 7 });
        },
      },
    );
    expect(log.find(/WARNING Reset: Timezone changed from 'UTC' to 'Europe\/Paris'/)).toHaveLength(1);
    expect(store.states.get('a')).toEqual({ lastRunAtMs: T0, totalRunCount: 0 });
  });
});

describe('what was missed', () => {
  const longAgo = (store: FakeScheduleStore): void => {
    for (const name of ['once', 'all', 'skip']) store.states.set(name, { lastRunAtMs: T0 - 7_000, totalRunCount: 3 });
  };
  const entries: Entries = { once: { schedule: 2 }, all: { schedule: 2, catchUp: 'all' }, skip: { schedule: 2, catchUp: 'skip' } };

  it('follows each entry’s policy when no beat was there', async () => {
    const { clock, store, log } = await start(entries, { prepare: longAgo });
    await clock.advance(0);
    expect(store.sent.sort()).toEqual(['all +-1', 'all +-3', 'all +-5', 'once +-1']);
    expect(log.find(/Skipping what skip missed until 2026-11-21T09:28:48/)).toHaveLength(1);
    await clock.advance(1_000);
    expect(store.sent.filter((line) => line.endsWith('+1')).sort()).toEqual(['all +1', 'once +1', 'skip +1']);
  });

  it('is sent whole where another beat was there, and merely died', async () => {
    const { clock, store } = await start(entries, {
      prepare: (before) => {
        longAgo(before);
        before.coveredSinceMs = T0 - 60_000;
      },
    });
    await clock.advance(0);
    expect(store.sent.filter((line) => line.startsWith('once'))).toEqual(['once +-5', 'once +-3', 'once +-1']);
    expect(store.sent.filter((line) => line.startsWith('skip'))).toHaveLength(3);
  });

  it('follows the policy after the broker was away, within two seconds of its return', async () => {
    const { clock, store, log, beat } = await start(entries);
    await clock.advance(2_000);
    store.sent.length = 0;
    store.trouble = away;
    await clock.advance(10_000);
    expect(beat.state).toBe('disconnected');
    expect(
      log.find(
        /ERROR beat: Connection error: cannot reach the broker at redis:\/\/h: connection refused\. Trying again in 1\.0 seconds\.\.\./,
      ),
    ).toHaveLength(1);
    store.trouble = undefined;
    // That is what a store tells after a gap.
    store.coveredSinceMs = clock.nowMs();
    await clock.advance(1_500);
    expect(store.sent.filter((line) => line.startsWith('once'))).toEqual(['once +12']);
    expect(store.sent.filter((line) => line.startsWith('all'))).toEqual(['all +4', 'all +6', 'all +8', 'all +10', 'all +12']);
    expect(store.sent.filter((line) => line.startsWith('skip'))).toEqual([]);
  });

  it('drops crontab runs beyond the starting deadline', async () => {
    const { store } = await start(
      { cron: { schedule: '20 * * * *' }, young: { schedule: '28 * * * *' } },
      {
        settings: { beatCronStartingDeadline: 300 },
        prepare: (before) => {
          for (const name of ['cron', 'young']) before.states.set(name, { lastRunAtMs: T0 - 7_200_000, totalRunCount: 0 });
        },
      },
    );
    expect(store.sent).toEqual(['young +-49']);
  });
});

describe('a beat that stands by', () => {
  it('sends nothing, says who does, and takes over when it is asked to', async () => {
    const { clock, store, log, beat } = await start(
      { two: { schedule: 2 } },
      { prepare: (before) => (before.leader = 'celery@other (pid 7)') },
    );
    await clock.advance(5_000);
    expect([beat.state, store.sent]).toEqual(['standby', []]);
    expect(log.find(/INFO beat: Standing by, celery@other \(pid 7\) sends what is due\./)).toHaveLength(1);
    store.leader = undefined;
    store.states.set('two', { lastRunAtMs: T0 + 2_000, totalRunCount: 1 });
    await clock.advance(1_000);
    // Late, but not missed: the other one had been there.
    expect([beat.state, store.sent]).toEqual(['leading', ['two +4', 'two +6']]);
  });

  it('gives way when it was overtaken in the middle of sending', async () => {
    const { clock, store, log, beat } = await start({ two: { schedule: 2 } });
    await clock.advance(1_500);
    store.leader = 'celery@other';
    store.attend = async () => ({ role: 'leader', term: 1, begins: false, coveredForMs: 0, revision: 0 });
    await clock.advance(500);
    expect(log.find(/WARNING beat: Somebody else leads by now; nothing was sent\./).length).toBeGreaterThan(0);
    expect([store.sent, beat.state]).toEqual([[], 'disconnected']);
  });
});

describe('a clock that is set', () => {
  it('does not make a year of firings when it is put forward', async () => {
    const { clock, store } = await start({ two: { schedule: 2 }, all: { schedule: 3600, catchUp: 'all' } });
    clock.jumpTo(T0 + 10_000_000);
    store.coveredSinceMs = T0 - 60_000;
    await clock.advance(3_000);
    expect(store.sent.filter((line) => line.startsWith('two'))).toEqual(['two +10000', 'two +10002']);
    expect(store.sent.filter((line) => line.startsWith('all'))).toEqual(['all +3600', 'all +7200']);
  });

  it('goes on at once when it is put back', async () => {
    const { clock, store, log } = await start({ two: { schedule: 2 } });
    await clock.advance(2_000);
    clock.jumpTo(T0 - 10_000_000);
    await clock.advance(4_000);
    expect(store.sent).toEqual(['two +2', 'two +-9997']);
    expect(log.find(/WARNING beat: The clock was put back, for the last run of two lies ahead/)).toHaveLength(1);
  });
});

describe('the file of last runs', () => {
  it('is where a beat that is alone goes on', async () => {
    const { store, file, clock } = await start(
      { a: { schedule: 10 } },
      {
        withFile: true,
        shared: false,
        prepare: (_, before) =>
          (before.content = { states: new Map([['a', { lastRunAtMs: T0 - 5_000, totalRunCount: 4 }]]), timezone: 'UTC' }),
      },
    );
    await clock.advance(5_000);
    expect(store.sent).toEqual(['a +5']);
    await clock.advance(1_100);
    expect(file.content?.states.get('a')).toEqual({ lastRunAtMs: T0 + 5_000, totalRunCount: 5 });
  });

  it('counts for less than a store that knows better', async () => {
    const { store, clock } = await start(
      { a: { schedule: 10 } },
      {
        withFile: true,
        prepare: (stored, before) => {
          stored.states.set('a', { lastRunAtMs: T0 - 1_000, totalRunCount: 9 });
          before.content = { states: new Map([['a', { lastRunAtMs: T0 - 90_000, totalRunCount: 4 }]]), timezone: 'UTC' };
        },
      },
    );
    await clock.advance(9_500);
    expect(store.sent).toEqual(['a +9']);
  });

  it('is saved at start, each three minutes, after beatSyncEvery tasks, and at the end', async () => {
    const { clock, file, beat, log, started } = await start({ a: { schedule: 60 } }, { withFile: true });
    expect(file.saves).toBe(1);
    await clock.advance(179_000);
    expect(file.saves).toBe(1);
    await clock.advance(62_000);
    expect(file.saves).toBe(2);
    const stopped = beat.stop();
    await clock.advance(0);
    await Promise.all([stopped, started]);
    expect(file.saves).toBe(3);
    expect(log.find(/DEBUG beat: Synchronizing schedule\.\.\./)).toHaveLength(3);

    const eager = await start({ a: { schedule: 1 } }, { withFile: true, settings: { beatSyncEvery: 3 } });
    await eager.clock.advance(6_500);
    expect(eager.file.saves).toBe(3);
  });
});

describe('stopping', () => {
  it('gives the lead back and closes the store', async () => {
    const { beat, store, clock, started, log } = await start({ a: { schedule: 60 } });
    const stopped = beat.stop();
    await clock.advance(0);
    await Promise.all([stopped, started]);
    expect([store.resigned, store.closed, beat.state]).toEqual([1, true, 'stopped']);
    expect(log.lines.at(-1)).toBe('INFO beat: Shutting down...');
    await beat.stop();
  });

  it('does not wait for a store that does not answer', async () => {
    const { beat, store, clock, started } = await start({ a: { schedule: 60 } });
    let hang: (error: Error) => void = () => {};
    store.attend = () => new Promise((_, reject) => (hang = reject));
    store.close = async () => hang(new BrokerError('CTQ_BROKER_CLOSED', 'closed'));
    await clock.advance(1_000);
    const stopped = beat.stop();
    await clock.advance(2_100);
    await Promise.all([stopped, started]);
    expect(beat.state).toBe('stopped');
  });

  it('ends by itself with what waiting does not mend', async () => {
    const { started, store } = await start(
      {},
      { prepare: (before) => (before.trouble = new BrokerError('CTQ_BROKER_UNSUPPORTED', 'no such thing')) },
    );
    await expect(started).rejects.toThrow('no such thing');
    expect(store.closed).toBe(true);
  });
});

describe('LocalScheduleStore', () => {
  it('publishes, counts, and takes an outage of the broker for missed', async () => {
    const clock = new FakeClock(T0);
    let broken = false;
    const published: string[] = [];
    const broker = {
      async publish() {
        if (broken) throw away;
        published.push('x');
      },
    } as unknown as Broker;
    const store = new LocalScheduleStore('amqp://h', async () => broker, clock);
    const call = {
      message: { headers: {}, properties: {}, contentType: '', contentEncoding: '', body: Buffer.alloc(0) },
      route: { exchange: { name: '', type: 'direct' }, routingKey: 'q' },
    } as const;
    const fire = async (slotMs: number): Promise<string> => (await store.fire([{ name: 'a', slotMs, call }]))[0]?.kind ?? '';
    const coveredForMs = async (): Promise<number> => ((await store.attend()) as { readonly coveredForMs: number }).coveredForMs;
    expect([await fire(T0), await fire(T0), await fire(T0 + 1)]).toEqual(['sent', 'duplicate', 'sent']);
    broken = true;
    expect(await fire(T0 + 2)).toBe('failed');
    await clock.advance(10_000);
    broken = false;
    expect(await coveredForMs()).toBe(10_000);
    expect(await fire(T0 + 2)).toBe('sent');
    expect(await coveredForMs()).toBe(0);
    expect((await store.load()).states.get('a')).toEqual({ lastRunAtMs: T0 + 2, totalRunCount: 3 });
    await expect(store.put()).rejects.toThrow('the broker amqp://h keeps no schedule entries');
    expect(published).toHaveLength(3);
  });
});
