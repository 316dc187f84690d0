import { describe, expect, it } from 'vitest';
import { crontab } from '../../../src/beat/crontab.js';
import { decodeDefinition, encodeDefinition } from '../../../src/beat/entry-definition.js';
import { firingId } from '../../../src/beat/firing-id.js';
import { every } from '../../../src/beat/interval.js';
import { evaluated, readEntries, readEntry, showEntry } from '../../../src/beat/schedule-entry.js';
import { readSchedule } from '../../../src/beat/schedule-kinds.js';
import { solar } from '../../../src/beat/solar.js';
import { beatLog } from '../../support/beat-captures.js';

const read = (input: unknown): ReturnType<typeof readEntry> => readEntry('nightly', input, 'beatSchedule.nightly');

describe('readEntry', () => {
  it('takes both spellings, and tasks by name or themselves', () => {
    const entry = read({
      task: { name: 'tasks.add' },
      schedule: 10,
      relative: true,
      args: [1],
      kwargs: { x: 2 },
      options: { routing_key: 'a', soft_time_limit: 5, expires: null },
      timezone: 'Europe/Berlin',
      catch_up: 'all',
      enabled: false,
    });
    expect(entry).toMatchObject({ name: 'nightly', task: 'tasks.add', args: [1], kwargs: { x: 2 }, enabled: false, catchUp: 'all' });
    expect(entry.options).toEqual({ routingKey: 'a', softTimeLimit: 5 });
    expect(entry.schedule).toEqual(every(10, { relative: true }));
    expect(entry.timezone?.name).toBe('Europe/Berlin');
  });

  it('leaves the rest as Celery does', () => {
    expect(read({ task: 'a', schedule: '1h' })).toEqual({
      name: 'nightly',
      task: 'a',
      schedule: every(3600),
      args: [],
      kwargs: {},
      options: {},
      enabled: true,
      timezone: undefined,
      catchUp: 'once',
    });
  });

  it.each<[unknown, string]>([
    [5, 'beatSchedule.nightly is 5'],
    [{ schedule: 5 }, 'beatSchedule.nightly has no task'],
    [{ task: 'a' }, 'beatSchedule.nightly has no schedule'],
    [{ task: '', schedule: 5 }, 'beatSchedule.nightly.task is ""'],
    [{ task: 'a', schedule: 5, arg: [1] }, 'beatSchedule.nightly: unknown key "arg"'],
    [{ task: 'a', schedule: 5, args: 'x' }, 'beatSchedule.nightly.args is "x"'],
    [{ task: 'a', schedule: 5, kwargs: [1] }, 'beatSchedule.nightly.kwargs is [1]'],
    [{ task: 'a', schedule: 5, options: { que: 'mail' } }, 'beatSchedule.nightly.options: unknown option "que"'],
    [{ task: 'a', schedule: 5, options: { task_id: 'x' } }, 'task_id has no place here'],
    [{ task: 'a', schedule: 5, catchUp: 'twice' }, 'beatSchedule.nightly.catchUp is "twice"'],
    [{ task: 'a', schedule: 5, timezone: 'Mars' }, 'beatSchedule.nightly.timezone is "Mars"'],
    [{ task: 'a', schedule: 5, enabled: 'no' }, 'beatSchedule.nightly.enabled is "no"'],
    [{ task: 'a', schedule: { hours: 'x' } }, 'beatSchedule.nightly.schedule: {"hours":"x"} is no interval'],
    [{ task: 'a', schedule: '61 * * * *' }, 'beatSchedule.nightly.schedule: crontab: the minute is "61"'],
    [{ task: 'a', schedule: true }, 'beatSchedule.nightly.schedule: true is no schedule'],
    [{ task: 'a', schedule: { cronntab: '* * * * *' } }, 'a schedule has no key "cronntab"'],
  ])('refuses %o, naming place and remedy', (input, message) => {
    expect(() => read(input)).toThrow(message);
  });

  it('names entries with odd names so that they can be found', () => {
    expect(() => readEntries({ 'a b\n': { task: 'x' } }, 'beatSchedule')).toThrow('beatSchedule."a b\\n" has no schedule');
    expect(() => readEntries([], 'beatSchedule')).toThrow('beatSchedule is []');
    expect(readEntries(undefined, 'beatSchedule')).toEqual([]);
  });
});

describe('showEntry', () => {
  it('prints what Celery’s debug log prints', () => {
    const log = beatLog('beat run of 9 s: queues afterwards');
    const entries = [
      readEntry('solar', { task: 'tasks.add', schedule: solar('sunset', -37.81753, 144.96715), args: [16, 16] }, ''),
      readEntry('cron-mon-morning', { task: 'tasks.add', schedule: crontab({ hour: 7, minute: 30, dayOfWeek: 1 }), args: [7, 8] }, ''),
      readEntry('every-2s', { task: 'tasks.add', schedule: 2, args: [1, 2] }, ''),
      readEntry('delta-with-options', { task: 'tasks.echo', schedule: 3, kwargs: { k: 'v' } }, ''),
    ];
    for (const entry of entries) expect(log).toContain(`\n${showEntry(entry)}\n`);
  });
});

describe('evaluated', () => {
  it('asks functions among the arguments at each firing', () => {
    let count = 0;
    const entry = read({ task: 'a', schedule: 1, args: [() => (count += 1), 'x'], kwargs: { n: () => count } });
    expect(evaluated(entry)).toEqual({ args: [1, 'x'], kwargs: { n: 1 } });
    expect(evaluated(entry)).toEqual({ args: [2, 'x'], kwargs: { n: 2 } });
  });
});

describe('readSchedule', () => {
  it('takes every form', () => {
    expect(readSchedule('0 8 * * mon-fri')).toEqual(crontab('0 8 * * mon-fri'));
    expect(readSchedule({ crontab: { minute: 0, hour: 8 } })).toEqual(crontab({ minute: 0, hour: 8 }));
    expect(readSchedule({ every: '10s', relative: true })).toEqual(every(10, { relative: true }));
    expect(readSchedule({ minutes: 5 })).toEqual(every(300));
    expect(readSchedule({ solar: ['sunset', 1, 2] })).toEqual(solar('sunset', 1, 2));
    const own = { nextAfter: (last: Date) => new Date(last.getTime() + 1000) };
    expect(readSchedule(own)).toBe(own);
  });
});

describe('definitions', () => {
  it('come back from a store as they went', () => {
    const entry = read({
      task: 'a',
      schedule: crontab('5 4 * * *'),
      args: [1, 'x', 2n ** 70n],
      kwargs: { d: null },
      options: { queue: 'q' },
      timezone: 'Asia/Tokyo',
      catchUp: 'skip',
    });
    const definition = decodeDefinition('nightly', encodeDefinition(entry, 'store'));
    expect(definition).toMatchObject({ source: 'store', problem: undefined, scheduleText: '<crontab: 5 4 * * * (m/h/dM/MY/d)>' });
    expect(definition.entry).toEqual(entry);
  });

  it('show what lives in the code alone', () => {
    const own = { nextAfter: () => undefined, toString: () => '<full moon>' };
    const text = encodeDefinition(read({ task: 'a', schedule: own, args: [() => 1] }), 'code');
    expect(decodeDefinition('nightly', text)).toMatchObject({ source: 'code', entry: undefined, scheduleText: '<full moon>', task: 'a' });
  });

  it.each([
    '',
    'null',
    '{',
    '[]',
    '{"task": 5}',
    '{"task":"a","schedule":{"every":0}}',
    '{"task":"a","schedule":{"moon":1}}',
    '['.repeat(300),
  ])('tell what is wrong with %s', (text) => {
    const { entry, problem } = decodeDefinition('nightly', text);
    expect(entry).toBeUndefined();
    expect(problem?.message).toMatch(/./);
  });
});

describe('firingId', () => {
  it('is the same for one moment of one entry in every process, and a UUID', () => {
    expect(firingId('tasks', 'nightly', 1_700_000_000_000)).toBe(firingId('tasks', 'nightly', 1_700_000_000_000));
    expect(firingId('tasks', 'nightly', 0)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const others = [firingId('tasks', 'nightly', 1), firingId('tasks', 'nightl', 0), firingId('other', 'nightly', 0)];
    expect(new Set([firingId('tasks', 'nightly', 0), ...others]).size).toBe(4);
  });
});
