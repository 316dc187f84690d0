import { describe, expect, it } from 'vitest';
import { healthReport } from '../../../../src/worker/health/report.js';
import { Silence } from '../../../../src/worker/health/silence.js';
import { type Facts, type Verdict, Vitals } from '../../../../src/worker/health/vitals.js';

const WELL: Facts = { state: 'consuming', ready: true, slots: 4, running: 0, waiting: 0, taken: 7, renewals: 0, attempts: 0, depth: 0 };

/** A look each second; leases are renewed with each unless the facts say otherwise. */
function watch(seconds: number, factsAt: (second: number) => Partial<Facts>, vitals = new Vitals(60_000), fromS = 0): Verdict {
  let verdict: Verdict | undefined;
  for (let second = fromS; second <= fromS + seconds; second++) {
    verdict = vitals.observe(second * 1000, { ...WELL, renewals: second, ...factsAt(second) });
  }
  if (verdict === undefined) throw new Error('nobody looked');
  return verdict;
}

const codes = ({ problems }: Verdict): string[] => problems.map(({ code }) => code);

describe('the vitals of a worker', () => {
  it('are good while it is idle, however long', () => {
    expect(watch(10_000, () => ({}))).toEqual({ live: true, ready: true, problems: [] });
  });

  it('fail when messages wait, slots are free and nothing is taken for the whole patience', () => {
    expect(watch(60, () => ({ depth: 3 })).live).toBe(true);
    const stalled = watch(61, () => ({ depth: 3 }));
    expect([stalled.live, stalled.ready, codes(stalled)]).toEqual([false, false, ['consumer-stalled']]);
    expect(stalled.problems[0]?.seconds).toBe(60);
  });

  it.each<[string, (second: number) => Partial<Facts>]>([
    ['something is taken now and then', (second) => ({ depth: 3, taken: Math.floor(second / 50) })],
    ['every slot is taken', () => ({ depth: 3, running: 4 })],
    ['what was taken waits for its rate limit', () => ({ depth: 3, running: 1, waiting: 1 })],
    ['the queue was empty at one look', (second) => ({ depth: second % 50 === 0 ? 0 : 3 })],
    ['the broker does not say how much waits', () => ({ depth: 'unasked' })],
  ])('stay good when %s', (_why, factsAt) => {
    expect(watch(500, factsAt).live).toBe(true);
  });

  it('say not ready and never not live while the broker is away', () => {
    const away = watch(5_000, () => ({ state: 'disconnected', depth: 'unreachable', renewals: 0 }));
    expect([away.live, away.ready, codes(away)]).toEqual([true, false, ['broker-away']]);
  });

  it('fail when the broker answers and the consumer does not even try to come back to it', () => {
    const lost = watch(61, () => ({ state: 'disconnected', depth: 3 }));
    expect([lost.live, lost.ready, codes(lost)]).toEqual([false, false, ['consumer-lost']]);
    expect(watch(30, () => ({ state: 'disconnected', depth: 3 })).live).toBe(true);
  });

  it('say not ready and never not live while the broker refuses and the consumer tries again', () => {
    const refused = watch(5_000, (second) => ({ state: 'disconnected', depth: 3, renewals: 0, attempts: Math.floor(second / 30) }));
    expect([refused.live, refused.ready, codes(refused)]).toEqual([true, false, ['broker-away']]);
  });

  it('fail when the broker answers and leases are not renewed, and are not ready from the start of it', () => {
    const soon = watch(10, () => ({ renewals: 0 }));
    expect([soon.live, soon.ready, codes(soon)]).toEqual([true, false, ['leases-lost']]);
    expect(watch(61, () => ({ renewals: 0 })).live).toBe(false);
    expect(watch(61, () => ({ renewals: undefined })).live).toBe(true);
  });

  it('start over after a pause of the whole machine', () => {
    const vitals = new Vitals(60_000);
    watch(50, () => ({ depth: 3 }), vitals);
    expect(watch(50, () => ({ depth: 3 }), vitals, 4_000).live).toBe(true);
  });

  it('are live and not ready before it is ready and while it stops', () => {
    expect(watch(1, () => ({ state: 'starting', ready: false, depth: 'unasked' }))).toMatchObject({ live: true, ready: false });
    const stopping = watch(600, () => ({ state: 'draining', depth: 3, renewals: 0 }));
    expect([stopping.live, stopping.ready, codes(stopping)]).toEqual([true, false, ['stopping']]);
  });
});

describe('the silence of an event loop', () => {
  it('is as long as nothing was heard', () => {
    const silence = new Silence(0);
    for (let ms = 0; ms <= 9_000; ms += 1_000) silence.look(ms);
    expect(silence.look(10_000)).toBe(10_000);
    silence.hear(10_500);
    expect(silence.look(11_000)).toBe(500);
  });

  it('does not count the time in which nobody listened', () => {
    const silence = new Silence(0);
    silence.look(1_000);
    expect(silence.look(500_000)).toBe(0);
  });

  it('makes a worker not ready after ten seconds and not live after the patience, whatever it said last', () => {
    const identity = { node: 'w@h', pid: 7, patienceMs: 60_000 };
    const well = { live: true, ready: true, problems: [], state: 'consuming', running: 0, slots: 4 };
    const after = (silentMs: number): [boolean, boolean] => {
      const { live, ready } = healthReport(identity, well, silentMs, new Date(0));
      return [live, ready];
    };
    expect([after(9_999), after(10_000), after(59_999), after(60_000)]).toEqual([
      [true, true],
      [true, false],
      [true, false],
      [false, false],
    ]);
  });
});
