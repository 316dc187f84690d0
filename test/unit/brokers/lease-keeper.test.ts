import { describe, expect, it } from 'vitest';
import { DEAD_AFTER_MS, LeaseKeeper, OwnerWatch, TICK_MS } from '../../../src/brokers/lease-keeper.js';
import type { Beat, Housekeeping, LeaseStore, Renewal } from '../../../src/brokers/lease-store.js';
import { readAbout } from '../../../src/brokers/about.js';
import { FakeClock } from '../../support/fake-clock.js';

/** Looks every second from `fromMs` to `toMs`; says when each owner was first seen dead. */
function watchFor(
  watch: OwnerWatch,
  fromMs: number,
  toMs: number,
  beatsAt: (nowMs: number) => Readonly<Record<string, Beat>>,
): Map<string, number> {
  const deaths = new Map<string, number>();
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += TICK_MS) {
    for (const owner of watch.observe(nowMs, new Map(Object.entries(beatsAt(nowMs)))).keys()) {
      if (!deaths.has(owner)) deaths.set(owner, nowMs);
    }
  }
  return deaths;
}

describe('OwnerWatch', () => {
  it('finds an owner dead whose beat stood still for seven seconds, and tells at which beat', () => {
    const watch = new OwnerWatch();
    expect(watchFor(watch, 0, 6_000, () => ({ a: 'x' })).size).toBe(0);
    expect([...watch.observe(7_000, new Map([['a', 'x']]))]).toEqual([['a', 'x']]);
  });

  it('finds nobody dead whose beat goes on, however slowly', () => {
    const deaths = watchFor(new OwnerWatch(), 0, 60_000, (nowMs) => ({ a: Math.floor(nowMs / 6_000), b: nowMs }));
    expect(deaths.size).toBe(0);
  });

  it('counts again from the start for an owner that came back', () => {
    const watch = new OwnerWatch();
    watchFor(watch, 0, 6_000, () => ({ a: 1 }));
    expect(watchFor(watch, 7_000, 13_000, () => ({ a: 2 })).size).toBe(0);
    expect(watchFor(watch, 14_000, 14_000, () => ({ a: 2 })).get('a')).toBe(14_000);
  });

  it('knows nothing after a gap: a frozen server, or a frozen observer, kills nobody', () => {
    const watch = new OwnerWatch();
    watchFor(watch, 0, 5_000, () => ({ a: 1, b: 1 }));
    expect(watchFor(watch, 15_000, 21_000, (nowMs) => ({ a: nowMs, b: 1 })).size).toBe(0);
    expect(watchFor(watch, 22_000, 22_000, () => ({ a: 99, b: 1 })).get('b')).toBe(22_000);
  });

  it('forgets who is gone from the store', () => {
    const watch = new OwnerWatch();
    watchFor(watch, 0, 6_000, () => ({ a: 1 }));
    watchFor(watch, 7_000, 7_000, () => ({}));
    expect(watchFor(watch, 8_000, 14_000, () => ({ a: 1 })).size).toBe(0);
  });

  it('works with a clock that begins anywhere', () => {
    expect(watchFor(new OwnerWatch(), 1e9, 1e9 + DEAD_AFTER_MS, () => ({ a: 1 })).get('a')).toBe(1e9 + DEAD_AFTER_MS);
  });
});

/** A store in memory that writes down what it was asked. */
class TestStore implements LeaseStore {
  readonly calls: string[] = [];
  readonly beatOf = new Map<string, number>();
  renewal: Renewal = { lost: [], forgotten: false };
  dueAtMs: number | undefined;
  broken = false;
  about = '';
  /** undefined: it may not be asked. */
  pausedQueues: readonly string[] | undefined = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async renew(ownerId: string): Promise<Renewal> {
    this.#say(`renew ${ownerId}`);
    this.beatOf.set(ownerId, this.#clock.monotonicMs());
    return this.renewal;
  }

  async exchange(_ownerId: string, about: string): Promise<readonly string[]> {
    if (this.pausedQueues === undefined) throw new Error('not allowed');
    this.about = about;
    return this.pausedQueues;
  }

  async beats(): Promise<ReadonlyMap<string, Beat>> {
    this.#say('beats');
    return new Map(this.beatOf);
  }

  async takeOver(ownerId: string, lastBeat: Beat): Promise<number> {
    this.#say(`takeOver ${ownerId} ${lastBeat}`);
    this.beatOf.delete(ownerId);
    return 3;
  }

  async housekeep(): Promise<Housekeeping> {
    const nowMs = this.#clock.monotonicMs();
    if (this.dueAtMs !== undefined && this.dueAtMs <= nowMs) {
      this.#say(`unpark at ${nowMs}`);
      this.dueAtMs = undefined;
    }
    return { restored: 0, nextDueInMs: this.dueAtMs === undefined ? undefined : this.dueAtMs - nowMs };
  }

  async close(): Promise<void> {}

  #say(call: string): void {
    if (this.broken) throw new Error('the store is away');
    this.calls.push(call);
  }
}

function keeperOn(store: TestStore, clock: FakeClock) {
  const said: string[] = [];
  const pauses: string[] = [];
  const keeper = new LeaseKeeper({
    store,
    ownerId: 'me',
    clock,
    reports: {
      renewed: () => {},
      lost: (tags) => said.push(`lost ${tags.join(',')}`),
      forgotten: () => said.push('forgotten'),
      tookOver: (owner, count) => said.push(`took ${count} from ${owner}`),
      paused: (queues) => pauses.push(queues.join(',')),
      problem: (message) => said.push(message),
    },
  });
  keeper.start();
  return { keeper, said, pauses };
}

describe('LeaseKeeper', () => {
  it('beats at once and then every second', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    const { keeper } = keeperOn(store, clock);
    await clock.advance(3_500);
    expect(store.calls.filter((call) => call === 'renew me')).toHaveLength(4);
    await keeper.stop();
    await clock.advance(5_000);
    expect(store.calls.filter((call) => call === 'renew me')).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes over the dead once, never itself, and says how much it was', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.beatOf.set('dead', 42);
    const { keeper, said } = keeperOn(store, clock);
    await clock.advance(6_500);
    expect(said).toEqual([]);
    await clock.advance(1_000);
    expect(said).toEqual(['took 3 from dead']);
    expect(store.calls.filter((call) => call.startsWith('takeOver'))).toEqual(['takeOver dead 42']);
    await keeper.stop();
  });

  it('takes nobody over when it was itself asleep', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.beatOf.set('other', 42);
    const { keeper, said } = keeperOn(store, clock);
    await clock.advance(6_500);
    store.broken = true;
    await clock.advance(3_000);
    store.broken = false;
    await clock.advance(6_900);
    expect(said).toEqual(['the store is away']);
    await keeper.stop();
  });

  it('passes on what it lost and that it was forgotten', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.renewal = { lost: ['a', 'b'], forgotten: true };
    const { keeper, said } = keeperOn(store, clock);
    await clock.advance(0);
    expect(said).toEqual(['lost a,b', 'forgotten']);
    await keeper.stop();
  });

  it('says what is wrong once, and goes on when the store is back', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.broken = true;
    const { keeper, said } = keeperOn(store, clock);
    await clock.advance(10_500);
    expect(said).toEqual(['the store is away']);
    store.broken = false;
    await clock.advance(1_000);
    expect(store.calls).toContain('renew me');
    await keeper.stop();
  });

  it('moves what is due at its time and not at the next beat', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.dueAtMs = 1_234;
    const { keeper } = keeperOn(store, clock);
    await clock.advance(1_500);
    expect(store.calls).toContain('unpark at 1234');
    await keeper.stop();
  });
});

describe('what a consumer and operators tell each other', () => {
  it('says which queues are paused at first, while there are any, and once when there are none any more', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    const { keeper, pauses } = keeperOn(store, clock);
    await clock.advance(2_500);
    expect(pauses).toEqual(['']);
    store.pausedQueues = ['mail'];
    await clock.advance(2_000);
    store.pausedQueues = [];
    await clock.advance(3_000);
    expect(pauses).toEqual(['', 'mail', 'mail', '']);
    await keeper.stop();
  });

  it('renews although it may not ask', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    store.pausedQueues = undefined;
    const { keeper, said } = keeperOn(store, clock);
    await clock.advance(2_500);
    expect(store.calls.filter((call) => call === 'renew me')).toHaveLength(3);
    expect(said).toEqual([]);
    await keeper.stop();
  });

  it('writes down how fast tasks are done with', async () => {
    const clock = new FakeClock();
    const store = new TestStore(clock);
    const { keeper } = keeperOn(store, clock);
    for (let second = 0; second <= 20; second += 1) {
      keeper.tell({ node: 'celery@here', counts: [['celery', second * 50]] });
      await clock.advance(1_000);
    }
    const about = readAbout(store.about);
    expect(about).toMatchObject({ node: 'celery@here', queues: [{ name: 'celery', rate: 50 }] });
    await keeper.stop();
  });
});
