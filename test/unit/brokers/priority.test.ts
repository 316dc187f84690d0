import { expect, test } from 'vitest';
import { priorityStep } from '../../../src/brokers/priority.js';

test('priorities between two steps belong to the lower one, as in kombu', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((priority) => priorityStep(priority))).toEqual([0, 0, 0, 3, 3, 3, 6, 6, 6, 9]);
});

test('what is outside 0 to 9, between integers or no number has a step, too', () => {
  expect([-1, -1e300, 10, 1e300, 2.9, Number.NaN, undefined].map((priority) => priorityStep(priority))).toEqual([0, 0, 9, 9, 0, 0, 0]);
});

test('other steps may be given', () => {
  expect([0, 4, 5, 9].map((priority) => priorityStep(priority, [0, 5]))).toEqual([0, 0, 5, 5]);
});
