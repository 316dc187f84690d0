import { describe, expect, it } from 'vitest';
import type { Broker, Delivery, Settled } from '../../src/broker.js';
import { ResultBackendError } from '../../src/errors.js';
import type { ResultBackend, Settlement } from '../../src/result-backend.js';
import { openSettlement } from '../../src/settlement.js';
import { resultMeta } from '../contract/metas.js';
import { FakeClock } from '../support/fake-clock.js';

class TestDelivery {
  fenced = false;
  readonly #calls: string[];

  constructor(calls: string[]) {
    this.#calls = calls;
  }

  async ack(): Promise<Settled> {
    this.#calls.push('ack');
    return this.fenced ? 'fenced' : 'settled';
  }
}

function deliveryOf(calls: string[]): Delivery & { fenced: boolean } {
  return new TestDelivery(calls) as unknown as Delivery & { fenced: boolean };
}

function backendThat(store: () => Promise<void>): ResultBackend {
  return { store } as unknown as ResultBackend;
}

const plainBroker = { publish: async () => {} } as unknown as Broker;
const meta = resultMeta('t', 'SUCCESS');

describe('openSettlement', () => {
  it('asks the broker whether it can do both in one step', async () => {
    const joint = { complete: async () => 'settled' } as unknown as Settlement;
    const backend = backendThat(async () => {});
    const broker = { settlementWith: (other: ResultBackend) => (other === backend ? joint : undefined) } as unknown as Broker;
    expect(openSettlement(broker, backend)).toBe(joint);
    expect(
      openSettlement(
        broker,
        backendThat(async () => {}),
      ),
    ).not.toBe(joint);
  });

  it('else stores first and acknowledges then', async () => {
    const calls: string[] = [];
    const settlement = openSettlement(
      plainBroker,
      backendThat(async () => void calls.push('store')),
    );
    expect(await settlement.complete(deliveryOf(calls), meta)).toBe('settled');
    expect(calls).toEqual(['store', 'ack']);
  });

  it('tries again, less and less often, for as long as the delivery is ours', async () => {
    const clock = new FakeClock();
    const calls: string[] = [];
    let away = true;
    const settlement = openSettlement(
      plainBroker,
      backendThat(async () => {
        calls.push('store');
        if (away) throw new ResultBackendError('away');
      }),
      { clock },
    );
    const done = settlement.complete(deliveryOf(calls), meta);
    await clock.advance(60_000);
    expect(calls.length).toBeGreaterThan(8);
    expect(calls.length).toBeLessThan(30);
    away = false;
    await clock.advance(10_000);
    expect(await done).toBe('settled');
    expect(calls.at(-1)).toBe('ack');
  });

  it('gives up when somebody else has the delivery', async () => {
    const clock = new FakeClock();
    const calls: string[] = [];
    const delivery = deliveryOf(calls);
    const settlement = openSettlement(
      plainBroker,
      backendThat(async () => {
        throw new ResultBackendError('away');
      }),
      { clock },
    );
    const done = settlement.complete(delivery, meta);
    await clock.advance(500);
    delivery.fenced = true;
    await clock.advance(10_000);
    expect(await done).toBe('fenced');
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not repeat what no time can mend', async () => {
    const calls: string[] = [];
    const settlement = openSettlement(
      plainBroker,
      backendThat(async () => {
        throw new TypeError('cannot be written');
      }),
    );
    await expect(settlement.complete(deliveryOf(calls), meta)).rejects.toThrow('cannot be written');
    expect(calls).toEqual([]);
  });
});
