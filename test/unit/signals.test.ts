import { describe, expect, it } from 'vitest';
import { Signals } from '../../src/signals.js';

const ready = { sender: 'worker1@host' };

describe('a signal', () => {
  it('calls everybody who connected, in their order, until they disconnect', () => {
    const { workerReady } = new Signals();
    const seen: string[] = [];
    const first = (): unknown => seen.push('first');
    expect(workerReady.connected).toBe(false);
    workerReady.connect(first);
    const leave = workerReady.connect(({ sender }) => seen.push(sender));
    expect(workerReady.connected).toBe(true);
    void workerReady.send(ready);
    leave();
    void workerReady.send(ready);
    workerReady.disconnect(first);
    void workerReady.send(ready);
    expect(seen).toEqual(['first', 'worker1@host', 'first']);
    expect(workerReady.connected).toBe(false);
  });

  it('calls a handler once however often it was connected', () => {
    const { workerReady } = new Signals();
    let calls = 0;
    const count = (): void => {
      calls += 1;
    };
    workerReady.connect(count);
    workerReady.connect(count);
    void workerReady.send(ready);
    expect(calls).toBe(1);
  });

  it('gives a promise only if a handler did, and then of all of them', async () => {
    const { workerReady } = new Signals();
    const seen: number[] = [];
    workerReady.connect(() => void seen.push(1));
    expect(workerReady.send(ready)).toBeUndefined();
    workerReady.connect(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(2);
    });
    const sent = workerReady.send(ready);
    expect(sent).toBeInstanceOf(Promise);
    await sent;
    expect(seen).toEqual([1, 1, 2]);
  });

  it('reports what a handler throws, and goes on with the next', async () => {
    const signals = new Signals();
    const reported: unknown[] = [];
    signals.onHandlerError((signal, error) => reported.push([signal, (error as Error).message]));
    signals.workerReady.connect(() => {
      throw new Error('at once');
    });
    signals.workerReady.connect(() => Promise.reject(new Error('later')));
    let reached = false;
    signals.workerReady.connect(() => {
      reached = true;
    });
    await signals.workerReady.send(ready);
    expect(reached).toBe(true);
    expect(reported).toEqual([
      ['workerReady', 'at once'],
      ['workerReady', 'later'],
    ]);
  });
});
