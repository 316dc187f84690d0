import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderSkeletons } from '../../../src/protocol/header-skeleton.js';
import { stringifyJson } from '../../../src/protocol/kombu-json.js';

const LIMITS = Object.freeze([null, null]);
const STAMPS = Object.freeze({});

function headers(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    ...{ lang: 'js', task: 'tasks.add', id: 'a', eta: null, retries: 0, timelimit: LIMITS, root_id: 'a', parent_id: null },
    ...{ argsrepr: '(1,)', kwargsrepr: '{}', origin: 'gen1@host', ignore_result: false, stamps: STAMPS, ...change },
  };
}

describe('headers', () => {
  it.each([
    ['that differ in their own texts', { id: 'b', root_id: 'c', argsrepr: `("quote", '\\', 'ü', '\u2028')`, kwargsrepr: "{'x': 1}" }],
    ['of another task', { task: 'tasks.mul' }],
    ['with a date', { eta: '2030-01-01T00:00:00+00:00' }],
    ['with a header more', { traceparent: '00-a-b-01' }],
    ['with limits', { timelimit: [10, 5] }],
    ['with an id that is no text', { id: 17 }],
    ['with a big integer', { retries: 2n ** 70n }],
    ['with another number', { retries: -0 }],
  ])('%s are written as if nothing were remembered', (_, change) => {
    const skeletons = new HeaderSkeletons();
    skeletons.write(headers());
    expect(skeletons.write(headers(change))).toBe(stringifyJson(headers(change)));
    expect(skeletons.write(headers())).toBe(stringifyJson(headers()));
  });

  it('that lack one, or have them in another order, are written as if nothing were remembered', () => {
    const skeletons = new HeaderSkeletons();
    skeletons.write(headers());
    const { origin, ...without } = headers();
    for (const other of [without, { ...without, origin }]) expect(skeletons.write(other)).toBe(stringifyJson(other));
  });

  it('whose stamps were changed in place are written with the change', () => {
    const stamps: Record<string, unknown> = {};
    const skeletons = new HeaderSkeletons();
    skeletons.write(headers({ stamps }));
    stamps['tag'] = 'x';
    expect(skeletons.write(headers({ stamps }))).toContain('"stamps":{"tag":"x"}');
  });

  it('of any kind, one after the other, are written as if nothing were remembered', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(null, 0, -0, 1, true, undefined, LIMITS, STAMPS),
      fc.constant([1]),
      fc.double({ noNaN: true }),
    );
    const change = fc.dictionary(fc.constantFrom('id', 'task', 'eta', 'retries', 'root_id', 'argsrepr', 'more', 'timelimit'), value, {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const skeletons = new HeaderSkeletons();
        for (const one of changes) expect(skeletons.write(headers(one))).toBe(stringifyJson(headers(one)));
      }),
    );
  });
});
