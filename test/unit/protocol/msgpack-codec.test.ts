import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { decodeMsgpack, encodeMsgpack } from '../../../src/protocol/msgpack-codec.js';

const hex = (value: unknown): string => Buffer.from(encodeMsgpack(value)).toString('hex');

describe('encodeMsgpack', () => {
  it('writes integers of every size as integers, as Python does', () => {
    expect(hex(127)).toBe('7f');
    expect(hex(2 ** 32 - 1)).toBe('ceffffffff');
    expect(hex(2 ** 32)).toBe('cf0000000100000000');
    expect(hex(-(2 ** 31))).toBe('d280000000');
    expect(hex(-(2 ** 31) - 1)).toBe('d3ffffffff7fffffff');
    expect(hex(Number.MAX_SAFE_INTEGER)).toBe('cf001fffffffffffff');
    expect(hex(5n)).toBe('05');
    expect(hex(2n ** 64n - 1n)).toBe('cfffffffffffffffff');
    expect(hex(-(2n ** 63n))).toBe('d38000000000000000');
    expect(hex(1.5)).toBe('cb3ff8000000000000');
  });

  it('refuses integers that msgpack has no room for, instead of writing others', () => {
    for (const value of [2n ** 64n, 2n ** 70n, -(2n ** 63n) - 1n]) {
      expect(() => encodeMsgpack([value])).toThrow(new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'Integer value out of range'));
    }
  });

  it('keeps every integer of 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        expect(BigInt(decodeMsgpack(encodeMsgpack(value)) as bigint | number)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(decodeMsgpack(encodeMsgpack(value))).toBe(value);
      }),
    );
  });

  it('keeps text and bytes apart', () => {
    expect(decodeMsgpack(encodeMsgpack(['x', Buffer.from('x'), Uint8Array.of(0xff)]))).toEqual([
      'x',
      Buffer.from('x'),
      Buffer.from([0xff]),
    ]);
  });

  it('refuses what Python would refuse', () => {
    for (const [value, name] of [
      [new Date(), 'Date'],
      [new Set(), 'Set'],
      [Symbol('x'), 'symbol'],
      [new Error('x'), 'Error'],
    ] as const) {
      expect(() => encodeMsgpack([value])).toThrow(`can not serialize '${name}' object`);
    }
  });

  it('writes maps, toJSON and undefined as JSON would', () => {
    expect(
      decodeMsgpack(encodeMsgpack({ map: new Map([[1, 'a']]), own: { toJSON: () => [1] }, gone: undefined, list: [undefined] })),
    ).toEqual({
      map: { 1: 'a' },
      own: [1],
      list: [null],
    });
  });
});

describe('decodeMsgpack', () => {
  it('makes BigInt only of what a number cannot hold', () => {
    expect(decodeMsgpack(Buffer.from('cf0000000100000000', 'hex'))).toBe(2 ** 32);
    expect(decodeMsgpack(Buffer.from('cf0020000000000001', 'hex'))).toBe(2n ** 53n + 1n);
  });

  it('ends every body in a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        try {
          decodeMsgpack(body);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses a length that the body cannot hold, before room is made for it', () => {
    for (const lie of ['ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff']) {
      expect(() => decodeMsgpack(Buffer.from(lie, 'hex'))).toThrow(ProtocolError);
    }
  });

  it('refuses endless depth and keys that reach a prototype', () => {
    expect(() => decodeMsgpack(Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.of(1)]))).toThrow('nested deeper than 200 levels');
    expect(() => decodeMsgpack(Buffer.from('81a95f5f70726f746f5f5f01', 'hex'))).toThrow(ProtocolError);
  });
});
