import { describe, expect, it } from 'vitest';
import { autoretry, isOneOf, retriesExhausted, retryCountdownS } from '../../../src/execution/retry-policy.js';

class NetworkError extends Error {}
class TimeoutError extends NetworkError {}

const almostOne = (): number => 0.999_999;

describe('autoretry', () => {
  const error = new NetworkError('away');

  it('retries what is listed, not what is excepted, and nothing else', () => {
    expect(autoretry({ autoretryFor: [NetworkError] }, error, 0)).toEqual({ exc: error });
    expect(autoretry({ autoretryFor: [NetworkError] }, new Error('other'), 0)).toBeUndefined();
    expect(autoretry({ autoretryFor: [NetworkError], dontAutoretryFor: [TimeoutError] }, new TimeoutError(), 0)).toBeUndefined();
    expect(autoretry({}, error, 0)).toBeUndefined();
  });

  it('doubles the delay each time up to the maximum', () => {
    const options = { autoretryFor: [NetworkError], retryBackoff: true, retryJitter: false } as const;
    expect([0, 1, 2, 3, 9, 10, 20].map((retries) => autoretry(options, error, retries)?.countdown)).toEqual([1, 2, 4, 8, 512, 600, 600]);
    expect(autoretry({ ...options, retryBackoff: 5, retryBackoffMax: 30 }, error, 1)?.countdown).toBe(10);
    expect(autoretry({ ...options, retryBackoff: 5, retryBackoffMax: 30 }, error, 9)?.countdown).toBe(30);
  });

  it('draws a whole number from 0 to the delay when jitter is on', () => {
    const options = { autoretryFor: [NetworkError], retryBackoff: true } as const;
    expect(autoretry(options, error, 3, () => 0)?.countdown).toBe(0);
    expect(autoretry(options, error, 3, () => 0.5)?.countdown).toBe(4);
    expect(autoretry(options, error, 3, almostOne)?.countdown).toBe(8);
  });
});

describe('isOneOf', () => {
  it('knows classes, names, and names of ancestors', () => {
    const error = new TimeoutError();
    expect(isOneOf(error, [NetworkError])).toBe(true);
    expect(isOneOf(error, ['TimeoutError'])).toBe(true);
    expect(isOneOf(error, ['NetworkError'])).toBe(true);
    expect(isOneOf(error, ['Error'])).toBe(true);
    expect(isOneOf(error, ['TypeError'])).toBe(false);
    expect(isOneOf(Object.assign(new Error(), { name: 'AbortError' }), ['AbortError'])).toBe(true);
    expect(isOneOf('TimeoutError', ['TimeoutError'])).toBe(false);
    expect(isOneOf(error, [])).toBe(false);
  });
});

describe('retriesExhausted', () => {
  it.each([
    ['3 by default', {}, {}, 3],
    ['as the task says', { maxRetries: 1 }, {}, 1],
    ['as the retry says, over the task', { maxRetries: 9 }, { maxRetries: 2 }, 2],
    ['never with 0', { maxRetries: 0 }, {}, 0],
  ])('%s', (_, options, retry, most) => {
    expect(retriesExhausted(options, retry, most - 1)).toBe(false);
    expect(retriesExhausted(options, retry, most)).toBe(true);
  });

  it('for ever with null', () => {
    expect(retriesExhausted({ maxRetries: null }, {}, 1e6)).toBe(false);
    expect(retriesExhausted({}, { maxRetries: null }, 1e6)).toBe(false);
  });
});

describe('retryCountdownS', () => {
  it('takes the countdown of the retry, the default of the task, or 180', () => {
    expect(retryCountdownS({}, { countdown: 0 })).toBe(0);
    expect(retryCountdownS({ defaultRetryDelay: 7 }, {})).toBe(7);
    expect(retryCountdownS({}, {})).toBe(180);
    expect(retryCountdownS({}, { eta: new Date() })).toBeNull();
  });
});
