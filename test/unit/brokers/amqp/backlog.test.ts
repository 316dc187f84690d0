import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../../src/brokers/amqp/backlog.js';

function backlogOf(...items: readonly number[]): Backlog<number> {
  const backlog = new Backlog<number>();
  for (const item of items) backlog.push(item);
  return backlog;
}

function drained(backlog: Backlog<number>): number[] {
  const items: number[] = [];
  for (let item = backlog.first; item !== undefined; item = backlog.first) {
    items.push(item);
    backlog.drop();
  }
  return items;
}

describe('a backlog', () => {
  it('gives its items in the order in which they came, also while others come', () => {
    const backlog = backlogOf(1, 2, 3);
    backlog.drop();
    backlog.push(4);
    backlog.drop();
    backlog.push(5);
    expect(backlog.size).toBe(3);
    expect(drained(backlog)).toEqual([3, 4, 5]);
    expect(backlog.size).toBe(0);
  });

  it('takes items back in front of those that wait', () => {
    const backlog = backlogOf(1, 2, 3);
    backlog.drop();
    backlog.putBack([8, 9]);
    expect(drained(backlog)).toEqual([8, 9, 2, 3]);
  });

  it('gives up those that are asked for, and none that has left', () => {
    const backlog = backlogOf(1, 2, 3, 4, 5);
    backlog.drop();
    expect(backlog.takeOut((item) => item % 2 === 1)).toEqual([3, 5]);
    expect(drained(backlog)).toEqual([2, 4]);
  });
});
