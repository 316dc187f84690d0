import { describe, expect, it } from 'vitest';
import { Expected } from '../../../src/cli/command.js';
import { instant, names, oneOf, seconds, secondsOrInstant, text, wholeNumber } from '../../../src/cli/option-values.js';

describe('the readers of option values', () => {
  it.each([
    ['10', 10],
    ['0', 0],
    ['.5', 0.5],
    ['1e3', 1000],
    ['+2', 2],
  ])('seconds reads %s', (raw, value) => {
    expect(seconds(raw)).toBe(value);
  });

  it.each(['', 'soon', '-1', '1s', '0x10', 'Infinity', 'NaN', '1e999', ' 1', '１'])('seconds refuses %j', (raw) => {
    expect(() => seconds(raw)).toThrow(Expected);
  });

  it('wholeNumber keeps to its range and says it', () => {
    expect(wholeNumber(0, 255)('255')).toBe(255);
    expect(() => wholeNumber(0, 255)('256')).toThrow('from 0 to 255');
    expect(() => wholeNumber(1)('0')).toThrow('of at least 1');
    expect(() => wholeNumber(1)('1.5')).toThrow(Expected);
    expect(() => wholeNumber(1)('99999999999999999999')).toThrow(Expected);
  });

  it('names splits at commas and wants a name between them', () => {
    expect(names('mail, video')).toEqual(['mail', 'video']);
    expect(() => names('mail,,video')).toThrow(Expected);
    expect(() => names('')).toThrow(Expected);
  });

  it('oneOf forgives case, and suggests', () => {
    const level = oneOf(['debug', 'info', 'warning']);
    expect(level('INFO')).toBe('info');
    expect(() => level('warnign')).toThrow('did you mean warning?');
    expect(() => level('loud')).toThrow('it must be one of debug, info, warning');
  });

  it('instant reads a date as UTC where it has no offset', () => {
    expect(instant('2030-01-31T18:30:00')).toEqual(new Date('2030-01-31T18:30:00Z'));
    expect(instant('2030-01-31T18:30:00+01:00')).toEqual(new Date('2030-01-31T17:30:00Z'));
    for (const raw of ['tomorrow', '2030-02-30T00:00:00', '', '31.1.2030']) expect(() => instant(raw)).toThrow(Expected);
  });

  it('secondsOrInstant reads both', () => {
    expect(secondsOrInstant('90')).toBe(90);
    expect(secondsOrInstant('2030-01-31T18:30:00Z')).toEqual(new Date('2030-01-31T18:30:00Z'));
    for (const raw of ['-1', 'never', '']) expect(() => secondsOrInstant(raw)).toThrow(Expected);
  });

  it('text is not empty', () => {
    expect(text('x')).toBe('x');
    expect(() => text('')).toThrow(Expected);
  });
});
