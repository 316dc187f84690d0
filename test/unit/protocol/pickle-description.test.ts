/** The pickles are Python 3's own: `pickle.dumps(((1, 2.5, "ü"), {"when": datetime(…), "n": Decimal("1.5"), …}, {…}), n)`. */
import { describe, expect, it } from 'vitest';
import { describePickle } from '../../../src/protocol/pickle-description.js';

const BY_PROTOCOL: readonly string[] = [
  'KChJMQpGMi41Clb8CnAwCnRwMQooZHAyClZ3aGVuCnAzCmNkYXRldGltZQpkYXRldGltZQpwNAooY19jb2RlY3MKZW5jb2RlCnA1CihWB+oBAlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMApwNgpWbGF0aW4xCnA3CnRwOApScDkKdHAxMApScDExCnNWbgpwMTIKY2RlY2ltYWwKRGVjaW1hbApwMTMKKFYxLjUKcDE0CnRwMTUKUnAxNgpzVmFnYWluCnAxNwpnNAooZzUKKFYH6wECXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwCnAxOApnNwp0cDE5ClJwMjAKdHAyMQpScDIyCnMoZHAyMwpWY2FsbGJhY2tzCnAyNApOc3RwMjUKLg==',
  'KChLAUdABAAAAAAAAFgCAAAAw7xxAHRxAX1xAihYBAAAAHdoZW5xA2NkYXRldGltZQpkYXRldGltZQpxBChjX2NvZGVjcwplbmNvZGUKcQUoWAsAAAAHw6oBAgAAAAAAAHEGWAYAAABsYXRpbjFxB3RxCFJxCXRxClJxC1gBAAAAbnEMY2RlY2ltYWwKRGVjaW1hbApxDShYAwAAADEuNXEOdHEPUnEQWAUAAABhZ2FpbnERaAQoaAUoWAsAAAAHw6sBAgAAAAAAAHESaAd0cRNScRR0cRVScRZ1fXEXWAkAAABjYWxsYmFja3NxGE5zdHEZLg==',
  'gAJLAUdABAAAAAAAAFgCAAAAw7xxAIdxAX1xAihYBAAAAHdoZW5xA2NkYXRldGltZQpkYXRldGltZQpxBGNfY29kZWNzCmVuY29kZQpxBVgLAAAAB8OqAQIAAAAAAABxBlgGAAAAbGF0aW4xcQeGcQhScQmFcQpScQtYAQAAAG5xDGNkZWNpbWFsCkRlY2ltYWwKcQ1YAwAAADEuNXEOhXEPUnEQWAUAAABhZ2FpbnERaARoBVgLAAAAB8OrAQIAAAAAAABxEmgHhnETUnEUhXEVUnEWdX1xF1gJAAAAY2FsbGJhY2tzcRhOc4dxGS4=',
  'gANLAUdABAAAAAAAAFgCAAAAw7xxAIdxAX1xAihYBAAAAHdoZW5xA2NkYXRldGltZQpkYXRldGltZQpxBEMKB+oBAgAAAAAAAHEFhXEGUnEHWAEAAABucQhjZGVjaW1hbApEZWNpbWFsCnEJWAMAAAAxLjVxCoVxC1JxDFgFAAAAYWdhaW5xDWgEQwoH6wECAAAAAAAAcQ6FcQ9ScRB1fXERWAkAAABjYWxsYmFja3NxEk5zh3ETLg==',
  'gASVmAAAAAAAAABLAUdABAAAAAAAAIwCw7yUh5R9lCiMBHdoZW6UjAhkYXRldGltZZSMCGRhdGV0aW1llJOUQwoH6gECAAAAAAAAlIWUUpSMAW6UjAdkZWNpbWFslIwHRGVjaW1hbJSTlIwDMS41lIWUUpSMBWFnYWlulGgGQwoH6wECAAAAAAAAlIWUUpR1fZSMCWNhbGxiYWNrc5ROc4eULg==',
];
const SYSTEM = {
  0: 'Y3Bvc2l4CnN5c3RlbQpwMAooVnRvdWNoIC90bXAvcHduZWQKcDEKdHAyClJwMwou',
  2: 'gAJjcG9zaXgKc3lzdGVtCnEAWBAAAAB0b3VjaCAvdG1wL3B3bmVkcQGFcQJScQMu',
  4: 'gASVKwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjBB0b3VjaCAvdG1wL3B3bmVklIWUUpQu',
} as const;

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

describe('a pickle', () => {
  it.each([0, 1, 2, 3, 4])('of protocol %i is described by what it would import', (protocol) => {
    const whole = bytes(BY_PROTOCOL[protocol] ?? '');
    const { globals, opcodes, ...rest } = describePickle(whole);
    // Protocols 0 and 1 have no opcode that names them.
    expect(rest).toEqual({ protocol: protocol < 2 ? 0 : protocol, bytes: whole.length });
    expect(globals).toEqual(expect.arrayContaining(['datetime.datetime', 'decimal.Decimal']));
    expect(globals.filter((name) => name !== '_codecs.encode')).toHaveLength(2);
    expect(opcodes).toBeGreaterThan(20);
  });

  it.each([0, 2, 4] as const)('that would run a program says so, in protocol %i', (protocol) => {
    expect(describePickle(bytes(SYSTEM[protocol])).globals).toEqual(['posix.system']);
  });

  it('that is cut anywhere is told as cut, and never throws', () => {
    for (const text of [...BY_PROTOCOL, ...Object.values(SYSTEM)]) {
      const whole = bytes(text);
      for (let length = 0; length < whole.length; length += 1)
        expect(describePickle(whole.subarray(0, length)).problem).toBe('it is cut off');
    }
  });

  it('that is none says where that shows', () => {
    expect(describePickle(Buffer.from('hello')).problem).toMatch(/^byte \d+ is no opcode of a pickle$|^it is cut off$/);
    expect(describePickle(Buffer.from('\xff', 'latin1')).problem).toBe('byte 0 is no opcode of a pickle');
    expect(describePickle(Buffer.from('N.N.')).problem).toBe('2 bytes follow its end');
  });

  it('whose lengths are absurd costs nothing', () => {
    const huge = Buffer.concat([Buffer.from([0x8d]), Buffer.from('ffffffffffffff7f', 'hex'), Buffer.from('x.')]);
    expect(describePickle(huge).problem).toBe('it is cut off');
    expect(describePickle(Buffer.alloc(3_000_000, 'N')).problem).toBe('only its first 1000000 opcodes were read');
  });
});
