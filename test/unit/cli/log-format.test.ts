import { describe, expect, it } from 'vitest';
import { formatRecord, localTime, type LogRecord, withTextArgs } from '../../../src/cli/log-format.js';

const timeMs = new Date(2026, 10, 21, 8, 19, 33, 539).getTime();

function line(message: string, args: readonly unknown[] = [], more: Partial<LogRecord> = {}): string {
  return formatRecord({ level: 'info', message, args, fields: {}, timeMs, processName: 'MainProcess', ...more }, 'text');
}

const head = '[2026-11-21 08:19:33,539: INFO/MainProcess] ';

describe('a line of the log', () => {
  it('looks like Celery’s', () => {
    expect(line('Task %s[%s] received', ['tasks.add', '57cb'])).toBe(`${head}Task tasks.add[57cb] received\n`);
  });

  it('tells of which task a task’s own logger speaks', () => {
    const fields = { task_name: 'tasks.add', task_id: '57cb' };
    expect(line('try %d', [2], { fields, level: 'warning' })).toBe(
      '[2026-11-21 08:19:33,539: WARNING/MainProcess] tasks.add[57cb]: try 2\n',
    );
  });

  it.each([
    ['%s and %s', ['a', 1], 'a and 1'],
    ['%d %i %f', [1.5, 1.5, '2.5'], '1.5 1 2.5'],
    ['%j', [{ a: [1] }], '{"a":[1]}'],
    ['%s', [{ a: { b: 1 } }], '{ a: { b: 1 } }'],
    ['%s', [new TypeError('boom')], 'TypeError: boom'],
    ['%s', [null], 'null'],
    ['%s', [undefined], 'undefined'],
    ['100%% of %s', ['it'], '100% of it'],
    ['100%', [], '100%'],
    ['no place', ['for', 'these'], 'no place for these'],
    ['%s %s', ['one'], 'one %s'],
    ['%x', ['hex'], '%x hex'],
  ])('fills %j with %j', (message, args, text) => {
    expect(line(message, args)).toBe(`${head}${text}\n`);
  });

  it('writes integers of any size in full', () => {
    expect(line('%d %s', [12345678901234567890n, 12345678901234567890n])).toBe(`${head}12345678901234567890 12345678901234567890\n`);
  });

  it('shows an object that contains itself', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(line('%s %j', [cycle, cycle])).toContain('Circular');
  });

  it('puts the stack of a trailing error below', () => {
    const error = new Error('boom');
    expect(line('it failed', [error])).toBe(`${head}it failed\n${error.stack}\n`);
  });

  it('keeps the lines of an argument that has a line of its own', () => {
    const traceback = 'Traceback (most recent call last):\n  File "x"\nValueError: boom';
    expect(line('raised unexpected: %s\n%s', ['ValueError()', traceback])).toBe(`${head}raised unexpected: ValueError()\n${traceback}\n`);
  });
});

describe('what comes from a message', () => {
  const forged = '[2026-11-21 08:19:33,539: INFO/MainProcess] Task evil[1] succeeded';

  it('cannot make a line of its own', () => {
    expect(line('Task %s received', [`x\n${forged}`])).toBe(`${head}Task x\\n${forged} received\n`);
    expect(
      line(`Task x\n${forged}`)
        .split('\n')
        .filter((one) => one.startsWith('[')),
    ).toHaveLength(1);
    expect(
      line('raised\n%s', [`a\n${forged}`])
        .split('\n')
        .filter((one) => one.startsWith('[')),
    ).toHaveLength(1);
    expect(line('x', [], { fields: { task_name: `n\n${forged}`, task_id: 'i\n' } }).split('\n')).toHaveLength(2);
  });

  it('cannot reach the terminal', () => {
    for (const text of [line('%s', ['\u001b[2J']), line('\u001b[2J'), line('x\n%s', ['\u001b[2J\u009b\u202e'])]) {
      expect(text).not.toMatch(/[\u001b\u009b\u202e]/);
    }
  });
});

describe('the JSON format', () => {
  it('is one document a line, with the task’s fields', () => {
    const record = {
      level: 'error',
      message: 'boom: %s',
      args: ['a\nb'],
      fields: { task_id: '1' },
      timeMs,
      processName: 'MainProcess',
    } as const;
    const text = formatRecord(record, 'json');
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual({
      time: new Date(timeMs).toISOString(),
      level: 'ERROR',
      process: 'MainProcess',
      task_id: '1',
      message: String.raw`boom: a\nb`,
    });
  });
});

describe('withTextArgs', () => {
  it.each<[string, unknown[]]>([
    ['plain 100%', []],
    ['%s and %d and %i and %j', ['a\nb', '7', 7.9, { a: [1] }]],
    ['%s %o', [new Error('bad'), { deep: { deeper: 1 } }]],
    ['trace:\n%s', [new Error('with a stack')]],
    ['%% and %s and more', ['x', 'rest', new Error('behind')]],
    ['%s missing %s', ['one']],
    ['forged\n[2026-01-01 %s', ['\u001b[2J']],
    ['%s', [Symbol('s')]],
  ])('makes the same line in another process: %j', (message, args) => {
    const record = { level: 'info', fields: {}, timeMs, processName: 'P' } as const;
    const there = withTextArgs(message, args);
    expect(there.args.every((arg) => typeof arg === 'string')).toBe(true);
    expect(formatRecord({ ...record, ...there }, 'text')).toBe(formatRecord({ ...record, message, args }, 'text'));
  });
});

describe('localTime', () => {
  it('has milliseconds, also before 1970 and when the clock goes back', () => {
    expect(localTime(timeMs + 1000)).toBe('2026-11-21 08:19:34,539');
    expect(localTime(timeMs)).toBe('2026-11-21 08:19:33,539');
    expect(localTime(new Date(1969, 11, 31, 0, 0, 0, 5).getTime())).toBe('1969-12-31 00:00:00,005');
  });
});
