import { describe, expect, it } from 'vitest';
import { decodeInvocation, decodeOutcome, encodeInvocation, encodeOutcome } from '../../../src/execution/crossing.js';
import type { Outcome } from '../../../src/execution/outcome.js';
import { stringifyJson } from '../../../src/protocol/kombu-json.js';
import { safeRepr } from '../../../src/protocol/python-repr.js';
import { DateTime } from '../../../src/protocol/typed-values.js';
import { invocation, request } from './run-support.js';

describe('an invocation', () => {
  it('arrives as it was, request and limits included', () => {
    const args = [1, 2n ** 70n, new DateTime('2026-11-21T08:00:00.000001'), Buffer.from('x'), { nested: [null] }];
    const sent = {
      ...invocation(args, { kwargs: { a: 1 }, softTimeLimitMs: 1_000, timeLimitMs: 2_000 }),
      softGraceMs: 5,
      request: request({ args, kwargs: { a: 1 }, headers: { 'x-y': 2n ** 64n }, chord: { task: 't' }, stamps: { s: [1] } }),
    };
    expect(decodeInvocation(encodeInvocation(sent))).toEqual(sent);
  });

  it('leaves no field of the request behind, whatever each of them says', () => {
    const told = {
      ...{ task: 'shown', shadow: 'pretty', retries: 3, eta: '2030-01-01T00:00:00+00:00', expires: '2031-01-01T00:00:00+00:00' },
      ...{ group: 'g', groupIndex: 4, rootId: 'r', parentId: 'p', correlationId: 'c', replyTo: 'q', origin: 'o', ignoreResult: true },
      ...{ timelimit: [1, 2] as const, deliveryInfo: { exchange: 'e', routingKey: 'k', priority: 5, redelivered: true }, hostname: 'h' },
      ...{ headers: { a: 1 }, callbacks: [1], errbacks: [2], chain: [3], chord: { d: 4 }, replacedTaskNesting: 5 },
      ...{ stampedHeaders: ['s'], stamps: { s: 1 }, isEager: true, deliveryCount: 6 },
    };
    const whole = request(told);
    for (const [field, value] of Object.entries(request())) {
      if (!['id', 'args', 'kwargs'].includes(field)) expect([field, told[field as keyof typeof told]]).not.toEqual([field, value]);
    }
    expect(decodeInvocation(encodeInvocation({ ...invocation([]), request: whole })).request).toEqual(whole);
    expect(decodeInvocation(encodeInvocation(invocation([]))).request).toEqual(request());
  });

  it('reads fields of a request that are no properties of its own, as the worker’s view has them', () => {
    class View {
      get headers(): unknown {
        return { from: 'a getter' };
      }
    }
    const { headers: _none, ...rest } = request();
    const view = Object.assign(new View(), rest) as unknown as ReturnType<typeof request>;
    expect(decodeInvocation(encodeInvocation({ ...invocation([]), request: view })).request.headers).toEqual({ from: 'a getter' });
  });

  it('carries what only looks like a typed value', () => {
    const odd = { __type__: 'unheard of', __value__: 1 };
    expect(decodeInvocation(encodeInvocation(invocation([odd]))).args).toEqual([odd]);
  });
});

describe('an outcome', () => {
  it.each<Outcome>([
    { kind: 'success', value: { big: 2n ** 80n }, children: [[['id', null], null]] },
    { kind: 'failure', error: { type: 'E', args: ['a', 1], module: null, traceback: 'T\n' }, expected: true },
    { kind: 'retry', error: null, countdownS: 1.5, eta: null, args: [1], kwargs: null, options: { queue: 'q' } },
    { kind: 'ignored', reason: null, replacement: { task: 't', args: [] } },
    { kind: 'rejected', reason: 'r' },
    { kind: 'revoked', reason: 'terminated', signal: 'SIGTERM' },
  ])('of kind $kind arrives as it was', (outcome) => {
    expect(decodeOutcome(encodeOutcome(outcome))).toEqual(outcome);
  });

  it('without a value has the value undefined', () => {
    expect(decodeOutcome(encodeOutcome({ kind: 'success', value: undefined }))).toEqual({ kind: 'success', value: undefined });
  });

  it.each([
    ['a symbol', Symbol('s'), 'Object of type symbol is not JSON serializable'],
    ['a cycle', cycle(), 'Circular reference detected'],
    [
      'an object that throws when it is looked at',
      {
        toJSON: () => {
          throw new Error('trap');
        },
      },
      'trap',
    ],
  ])('with %s is a success whose value cannot be written, in the words of its own writer', (_name, value, message) => {
    const outcome = decodeOutcome(encodeOutcome({ kind: 'success', value, children: [[['id', null], null]] }));
    expect(outcome).toMatchObject({ kind: 'success', children: [[['id', null], null]] });
    const read = (outcome as { value: unknown }).value;
    expect(() => stringifyJson({ result: read })).toThrow(message);
    expect(safeRepr(read)).toContain('UnwritableValue');
  });

  it('of a retry with arguments that cannot be sent is the failure that sending would be', () => {
    const outcome: Outcome = { kind: 'retry', error: null, countdownS: 1, eta: null, args: [() => 1], kwargs: null, options: {} };
    expect(decodeOutcome(encodeOutcome(outcome))).toMatchObject({
      kind: 'failure',
      error: { type: 'EncodeError', module: 'kombu.exceptions' },
    });
  });

  it('that cannot be read is a failure', () => {
    expect(decodeOutcome('{')).toMatchObject({ kind: 'failure', expected: false });
  });
});

function cycle(): unknown {
  const list: unknown[] = [];
  list.push(list);
  return list;
}
