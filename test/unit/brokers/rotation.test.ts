import { describe, expect, it } from 'vitest';
import type { Queue } from '../../../src/broker.js';
import { Rotation } from '../../../src/brokers/rotation.js';

const queue = (name: string): Queue => ({ name, exchange: { name: '', type: 'direct' }, routingKey: name });

describe('the queues of a consumer', () => {
  it('let whoever has just delivered stand last, in the order of delivering', () => {
    const rotation = new Rotation(['a', 'b', 'c', 'd'].map(queue));
    expect(rotation.served(['c', 'a'])).toBe(true);
    expect(rotation.turn).toEqual(['b', 'd', 'c', 'a']);
    expect(rotation.served([])).toBe(false);
  });

  it('stay in the order that was chosen', () => {
    const sorted = new Rotation(['b', 'a'].map(queue), 'sorted');
    sorted.add(queue('aa'));
    expect(sorted.served(['a'])).toBe(false);
    expect(sorted.turn).toEqual(['a', 'aa', 'b']);
    const declared = new Rotation(['b', 'a'].map(queue), 'priority');
    expect(declared.served(['b'])).toBe(false);
    expect(declared.turn).toEqual(['b', 'a']);
  });

  it('come and go once, and one that has gone comes not back by delivering', () => {
    const rotation = new Rotation(['a', 'b', 'c'].map(queue));
    expect(rotation.add(queue('a'))).toBe(false);
    expect(rotation.remove('a')).toBe(true);
    expect(rotation.remove('a')).toBe(false);
    rotation.served(['a', 'b']);
    expect(rotation.turn).toEqual(['c', 'b']);
    expect(rotation.queues.map(({ name }) => name)).toEqual(['b', 'c']);
  });
});
