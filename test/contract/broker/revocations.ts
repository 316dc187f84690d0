import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { BrokerCase } from '../broker.js';

const HOUR_MS = 3_600_000;

export const revocationCases: readonly BrokerCase[] = [
  {
    title: 'revoked ids are kept for whoever comes later, each once',
    async run({ open }) {
      const early = await open();
      if (early.revocations === undefined) return;
      await early.revocations.add(['a', 'b'], HOUR_MS);
      await early.revocations.add(['b', 'c é\n'], HOUR_MS);
      await early.revocations.add([], HOUR_MS);
      const late = await open();
      expect([...((await late.revocations?.all()) ?? [])].sort()).toEqual(['a', 'b', 'c é\n']);
    },
  },
  {
    title: 'revoked ids are forgotten when their time is over',
    async run({ open }) {
      const broker = await open();
      const { revocations } = broker;
      // What dies with the process need not be forgotten before.
      if (revocations === undefined || !broker.capabilities.shared) return;
      await revocations.add(['short'], 20);
      await revocations.add(['long'], HOUR_MS);
      await eventually(async () => expect(await revocations.all()).toEqual(['long']));
    },
  },
  {
    title: 'of very many revoked ids the newest are kept',
    async run({ open }) {
      const broker = await open();
      const { revocations } = broker;
      if (revocations === undefined || !broker.capabilities.shared) return;
      await revocations.add(
        Array.from({ length: 50_000 }, (_, index) => `old-${index}`),
        HOUR_MS,
      );
      await revocations.add(['new-1', 'new-2'], 2 * HOUR_MS);
      const all = await revocations.all();
      expect(all).toHaveLength(50_000);
      expect(all).toEqual(expect.arrayContaining(['new-1', 'new-2']));
    },
  },
];
