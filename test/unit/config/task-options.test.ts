import { describe, expect, it } from 'vitest';
import { Ctq } from '../../../src/ctq.js';

describe('options that no compiler has checked', () => {
  const register = (options: object) => () => new Ctq('app').task({ name: 'app.add', ...options }, () => {});

  it.each([
    [{ maxRetires: 3 }, 'app.add: a task has no option "maxRetires"', 'did you mean maxRetries?'],
    [{ rate_limit: '1/s' }, 'app.add: a task has no option "rate_limit"', 'did you mean rateLimit?'],
    [{ maxRetries: 'x' }, 'app.add: maxRetries is "x"', 'it must be a number of at least 0'],
    [{ timeLimit: 'fast' }, 'app.add: timeLimit is "fast"', 'it must be a number of at least 0'],
    [{ acksLate: 1 }, 'app.add: acksLate is 1', 'it must be true or false'],
    [{ queue: '' }, 'app.add: queue is ""', 'it must be a text'],
    [{ autoretryFor: Error }, 'app.add: autoretryFor is a function', 'it must be a list'],
  ])('are refused as %j', (options, message, hint) => {
    expect(register(options)).toThrow(expect.objectContaining({ message, hint }) as Error);
  });

  it('may be null and undefined, for "as the settings say"', () => {
    expect(
      register({ maxRetries: null, rateLimit: null, queue: undefined, timeLimit: 0, retryBackoff: true, expires: new Date() }),
    ).not.toThrow();
  });

  it('say what an app and a task are made of', () => {
    expect(() => new Ctq('app').task('', () => {})).toThrow('a task without a name');
    expect(() => new Ctq({ broker: 'redis://x' } as unknown as string)).toThrow('an app has a name and settings');
    expect(() => new Ctq('app', 'redis://x' as unknown as object)).toThrow('an app has a name and settings');
  });
});
