import { describe, expect, it } from 'vitest';
import type { EventDispatcher } from '../../../src/events/dispatcher.js';
import { Signals } from '../../../src/signals.js';
import { Heartbeat, sendRequestedHeartbeat } from '../../../src/worker/heartbeat.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('a heartbeat', () => {
  it('begins with online, beats, and ends with offline', async () => {
    const clock = new FakeClock();
    const signals = new Signals();
    const sent: [string, Record<string, unknown>][] = [];
    let beats = 0;
    signals.heartbeatSent.connect(() => void beats++);
    const events = {
      send: (type: string, fields: Record<string, unknown>) => void sent.push([type, fields]),
    } as unknown as EventDispatcher;
    const heartbeat = new Heartbeat({ events, clock, signals, nodename: 'w@h', intervalS: 2, load: () => ({ active: 3, processed: 40 }) });
    heartbeat.stop();
    expect(sent).toEqual([]);
    heartbeat.start();
    await clock.advance(4_000);
    heartbeat.stop();
    heartbeat.stop();
    await clock.advance(10_000);
    expect(sent.map(([type]) => type)).toEqual(['worker-online', 'worker-heartbeat', 'worker-heartbeat', 'worker-offline']);
    for (const [, fields] of sent) {
      expect(Object.keys(fields)).toEqual(['freq', 'active', 'processed', 'loadavg', 'sw_ident', 'sw_ver', 'sw_sys']);
      expect(fields).toMatchObject({ freq: 2, active: 3, processed: 40, sw_ident: 'ctq' });
      expect(fields['loadavg']).toHaveLength(3);
    }
    expect(beats).toBe(4);
    expect(clock.pendingTimers).toBe(0);
    sendRequestedHeartbeat(events);
    expect(sent.at(-1)).toEqual(['worker-heartbeat', { freq: 5, sw_ident: 'ctq', sw_ver: expect.any(String), sw_sys: expect.any(String) }]);
  });
});
