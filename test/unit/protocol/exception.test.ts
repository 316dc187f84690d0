import { describe, expect, it } from 'vitest';
import { type RemoteErrorInfo, TaskError, WaitTimeoutError } from '../../../src/errors.js';
import {
  decodeException,
  describeError,
  encodeException,
  exceptionLine,
  exceptionRepr,
  namedError,
} from '../../../src/protocol/exception.js';

class PaymentRefused extends Error {}

/** Without the traceback, which is looked at by itself. */
function described(thrown: unknown): Omit<RemoteErrorInfo, 'traceback'> {
  const { type, args, module } = describeError(thrown);
  return { type, args, module };
}

describe('describeError', () => {
  it('uses the names that Python knows, so that except clauses work there', () => {
    expect(described(new TypeError('no'))).toEqual({ type: 'TypeError', args: ['no'], module: 'builtins' });
    expect(described(Object.assign(new Error('boom'), { name: 'ValueError' }))).toEqual({
      type: 'ValueError',
      args: ['boom'],
      module: 'builtins',
    });
    expect(described(new RangeError('no'))).toEqual({ type: 'RangeError', args: ['no'], module: 'ctq.errors' });
    expect(described(new Error('no'))).toEqual({ type: 'Error', args: ['no'], module: 'ctq.errors' });
  });

  it('takes the class for the name where a subclass set none', () => {
    expect(described(new PaymentRefused('card'))).toEqual({ type: 'PaymentRefused', args: ['card'], module: 'ctq.errors' });
    expect(described(new (class extends Error {})('x'))).toMatchObject({ type: 'Error' });
  });

  it('never names a class that would end the Python program which meets it', () => {
    for (const name of ['SystemExit', 'KeyboardInterrupt', 'GeneratorExit', 'BaseException']) {
      expect(described(Object.assign(new Error(''), { name })).module).toBe('ctq.errors');
    }
  });

  it('knows where Celery keeps the errors of a worker', () => {
    expect(
      ['NotRegistered', 'MaxRetriesExceededError', 'SoftTimeLimitExceeded', 'WorkerLostError', 'EncodeError', 'Mine'].map(
        (name) => namedError(name, []).module,
      ),
    ).toEqual(['celery.exceptions', 'celery.exceptions', 'billiard.exceptions', 'billiard.exceptions', 'kombu.exceptions', 'ctq.errors']);
  });

  it('leaves an error of another task what it was there', () => {
    const remote = { type: 'KeyError', args: ['k'], module: 'builtins', traceback: "Traceback (most recent call last):\nKeyError: 'k'\n" };
    expect(describeError(new TaskError('x', 'FAILURE', remote))).toEqual(remote);
    expect(described(new WaitTimeoutError())).toMatchObject({ type: 'WaitTimeoutError', module: 'ctq.errors' });
  });

  it('takes constructor arguments from an error that has them', () => {
    expect(described(Object.assign(new PaymentRefused('x'), { args: [42, 'custom', new Set([1])] })).args).toEqual([42, 'custom', '{1}']);
  });

  it('describes what is thrown without being an error', () => {
    expect(['text', 7, null, { a: 1 }, 2n ** 70n, undefined, Symbol('s'), () => 1].map((thrown) => described(thrown).args)).toEqual([
      ['text'],
      [7],
      [null],
      [{ a: 1 }],
      [2n ** 70n],
      [],
      ['Symbol(s)'],
      ['<function <lambda>>'],
    ]);
    expect(describeError('text').traceback).toBe('Error: text\n');
  });

  it('survives errors that throw when they are looked at', () => {
    const trap = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('trap');
      },
    });
    expect(described(trap)).toEqual({ type: 'Error', args: ['<the thrown value cannot be read>'], module: 'ctq.errors' });
    const odd = Object.assign(new Error('x'), { name: 'two\nlines', stack: 7 });
    expect(described(odd).type).toBe('Error');
    expect(described(Object.defineProperty(new Error('x'), 'message', { value: { toString: () => 'made' } })).args).toEqual(['made']);
  });

  it('lays the stack out as a Python traceback, innermost frame last', () => {
    const error = new PaymentRefused('card');
    error.stack = `PaymentRefused: card
    at inner (file:///app/tasks.ts:3:9)
    at async Object.outer (/app/main.js:20:1)
    at Array.map (<anonymous>)
    at /app/top.js:1:1
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`;
    expect(describeError(error).traceback).toBe(`Traceback (most recent call last):
  File "/app/top.js", line 1, in <module>
  File "/app/main.js", line 20, in Object.outer
  File "/app/tasks.ts", line 3, in inner
PaymentRefused: card
`);
  });

  it('writes the notes of an error below it, as Python does, and nothing else that is called so', () => {
    const noted = (notes: unknown): string | null => {
      const { traceback } = describeError(Object.assign(new TypeError('no'), { stack: 'TypeError: no', notes }));
      return traceback;
    };
    expect(noted(['look here', 'and there'])).toBe('TypeError: no\nlook here\nand there\n');
    for (const others of [undefined, 'C sharp', [1, null, {}], { length: 2 }]) expect(noted(others)).toBe('TypeError: no\n');
    expect(noted(['x'.repeat(9_000_000)])?.length).toBeLessThan(2_000);
  });

  it('puts causes before what they caused, and not without end', () => {
    const root = Object.assign(new TypeError('root'), { stack: 'TypeError: root\n    at a (/a.js:1:1)' });
    const error = Object.assign(new Error('top', { cause: root }), { stack: 'Error: top\n    at b (/b.js:2:1)' });
    expect(describeError(error).traceback).toBe(`Traceback (most recent call last):
  File "/a.js", line 1, in a
TypeError: root

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/b.js", line 2, in b
Error: top
`);
    root.cause = error;
    expect(describeError(error).traceback?.match(/Error: top$/gm)?.length).toBe(3);
  });

  it('stays quick and short with a message of megabytes that looks like frames', () => {
    const text = describeError(new Error(`\n    at x (/a.js:${'1:'.repeat(1_000_000)}`)).traceback as string;
    expect(text.length).toBeLessThan(2_200_000);
    const frames = describeError(Object.assign(new Error('x'), { stack: '    at f (/a.js:1:1)\n'.repeat(10_000) })).traceback as string;
    expect(frames.split('\n').length).toBeLessThan(60);
  });
});

describe('encodeException', () => {
  it('writes the three fields of Celery, and reprs for what JSON cannot hold', () => {
    const info = { type: 'Outer.Inner', args: [42, 'x', undefined, () => 1, 2n ** 70n], module: 'tasks' };
    expect(encodeException(info)).toEqual({
      exc_type: 'Outer.Inner',
      exc_message: [42, 'x', null, '<function <lambda>>', 2n ** 70n],
      exc_module: 'tasks',
    });
  });
});

describe('decodeException', () => {
  it('reads what Celery stored', () => {
    expect(decodeException({ exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' }, 'tb')).toEqual({
      type: 'ValueError',
      args: ['boom'],
      module: 'builtins',
      traceback: 'tb',
    });
  });

  it.each<[unknown, Partial<RemoteErrorInfo>]>([
    [
      { exc_type: 'E', exc_message: 'text', exc_module: null },
      { type: 'E', args: ['text'], module: null },
    ],
    [
      { exc_type: 'E', exc_message: '' },
      { args: [], module: null },
    ],
    [{ exc_type: 'E', exc_message: { a: 1 } }, { args: [{ a: 1 }] }],
    [{}, { type: 'Exception', args: [] }],
    [
      { exc_type: ['x'], exc_module: 7 },
      { type: 'Exception', module: null },
    ],
    [null, { type: 'Exception', args: [] }],
    ['old text', { type: 'Exception', args: ['old text'] }],
    [[1, 2], { type: 'Exception', args: [[1, 2]] }],
  ])('makes the best of %j', (value, expected) => {
    expect(decodeException(value, null)).toMatchObject({ ...expected, traceback: null });
  });

  it('only ever gives data, whatever class a document names', () => {
    const info = decodeException({ exc_type: 'exec', exc_message: ['rm'], exc_module: 'child_process' }, null);
    expect(info).toEqual({ type: 'exec', args: ['rm'], module: 'child_process', traceback: null });
  });
});

describe('exceptionRepr and exceptionLine', () => {
  it('print as Python does', () => {
    expect(exceptionRepr({ type: 'ValueError', args: ['boom'] })).toBe("ValueError('boom')");
    expect(exceptionRepr({ type: 'Outer.Inner', args: [42, "it's"] })).toBe('Inner(42, "it\'s")');
    expect(exceptionRepr({ type: 'E', args: [] })).toBe('E()');
    expect(exceptionLine({ type: 'ValueError', args: ['boom'], module: 'builtins' })).toBe('ValueError: boom');
    expect(exceptionLine({ type: 'CustomError', args: [42, 'custom'], module: 'tasks' })).toBe("tasks.CustomError: (42, 'custom')");
    expect(exceptionLine({ type: 'KeyError', args: ['nope'], module: 'builtins' })).toBe("KeyError: 'nope'");
    expect(exceptionLine({ type: 'SoftTimeLimitExceeded', args: [], module: 'billiard.exceptions' })).toBe(
      'billiard.exceptions.SoftTimeLimitExceeded',
    );
  });
});
