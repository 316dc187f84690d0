import { describe, expect, it } from 'vitest';
import { bytesText } from '../../../../src/cli/output/bytes.js';
import { countText, numberText } from '../../../../src/cli/output/number.js';
import { durationText, relativeTime } from '../../../../src/cli/output/relative-time.js';

describe('numbers for people', () => {
  it('separate thousands', () => {
    expect([0, 999, 1000, 200_000, 1_234_567, -4321, 1234.5].map(numberText)).toEqual([
      ...['0', '999', '1,000', '200,000', '1,234,567', '-4,321', '1,234.5'],
    ]);
  });

  it('count one thing differently from two', () => {
    expect([countText(1, 'message'), countText(2000, 'message'), countText(2, 'index', 'indices')]).toEqual([
      ...['1 message', '2,000 messages', '2 indices'],
    ]);
  });

  it('name bytes in the unit that needs few digits', () => {
    expect([0, 512, 1023, 1024, 1536, 10_240, 1_048_575, 1_048_576, 21_000_000, 5e9].map(bytesText)).toEqual([
      ...['0 B', '512 B', '1023 B', '1.0 KiB', '1.5 KiB', '10 KiB', '1.0 MiB', '1.0 MiB', '20 MiB', '4.7 GiB'],
    ]);
  });
});

describe('times for people', () => {
  it('are told in one unit', () => {
    expect([-5, 450, 12_000, 90_000, 300_000, 10_800_000, 1_036_800_000].map(durationText)).toEqual([
      ...['0 ms', '450 ms', '12 s', '90 s', '5 min', '3 h', '12 d'],
    ]);
  });

  it('lie before or after now', () => {
    expect([relativeTime(1000, 301_000), relativeTime(10_801_000, 1000), relativeTime(1500, 1000)]).toEqual(['5 min ago', 'in 3 h', 'now']);
  });
});
