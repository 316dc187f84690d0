import { describe, expect, it } from 'vitest';
import type { Queue } from '../../../../src/broker.js';
import { type Binding, bindingMember, boundQueues, kombuTopicMatches, parseBinding } from '../../../../src/brokers/redis/bindings.js';
import { redisLayout } from '../../../../src/brokers/redis/keys.js';
import { computingMs } from '../../../support/undisturbed.js';

const layout = redisLayout({}, 0);
const SEP = '\x06\x16';

function member(type: 'direct' | 'topic' | 'fanout', routingKey: string): string {
  return bindingMember(layout, { name: 'q', exchange: { name: 'x', type }, routingKey } satisfies Queue);
}

describe('members of a binding set', () => {
  // What `TopicExchange.key_to_pattern` of kombu 5.2.4 gave for the same keys.
  it.each([
    ['task.#', '^task\\..*?$'],
    ['a b.*', '^a\\ b\\..*?[^\\.]$'],
    ['x-y.#', '^x\\-y\\..*?$'],
    ['(a|b)', '^\\(a\\|b\\)$'],
    ['ä.*', '^ä\\..*?[^\\.]$'],
    ['und_er', '^und\\_er$'],
    ['*.x', '^.*?[^\\.]\\.x$'],
    ['#', '^.*?$'],
  ])('carry for %s the pattern that Python matches with', (routingKey, pattern) => {
    expect(member('topic', routingKey)).toBe(`${routingKey}${SEP}${pattern}${SEP}q`);
  });

  it('have no pattern on direct and fanout exchanges', () => {
    expect(member('direct', 'celery')).toBe(`celery${SEP}${SEP}q`);
    expect(member('fanout', '')).toBe(`${SEP}${SEP}q`);
  });

  it('are read back', () => {
    expect(parseBinding(layout, member('topic', 'a.#'))).toEqual({ routingKey: 'a.#', pattern: '^a\\..*?$', queue: 'q' });
    expect(parseBinding(layout, 'nonsense')).toBeUndefined();
  });
});

describe('kombuTopicMatches', () => {
  // Against Python's `re.match` with kombu's patterns.
  it.each([
    ['stock.*', 'stock.usd', true],
    ['stock.*', 'stock.usd.nyse', true],
    ['stock.*', 'stock.', false],
    ['stock.*', 'stock.usd.', false],
    ['stock.#', 'stock', false],
    ['stock.#', 'stock.', true],
    ['stock.#', 'stock.usd.nyse', true],
    ['#.nyse', 'stock.usd.nyse', true],
    ['#.nyse', 'nyse', false],
    ['*.usd.*', 'a.b.usd.c', true],
    ['#', '', true],
    ['*', '', false],
    ['a.b', 'a.b', true],
    ['a.b', 'a.b.c', false],
    ['a.#.b', 'a..b', true],
  ])('%s takes %s: %s', (bindingKey, routingKey, expected) => {
    expect(kombuTopicMatches(bindingKey, routingKey)).toBe(expected);
  });

  it('takes its time with no pattern', () => {
    const tookMs = computingMs(() => expect(kombuTopicMatches(`${'#.*.'.repeat(200)}x`, `${'a.'.repeat(2_000)}y`)).toBe(false));
    // A search that tries all ways would not end.
    expect(tookMs).toBeLessThan(10_000);
  });
});

describe('boundQueues', () => {
  const bindings: Binding[] = [
    { routingKey: 'a', pattern: '', queue: 'direct' },
    { routingKey: 'a.*', pattern: '^a\\..*?[^\\.]$', queue: 'topic' },
    { routingKey: 'a.#', pattern: '^a\\..*?$', queue: 'topic' },
  ];

  it('finds by key on a direct exchange, by pattern on a topic exchange, and by what is there when nobody knows', () => {
    expect(boundQueues(bindings, 'direct', 'a')).toEqual(['direct']);
    expect(boundQueues(bindings, 'topic', 'a.b')).toEqual(['topic']);
    expect(boundQueues(bindings, 'unknown', 'a.b')).toEqual(['topic']);
    expect(boundQueues(bindings, 'unknown', 'a')).toEqual(['direct']);
    expect(boundQueues(bindings, 'direct', 'nobody')).toEqual([]);
  });
});
