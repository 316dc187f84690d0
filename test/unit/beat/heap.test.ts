import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap, type HeapItem } from '../../../src/beat/heap.js';

it('always has the smallest first, whatever is put, moved and removed', () => {
  const step = fc.tuple(fc.constantFrom('put', 'move', 'remove', 'take'), fc.nat(20), fc.integer({ min: -50, max: 50 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new Heap<HeapItem>();
      const items = Array.from({ length: 21 }, (): HeapItem => ({ dueMs: 0, place: -1 }));
      const inside = new Set<HeapItem>();
      for (const [verb, which, dueMs] of steps) {
        const item = verb === 'take' ? heap.first : items[which];
        if (item === undefined) continue;
        if (verb === 'put' || (verb === 'move' && inside.has(item))) {
          item.dueMs = dueMs;
          heap.put(item);
          inside.add(item);
        } else {
          heap.remove(item);
          inside.delete(item);
        }
        expect(heap.size).toBe(inside.size);
        expect(heap.first?.dueMs).toBe(inside.size === 0 ? undefined : Math.min(...[...inside].map((one) => one.dueMs)));
      }
    }),
  );
});
