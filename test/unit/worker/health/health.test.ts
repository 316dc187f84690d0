import { afterEach, describe, expect, it } from 'vitest';
import type { Broker, Consumer } from '../../../../src/broker.js';
import { systemClock } from '../../../../src/clock.js';
import { Health } from '../../../../src/worker/health/health.js';
import { eventually } from '../../../support/eventually.js';
import { type LogLine, recordingLogger } from '../../../support/fake-worker.js';
import { freePort, onFreePorts } from '../../../support/redis-server.js';

const PATIENCE_S = 1;
const WELL = { state: 'consuming', ready: true, slots: 4, running: 0, waiting: 0, taken: 7, renewals: undefined, attempts: 0 } as const;

let health: Health | undefined;
afterEach(() => health?.close());

/** A worker that takes nothing although three messages wait in each of its queues. */
async function open(paused: readonly string[]): Promise<{ readonly port: number; readonly log: LogLine[] }> {
  const log: LogLine[] = [];
  const broker = { depth: async () => 3 } as unknown as Broker;
  const consumer = {
    queues: [{ name: 'celery' }, { name: 'mail' }],
    paused: { without: (names: readonly string[]) => names.filter((name) => !paused.includes(name)) },
  } as unknown as Consumer;
  const parts = { broker, clock: systemClock, logger: recordingLogger(log), nodename: 'w@h' };
  const port = await onFreePorts(async () => {
    const free = await freePort();
    health = await Health.open(parts, { address: { kind: 'port', host: '127.0.0.1', port: free }, patienceS: PATIENCE_S });
    return free;
  });
  health?.watch(consumer, () => WELL);
  return { port, log };
}

async function live(port: number): Promise<{ readonly status: number; readonly codes: readonly string[] }> {
  const response = await fetch(`http://127.0.0.1:${port}/live`);
  const { problems } = (await response.json()) as { problems: { code: string }[] };
  return { status: response.status, codes: problems.map(({ code }) => code) };
}

describe('a consumer that takes nothing while messages wait', () => {
  it('makes its worker not live, and the log says why', async () => {
    const { port, log } = await open(['mail']);
    await eventually(async () => expect(await live(port)).toEqual({ status: 503, codes: ['consumer-stalled'] }));
    expect(log.find(({ level }) => level === 'critical')?.text).toMatch(
      /^Health: slots are free and messages wait, and none is taken, for \d+ s$/,
    );
  });

  it('is right when operators have paused all its queues', async () => {
    const { port } = await open(['mail', 'celery']);
    // It looks each second.
    const untilMs = performance.now() + PATIENCE_S * 1000 + 2_000;
    await eventually(async () => {
      expect((await live(port)).status).toBe(200);
      return performance.now() > untilMs;
    });
  });
});
