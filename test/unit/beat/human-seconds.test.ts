import { expect, it } from 'vitest';
import { humanSeconds } from '../../../src/beat/human-seconds.js';

it('says spans of time in the words of Celery’s log', () => {
  const said = [1.994, 1, 0.996, 0.99, 60, 90, 300, 3600, 5400, 86_400, 259_200, 0].map((seconds) => humanSeconds(seconds, 'in '));
  expect(said).toEqual([
    'in 1.99 seconds',
    'in 1.00 second',
    'in 1.00 second',
    'now',
    'in 1.00 minute',
    'in 1.50 minutes',
    'in 5.00 minutes',
    'in 1.00 hour',
    'in 1.50 hours',
    'in 1.00 day',
    'in 3.00 days',
    'now',
  ]);
});
