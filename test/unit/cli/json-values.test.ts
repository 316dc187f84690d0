import { describe, expect, it } from 'vitest';
import { Expected } from '../../../src/cli/command.js';
import { jsonList, jsonObject, keyAndValue, objectOf, readLoosely, signature } from '../../../src/cli/json-values.js';

describe('readLoosely', () => {
  it.each([
    ['3', 3],
    ['-3.5', -3.5],
    ['true', true],
    ['null', null],
    ['"3"', '3'],
    ['[1, 2]', [1, 2]],
    ['{"a": 1}', { a: 1 }],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
    ['abc', 'abc'],
    ['', ''],
    ['3 apples', '3 apples'],
    ['{broken', '{broken'],
    ['NaN', 'NaN'],
    ['-Infinity', '-Infinity'],
    ['[NaN]', [Number.NaN]],
    ['01', '01'],
  ])('reads %j', (raw, value) => {
    expect(readLoosely(raw)).toEqual(value);
  });
});

describe('JSON in options', () => {
  it('must be what the option wants', () => {
    expect(jsonList('[3, 4]')).toEqual([3, 4]);
    expect(jsonObject('{"x": 3}')).toEqual({ x: 3 });
    expect(() => jsonList('{"x": 3}')).toThrow('a JSON list');
    expect(() => jsonObject('[3]')).toThrow('a JSON object');
    expect(() => jsonList('[3')).toThrow('it is no JSON');
  });

  it('keyAndValue splits at the first sign of equality', () => {
    expect(keyAndValue('q=a=b')).toEqual(['q', 'a=b']);
    expect(keyAndValue('n=3')).toEqual(['n', 3]);
    expect(keyAndValue('empty=')).toEqual(['empty', '']);
    for (const raw of ['novalue', '=3', '']) expect(() => keyAndValue(raw)).toThrow(Expected);
  });

  it('objectOf lets the last of a name count, and takes __proto__ for a name', () => {
    expect(
      objectOf([
        ['a', 1],
        ['a', 2],
      ]),
    ).toEqual({ a: 2 });
    const object = objectOf([['__proto__', 1]]);
    expect(Object.keys(object ?? {})).toEqual(['__proto__']);
    expect(objectOf(undefined)).toBeUndefined();
  });

  it('signature is a name, or what Celery writes', () => {
    const whole = { task: 'tasks.log', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    expect(signature('tasks.log')).toEqual(whole);
    expect(signature('{"task": "tasks.log", "args": [1], "immutable": true}')).toEqual({ ...whole, args: [1], immutable: true });
    for (const raw of ['', '{}', '{"task": 3}', '{"task"']) expect(() => signature(raw)).toThrow(Expected);
  });
});
