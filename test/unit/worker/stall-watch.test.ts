import { describe, expect, it } from 'vitest';
import type { Consumer } from '../../../src/broker.js';
import type { Facts } from '../../../src/worker/health/vitals.js';
import { StallWatch } from '../../../src/worker/stall-watch.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type LogLine, recordingLogger } from '../../support/fake-worker.js';

const IDLE: Omit<Facts, 'depth'> = {
  state: 'consuming',
  ready: true,
  slots: 4,
  running: 0,
  waiting: 0,
  taken: 7,
  renewals: 1,
  attempts: 0,
};

interface Stalled {
  readonly log: LogLine[];
  reconnects: number;
  asked: number;
  pass(seconds: number): Promise<void>;
}

/** A worker of which these facts are true, and a broker with so many messages in its queue. */
function watched(facts: (second: number) => Partial<Facts>, depth: number): Stalled {
  const clock = new FakeClock();
  const stalled: Stalled = {
    log: [],
    reconnects: 0,
    asked: 0,
    async pass(seconds) {
      for (let second = 0; second < seconds; second += 1) await clock.advance(1_000);
    },
  };
  const broker = {
    depth: async () => {
      stalled.asked += 1;
      return depth;
    },
  };
  const consumer = { queues: [{ name: 'celery' }], reconnect: () => void (stalled.reconnects += 1) } as unknown as Consumer;
  const startMs = clock.monotonicMs();
  StallWatch.start({ broker, clock, logger: recordingLogger(stalled.log) }, consumer, () => ({
    ...IDLE,
    ...facts((clock.monotonicMs() - startMs) / 1000),
  }));
  return stalled;
}

describe('a consumer that takes nothing while messages wait', () => {
  it('begins with a new connection after twenty seconds, and says why', async () => {
    const stalled = watched(() => ({}), 3);
    await stalled.pass(25);
    expect(stalled.reconnects).toBe(0);
    await stalled.pass(10);
    expect(stalled.reconnects).toBe(1);
    expect(stalled.log).toEqual([
      { level: 'error', text: 'consumer: Messages wait, slots are free, and nothing was taken for 20 seconds. Connecting anew.' },
    ]);
    await stalled.pass(60);
    expect(stalled.reconnects).toBeGreaterThan(1);
  });

  it.each([
    ['when its queues are empty', {}, 0],
    ['when all its slots are taken', { running: 4 }, 3],
    ['when something waits inside', { waiting: 1 }, 3],
    ['when the broker is away', { state: 'disconnected' as const }, 3],
  ])('is left alone %s', async (_, facts, depth) => {
    const stalled = watched(() => facts, depth);
    await stalled.pass(120);
    expect(stalled.reconnects).toBe(0);
  });

  it('is left alone as long as it takes something now and then, and its queues are not asked for', async () => {
    const stalled = watched((second) => ({ taken: Math.floor(second / 4) }), 3);
    await stalled.pass(120);
    expect([stalled.reconnects, stalled.asked]).toEqual([0, 0]);
  });
});
