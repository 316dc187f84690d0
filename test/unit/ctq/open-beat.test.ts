import { describe, expect, it } from 'vitest';
import { TimeZone } from '../../../src/beat/time-zone.js';
import { zoneOf } from '../../../src/ctq/open-beat.js';
import { chain, crontab, Ctq, every } from '../../../src/index.js';

describe('the entries of an app', () => {
  it('come from beatSchedule and from addPeriodicTask, which wins', () => {
    const app = new Ctq('tasks', { beatSchedule: { a: { task: 'x', schedule: 10 }, b: { task: 'x', schedule: 20 } } });
    const add = app.task('tasks.add', (x: number, y: number) => x + y);
    expect(app.addPeriodicTask(30, 'y', { name: 'b' })).toBe('b');
    expect(
      app.addPeriodicTask(crontab({ hour: 3, minute: 0 }), add, { args: [1, 2], kwargs: { z: 'q' }, options: { queue: 'mail' } }),
    ).toBe("tasks.add(1, 2, z='q')");
    expect(app.addPeriodicTask(every('1h'), add.s(3, 4).set({ priority: 6 }), { catchUp: 'all' })).toBe('tasks.add(3, 4)');
    const entries = app.scheduleEntries();
    expect(entries.map(({ name, task }) => [name, task])).toEqual([
      ['a', 'x'],
      ['b', 'y'],
      ["tasks.add(1, 2, z='q')", 'tasks.add'],
      ['tasks.add(3, 4)', 'tasks.add'],
    ]);
    expect(entries[2]).toMatchObject({ args: [1, 2], kwargs: { z: 'q' }, options: { queue: 'mail' } });
    expect(entries[3]).toMatchObject({ args: [3, 4], options: { priority: 6 }, catchUp: 'all', schedule: every(3600) });
  });

  it('are one task each', () => {
    const app = new Ctq('tasks');
    const add = app.task('tasks.add', (x: number, y: number) => x + y);
    expect(() => app.addPeriodicTask(10, chain(add.s(1, 2), add.s(3)))).toThrow('addPeriodicTask() was given a chain');
  });

  it('are told with the place of what is wrong', () => {
    const app = new Ctq('tasks');
    app.conf.beatSchedule = { a: { task: 'x', schedule: 'soon' } };
    expect(() => app.scheduleEntries()).toThrow('app.conf.beatSchedule.a.schedule: "soon" is no interval');
    app.conf.beatSchedule = {};
    app.addPeriodicTask({ hours: 0 }, 'x', { name: 'zero' });
    expect(() => app.scheduleEntries()).toThrow('addPeriodicTask.zero.schedule: an interval of {"hours":0} is too short');
  });
});

describe('zoneOf', () => {
  it('is the setting, else UTC, else where the machine is', () => {
    expect(zoneOf({ timezone: 'Asia/Tokyo', enableUtc: true }).name).toBe('Asia/Tokyo');
    expect(zoneOf({ timezone: 'Asia/Tokyo', enableUtc: false }).name).toBe('Asia/Tokyo');
    expect(zoneOf({ timezone: null, enableUtc: true }).name).toBe('UTC');
    expect(zoneOf({ timezone: null, enableUtc: false })).toBe(TimeZone.system());
  });
});
