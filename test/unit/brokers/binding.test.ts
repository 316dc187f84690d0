import { describe, expect, test } from 'vitest';
import { bindingMatches, topicMatches } from '../../../src/brokers/binding.js';
import { computingMs } from '../../support/undisturbed.js';

describe('a topic pattern', () => {
  test.each([
    ['stock.*', 'stock.usd', true],
    ['stock.*', 'stock', false],
    ['stock.*', 'stock.usd.nyse', false],
    ['stock.#', 'stock', true],
    ['stock.#', 'stock.usd.nyse', true],
    ['stock.#', 'stocks.usd', false],
    ['#', '', true],
    ['#', 'anything.at.all', true],
    ['*', '', true],
    ['*', 'two.words', false],
    ['#.nyse', 'nyse', true],
    ['#.nyse', 'a.b.nyse', true],
    ['a.#.b.*.c', 'a.b.x.c', true],
    ['a.#.b.*.c', 'a.x.y.b.z.c', true],
    ['a.#.b.*.c', 'a.b.c', false],
    ['task.multi', 'task.multi', true],
    ['a.+', 'a.x', false],
    ['a.(b|c)', 'a.b', false],
  ])('%s and the key %s: %s', (pattern, key, matches) => {
    expect(topicMatches(pattern, key)).toBe(matches);
  });

  test('full of # costs no more than words times words', () => {
    const tookMs = computingMs(() => expect(topicMatches(`${'#.'.repeat(200)}end`, `${'x.'.repeat(2_000)}no`)).toBe(false));
    expect(tookMs).toBeLessThan(2_000);
  });
});

describe('a binding', () => {
  test('of a direct exchange takes its key literally', () => {
    expect(bindingMatches('direct', 'a.*', 'a.b')).toBe(false);
    expect(bindingMatches('direct', 'a.*', 'a.*')).toBe(true);
  });

  test('of a fanout exchange takes everything, or with a key what matches it', () => {
    expect(bindingMatches('fanout', '', 'any.key')).toBe(true);
    expect(bindingMatches('fanout', '#', 'any.key')).toBe(true);
    expect(bindingMatches('fanout', 'worker.#', 'worker.heartbeat')).toBe(true);
    expect(bindingMatches('fanout', 'worker.#', 'task.sent')).toBe(false);
  });
});
