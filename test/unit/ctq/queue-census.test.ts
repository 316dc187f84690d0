import { describe, expect, it } from 'vitest';
import { type CensusParts, QueueCensus } from '../../../src/ctq/queue-census.js';
import { BrokerError } from '../../../src/errors.js';
import type { QueueReport } from '../../../src/estate/queues.js';

interface World {
  atMs: number;
  queues: QueueReport[];
  /** Python workers: what they take from, and how many tasks they have begun. */
  nodes: Record<string, { readonly queues: readonly string[]; readonly begun: number }>;
  reached: number;
}

const report = (name: string, more: Partial<QueueReport> = {}): QueueReport => ({
  ...{ name, ready: 0, readyByPriority: [], unacked: 0, delayed: 0, paused: false },
  ...more,
});

function census(world: World): QueueCensus {
  const parts = {
    estate: {
      queues: { names: async () => world.queues.map(({ name }) => name), report: async () => world.queues },
    },
    control: {
      gather: async (method: string, _args: unknown, { onSent }: { onSent?: (count: number) => void }) => {
        onSent?.(world.reached);
        return Object.entries(world.nodes).map(([nodename, { queues, begun }]) => ({
          nodename,
          value: method === 'stats' ? { total: { 'tasks.add': begun } } : queues.map((name) => ({ name })),
        }));
      },
    },
    nowMs: () => world.atMs,
    signal: new AbortController().signal,
  };
  return new QueueCensus(parts as unknown as CensusParts);
}

describe('QueueCensus', () => {
  it('puts workers of both kinds together', async () => {
    const consumption = { nodes: ['ctq@a'], finished: 10, finishRate: 3 };
    const world = {
      atMs: 0,
      queues: [report('mail', { consumption })],
      nodes: { 'py@a': { queues: ['mail'], begun: 1 }, 'ctq@a': { queues: ['mail'], begun: 1 } },
      reached: 2,
    };
    const { queues, silent } = await census(world).look(undefined, [], 'once');
    expect(queues[0]?.consumers).toEqual(['ctq@a', 'py@a']);
    expect([queues[0]?.finishRate, silent]).toEqual([{ perSecond: 3, known: 'at least' }, 0]);
  });

  it('shows what the store tells where nobody may be asked, and says so', async () => {
    const parts = {
      estate: { queues: { names: async () => ['mail'], report: async () => [report('mail', { ready: 3 })] } },
      control: { gather: () => Promise.reject(new BrokerError('CTQ_BROKER_REFUSED', 'the broker refused us: NOPERM sadd')) },
      nowMs: () => 0,
      signal: new AbortController().signal,
    };
    const seen = await new QueueCensus(parts as unknown as CensusParts).look(undefined, [], 'once');
    expect(seen).toMatchObject({ queues: [{ name: 'mail', ready: 3, consumers: [] }], unasked: 'the broker refused us: NOPERM sadd' });
    expect(seen.queues[0]?.finishRate).toBeUndefined();
  });

  it('knows the whole rate where only ctq workers take from a queue, and none where only Python ones do', async () => {
    const world = {
      atMs: 0,
      queues: [report('mail', { consumption: { nodes: ['ctq@a'], finished: 10, finishRate: 3 } }), report('video')],
      nodes: { 'py@a': { queues: ['video', 'other'], begun: 1 } },
      reached: 1,
    };
    const { queues } = await census(world).look(undefined, [], 'once');
    expect(queues.map(({ finishRate }) => finishRate)).toEqual([{ perSecond: 3, known: 'exactly' }, undefined]);
  });

  it('counts between two looks: what came is what is there more and what was done with', async () => {
    const world: World = {
      atMs: 0,
      queues: [report('video', { ready: 100 })],
      nodes: { 'py@a': { queues: ['video'], begun: 50 } },
      reached: 1,
    };
    const looking = census(world);
    expect((await looking.look(undefined, [], 'again')).queues[0]).toMatchObject({ finishRate: undefined, publishRate: undefined });
    world.atMs = 2_000;
    world.queues = [report('video', { ready: 140 })];
    world.nodes = { 'py@a': { queues: ['video'], begun: 60 } };
    expect((await looking.look(undefined, [], 'again')).queues[0]).toMatchObject({
      finishRate: { perSecond: 5, known: 'exactly' },
      publishRate: { perSecond: 25, known: 'exactly' },
    });
  });

  it('says how many workers kept silent, and calls no rate whole then', async () => {
    const consumption = { nodes: ['ctq@a'], finished: 10, finishRate: 3 };
    const world = { atMs: 0, queues: [report('mail', { consumption })], nodes: {}, reached: 2 };
    const { queues, silent } = await census(world).look(undefined, ['declared'], 'once');
    expect([silent, queues[0]?.finishRate?.known]).toEqual([2, 'at least']);
  });
});
