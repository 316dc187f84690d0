import { describe, expect, it } from 'vitest';
import { ArgumentError, Binder } from '../../../src/execution/bind-arguments.js';

// Plain bodies, so that the compiler changes nothing in the parameter lists.
const add = (x: unknown, y: unknown): unknown => [x, y];
const withDefault = (x: unknown, y: unknown = 5): unknown => [x, y];
const twoDefaults = (x: unknown = 1, y: unknown = 2): unknown => [x, y];
const rest = (x: unknown, ...others: unknown[]): unknown => [x, others];
const options = (x: unknown, { verbose = false, size }: { verbose?: boolean; size?: number }): unknown => [x, verbose, size];
const openOptions = (x: unknown, { ...others }: Record<string, unknown>): unknown => [x, others];
const three = (a: unknown, b: unknown, c: unknown): unknown => [a, b, c];

function call(
  fn: (...args: never[]) => unknown,
  args: unknown[],
  kwargs: Record<string, unknown> = {},
  more: ConstructorParameters<typeof Binder>[1] = {},
): unknown {
  const bound = new Binder(fn, { name: 'add', ...more }).bind(args, kwargs);
  return (fn as (...args: readonly unknown[]) => unknown)(...bound);
}

describe('Binder', () => {
  it('hands on the very array when the call needs no work', () => {
    const args = [1, 2];
    expect(new Binder(add).bind(args, {})).toBe(args);
  });

  it('puts keyword arguments where the parameters of that name stand', () => {
    expect(call(add, [], { y: 2, x: 1 })).toEqual([1, 2]);
    expect(call(add, [1], { y: 2 })).toEqual([1, 2]);
  });

  it('leaves what is not given to the defaults', () => {
    expect(call(withDefault, [1])).toEqual([1, 5]);
    expect(call(twoDefaults, [], { y: 9 })).toEqual([1, 9]);
    expect(call(withDefault, [1, undefined])).toEqual([1, 5]);
  });

  it('gives a rest parameter everything that is left by position', () => {
    expect(call(rest, [1, 2, 3])).toEqual([1, [2, 3]]);
  });

  it('gives a destructured last parameter the keyword arguments that no other wanted', () => {
    expect(call(options, [1], { size: 3, verbose: true })).toEqual([1, true, 3]);
    expect(call(options, [], { size: 3, x: 1 })).toEqual([1, false, 3]);
    expect(call(options, [1])).toEqual([1, false, undefined]);
    expect(call(options, [1, { size: 4 }])).toEqual([1, false, 4]);
    expect(call(openOptions, [1], { anything: 1, goes: 2 })).toEqual([1, { anything: 1, goes: 2 }]);
  });

  it('keeps a keyword named __proto__ an ordinary key', () => {
    const kwargs = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    const [, others] = call(openOptions, [1], kwargs) as [unknown, Record<string, unknown>];
    expect(Object.keys(others)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(others)).toBe(Object.prototype);
  });

  it('does not count the context of a bound task', () => {
    const bound = (_task: unknown, x: unknown): unknown => x;
    expect(new Binder(bound, { skip: 1 }).bind([7], {})).toEqual([7]);
    expect(() => new Binder(bound, { skip: 1, name: 'bound' }).bind([], {})).toThrow("bound() missing 1 required positional argument: 'x'");
  });

  it.each<[string, () => unknown]>([
    ["add() missing 1 required positional argument: 'y'", () => call(add, [1])],
    ["add() missing 2 required positional arguments: 'x' and 'y'", () => call(add, [])],
    ["add() missing 3 required positional arguments: 'a', 'b', and 'c'", () => call(three, [])],
    ["add() missing 1 required positional argument: 'x'", () => call(add, [], { y: 1 })],
    ['add() takes 2 positional arguments but 3 were given', () => call(add, [1, 2, 3])],
    ['add() takes 1 positional argument but 2 were given', () => call((x: unknown) => x, [1, 2])],
    ['add() takes 0 positional arguments but 1 was given', () => call(() => 1, [1])],
    ['add() takes from 1 to 2 positional arguments but 3 were given', () => call(withDefault, [1, 2, 3])],
    ["add() got an unexpected keyword argument 'z'", () => call(add, [1, 2], { z: 3 })],
    ["add() got an unexpected keyword argument 'sice'", () => call(options, [1], { sice: 3 })],
    ["add() got an unexpected keyword argument 'z'", () => call(rest, [1], { z: 3 })],
    ["add() got multiple values for argument 'x'", () => call(add, [1, 2], { x: 3 })],
  ])('refuses a call as Python would: %s', (message, act) => {
    expect(act).toThrow(ArgumentError);
    expect(act).toThrow(expect.objectContaining({ message, name: 'TypeError' }));
  });

  const bound = { skip: 1 };
  const byItself = (task: unknown, x: unknown): unknown => [task, x];

  it.each<[string, () => unknown]>([
    [
      "its parameters are (x, y); one that may be left out has a default, y = undefined: TypeScript's y?: is gone when it runs",
      () => call(add, [1]),
    ],
    ['its parameters are (task, x); task is the task itself, and no argument, only with bind: true', () => call(byItself, [1])],
    [
      "its parameters are (x); one that may be left out has a default, x = undefined: TypeScript's x?: is gone when it runs",
      () => call(byItself, [], {}, bound),
    ],
    [
      'bind: true gives the task itself to the first parameter of (x, y), and arguments to those after it',
      () => call(add, [1, 2], {}, bound),
    ],
    ['bind: true gives the task itself to the first parameter of (), and arguments to those after it', () => call(() => 1, [1], {}, bound)],
    ['its parameters are (x)', () => call(byItself, [1, 2], {}, bound)],
    ['its parameters are (x, y = …)', () => call(withDefault, [1, 2, 3])],
    ['its parameters are (x, { verbose, size })', () => call(options, [1], { sice: 3 })],
    ['its parameters are (x, { … })', () => call(openOptions, [1, {}, 2])],
    ['its parameters are ([ … ], ...)', () => call(([x]: [unknown], ...more: unknown[]) => [x, more], [])],
  ])('says below its words, and nowhere in them, what is different here: %s', (note, act) => {
    expect(act).toThrow(expect.objectContaining({ notes: [note], message: expect.not.stringMatching(/bind|default|parameters/) }));
  });

  it('checks nothing when typing is off', () => {
    expect(call(add, [1], { z: 3 }, { strict: false })).toEqual([1, undefined]);
    expect(call(add, [1, 2, 3], { x: 9 }, { strict: false })).toEqual([1, 2]);
  });

  it('checks nothing about functions it cannot read, and hands keywords over as last argument', () => {
    const native = new Binder(Math.max);
    expect(native.bind([1, 2, 3], {})).toEqual([1, 2, 3]);
    expect(native.bind([1], { a: 2 })).toEqual([1, { a: 2 }]);
  });

  it('names a nameless function as Python does', () => {
    expect(() =>
      new Binder(
        (
          () => (x: unknown) =>
            x
        )(),
      ).bind([], {}),
    ).toThrow("<lambda>() missing 1 required positional argument: 'x'");
  });
});
