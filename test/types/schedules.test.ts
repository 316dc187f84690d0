/** What the compiler must accept and refuse in schedules. Nothing of it runs. */
import { describe, expectTypeOf, it } from 'vitest';
import { crontab, Ctq, every, type Schedule, type ScheduleEntryInput, solar } from '../../src/index.js';

const app = new Ctq('types');
const add = app.task('types.add', (x: number, y: number) => x + y);

/** A schedule of somebody's own: one method is enough. */
const everyOtherSecond: Schedule = { nextAfter: (lastRunAt) => new Date(lastRunAt.getTime() + 2_000) };

describe('beatSchedule', () => {
  it('takes every form of schedule, tasks by name or themselves, and the options of applyAsync', () => {
    const accepted = (): void => {
      app.conf.beatSchedule = {
        a: { task: 'types.add', schedule: 10, args: [1, 2], relative: true },
        b: { task: add, schedule: '1h30m', kwargs: { x: 1 }, catchUp: 'skip' },
        c: { task: add, schedule: { minutes: 5 }, options: { queue: 'mail', expires: 30 } },
        d: { task: add, schedule: crontab({ minute: '*/5', hour: [9, 17], dayOfWeek: 'mon-fri' }), timezone: 'Europe/Berlin' },
        e: { task: add, schedule: solar('sunset', 52.5, 13.4), enabled: false },
        f: { task: add, schedule: everyOtherSecond, args: [() => Date.now()] },
        g: { task: add, schedule: { crontab: '0 3 * * *' } },
      };
    };
    expectTypeOf(accepted).returns.toBeVoid();
  });

  it('refuses what is no entry', () => {
    // @ts-expect-error -- an entry has a task
    const nothingToDo: ScheduleEntryInput = { schedule: 10 };
    // @ts-expect-error -- there are three policies
    const policy: ScheduleEntryInput = { task: add, schedule: 10, catchUp: 'twice' };
    // @ts-expect-error -- the sun does nothing of that name
    const event = (): unknown => solar('moonrise', 0, 0);
    // @ts-expect-error -- a crontab has no seconds
    const seconds = (): unknown => crontab({ second: 5 });
    expectTypeOf([nothingToDo, policy, event, seconds]).toBeArray();
  });
});

describe('addPeriodicTask', () => {
  it('takes a task, a name or a signature, and gives the name of the entry', () => {
    const accepted = (): string[] => [
      app.addPeriodicTask(10, add, { args: [1, 2] }),
      app.addPeriodicTask(every('10s'), 'types.other', { name: 'other', options: { queue: 'mail' } }),
      app.addPeriodicTask(crontab('0 3 * * *'), add.s(1, 2)),
    ];
    expectTypeOf(accepted).returns.toEqualTypeOf<string[]>();
  });
});
