import { describe, expect, it } from 'vitest';
import { Ctq, type TaskOptions } from '../../../src/index.js';

/** As plain JavaScript would hand it over. */
const register = (options: object) => new Ctq('shop').task({ name: 'shop.mail', ...options } as TaskOptions & { bind?: false }, () => 1);
const send = (options: object) => new Ctq('shop', { brokerUrl: 'memory://' }).sendTask('shop.mail', [], options);

describe('an option that does not exist', () => {
  it.each([
    [{ maxRetires: 3 }, 'shop.mail: a task has no option "maxRetires"', 'did you mean maxRetries?'],
    [{ rate_limit: '1/s' }, 'shop.mail: a task has no option "rate_limit"', 'did you mean rateLimit?'],
    [{ __proto__: null, toString: 1 }, 'shop.mail: a task has no option "toString"', expect.stringContaining('it has name, bind,')],
  ])('is refused when a task is registered with %o', (options, message, hint) => {
    expect(() => register(options)).toThrow(expect.objectContaining({ message, hint }));
  });

  it.each([
    [{ countdwn: 4 }, 'sending shop.mail: a call has no option "countdwn"', 'did you mean countdown?'],
    [{ task_id: 'x' }, 'sending shop.mail: a call has no option "task_id"', 'did you mean taskId?'],
  ])('is refused when a task is sent with %o', (options, message, hint) => {
    expect(() => send(options)).toThrow(expect.objectContaining({ message, hint }));
  });
});

describe('a value that means nothing', () => {
  it.each([
    [{ timeLimit: 'fast' }, 'timeLimit is "fast"'],
    [{ maxRetries: 'x' }, 'maxRetries is "x"'],
    [{ maxRetries: -1 }, 'maxRetries is -1'],
    [{ acksLate: 'yes' }, 'acksLate is "yes"'],
    [{ autoretryFor: Error }, 'autoretryFor is a function'],
  ])('is refused when a task is registered with %o', (options, words) => {
    expect(() => register(options)).toThrow(`shop.mail: ${words}`);
  });

  it.each([
    [{ eta: 5 }, 'eta is 5'],
    [{ priority: 'high' }, 'priority is "high"'],
    [{ queue: 7 }, 'queue is 7'],
  ])('is refused when a task is sent with %o', (options, words) => {
    expect(() => send(options)).toThrow(`sending shop.mail: ${words}`);
  });

  it('is not what null and undefined are: they say nothing', () => {
    expect(register({ rateLimit: null, maxRetries: null, queue: undefined }).name).toBe('shop.mail');
    expect(send({ eta: null, queue: undefined }).id).toBeTypeOf('string');
  });
});
