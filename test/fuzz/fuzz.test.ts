/** The short form of `npm run fuzz`: a few hundred cases of each kind, and what once was found. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCases } from './run.js';
import type { Target } from './target.js';
import { TARGETS } from './targets.js';

const CASES: Readonly<Record<string, number>> = { worker: 1500 };
const corpus = join(import.meta.dirname, 'corpus');

/** Inputs that were too much once: `{ target, input }`. */
const remembered = readdirSync(corpus)
  .filter((name) => name.endsWith('.json'))
  .map(
    (name) => [name, JSON.parse(readFileSync(join(corpus, name), 'utf8')) as { readonly target: string; readonly input: string }] as const,
  );

describe('whatever strangers send, and hurried people write', () => {
  it.each(Object.keys(TARGETS))(
    'ends in an answer or an error of ours: %s',
    async (name) => {
      const target = TARGETS[name]?.make() as Target;
      expect(await runCases(target, { seed: 'npm test', from: 0, count: CASES[name] ?? 500 })).toEqual([]);
    },
    120_000,
  );

  it.each(remembered)('ends so with what was found once: %s', async (_name, { target: name, input }) => {
    const target = { ...(TARGETS[name]?.make() as Target), make: () => input };
    expect(await runCases(target, { seed: 'corpus', from: 0, count: 1 })).toEqual([]);
  });
});

describe('the fuzzer', () => {
  const broken = (read: Target['read']): Target => ({ name: 'broken', make: (random) => String(random.below(100)), read });

  it('notices what is thrown, rejected, left behind and slow', async () => {
    const seed = { seed: 'x', from: 0, count: 50 };
    const thrown = await runCases(
      broken((input) => {
        if (input === '7') throw new TypeError('seven');
      }),
      { ...seed, count: 1000 },
    );
    expect([thrown.length > 0, thrown.every(({ input, what }) => input === '7' && what.includes('seven'))]).toEqual([true, true]);
    const rejected = await runCases(
      broken(() => Promise.reject(new Error('no'))),
      { ...seed, count: 1 },
    );
    expect(rejected).toHaveLength(1);
    const settled: Target = { ...broken(() => {}), settle: () => Promise.reject(new Error('something is left')) };
    expect((await runCases(settled, seed))[0]?.what).toContain('something is left');
  });

  it('makes the same case from the same seed and number', async () => {
    const seen: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      await runCases(
        { ...(TARGETS['pidbox']?.make() as Target), read: (input) => void seen.push(input) },
        { seed: 's', from: 5, count: 20 },
      );
    }
    expect(seen.slice(0, 20)).toEqual(seen.slice(20));
    expect(new Set(seen).size).toBeGreaterThan(15);
  });
});
