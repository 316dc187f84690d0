import { describe, expect, it } from 'vitest';
import { PageSize } from '../../../src/estates/page-size.js';

const of = (count: number, byteLength: number) => Array.from({ length: count }, () => ({ byteLength }));

describe('PageSize', () => {
  it('grows step by step while messages are small, up to the most', () => {
    const size = new PageSize(500);
    const counts = Array.from({ length: 4 }, () => {
      const { count } = size;
      size.saw(of(count, 100));
      return count;
    });
    expect(counts).toEqual([50, 200, 500, 500]);
  });

  it('shrinks to one where each is larger than a page should be', () => {
    const size = new PageSize(500);
    size.saw(of(50, 5_000_000));
    expect(size.count).toBe(1);
  });
});
