import { describe, expect, it } from 'vitest';
import { RevokedTasks } from '../../../src/worker/revoked.js';
import { FakeClock } from '../../support/fake-clock.js';

const DAY_MS = 24 * 3_600_000;

function request(id: string, stamps?: unknown): Parameters<RevokedTasks['covers']>[0] {
  const message = {
    headers: stamps === undefined ? {} : { stamps },
    properties: {},
    contentType: '',
    contentEncoding: '',
    body: Buffer.alloc(0),
  };
  return { id, delivery: { message } } as unknown as Parameters<RevokedTasks['covers']>[0];
}

describe('revoked tasks', () => {
  it('are known by id for a day', async () => {
    const clock = new FakeClock();
    const revoked = new RevokedTasks(clock);
    revoked.add(['a', 'b']);
    await clock.advance(DAY_MS - 1);
    expect([revoked.has('a'), revoked.has('b'), revoked.has('c')]).toEqual([true, true, false]);
    revoked.add(['b']);
    await clock.advance(1);
    expect([revoked.has('a'), revoked.has('b')]).toEqual([false, true]);
    expect([...revoked.ages()]).toEqual([['b', 1]]);
  });

  it('do not run: by their id alone, whatever stamps they have or have not', () => {
    const revoked = new RevokedTasks(new FakeClock());
    revoked.add(['a']);
    const covered = [request('a'), request('a', { tenant: 'acme' }), request('b'), request('b', { tenant: 'a' })];
    expect(covered.map((one) => revoked.covers(one))).toEqual([true, true, false, false]);
  });

  it('are at most fifty thousand, the newest', () => {
    const revoked = new RevokedTasks(new FakeClock());
    revoked.add(Array.from({ length: 60_000 }, (_, index) => String(index)));
    expect(revoked.size).toBe(50_000);
    expect([revoked.has('9999'), revoked.has('10000')]).toEqual([false, true]);
  });

  it('are known by a stamp, one value or a list of them, as Python compares', () => {
    const revoked = new RevokedTasks(new FakeClock());
    expect(revoked.covers(request('x', { tenant: 'acme' }))).toBe(false);
    revoked.addStamp('tenant', ['acme', 7]);
    expect(revoked.covers(request('x', { tenant: 'acme' }))).toBe(true);
    expect(revoked.covers(request('x', { tenant: ['other', 7] }))).toBe(true);
    expect(revoked.covers(request('x', { tenant: '7' }))).toBe(false);
    expect(revoked.covers(request('x', { other: 'acme' }))).toBe(false);
    expect(revoked.stampOf(request('x', { a: 1, tenant: ['other', 7] }))).toEqual({ tenant: 7 });
    for (const stamps of [undefined, null, 7, 'acme', ['acme']]) expect(revoked.covers(request('x', stamps))).toBe(false);
  });

  it('hold a bounded number of stamps', () => {
    const revoked = new RevokedTasks(new FakeClock());
    revoked.addStamp(
      't',
      Array.from({ length: 10_001 }, (_, index) => index),
    );
    expect([revoked.covers(request('x', { t: 0 })), revoked.covers(request('x', { t: 1 }))]).toEqual([false, true]);
  });
});
