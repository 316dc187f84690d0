import { describe, expect, it } from 'vitest';
import { createConf } from '../../../src/config/conf.js';
import { readLayer } from '../../../src/config/resolve.js';
import { SETTING_KEYS } from '../../../src/config/setting-names.js';
import { ConfigError } from '../../../src/errors.js';

describe("an app's conf", () => {
  it('has every setting', () => {
    expect(Object.keys(createConf().settings).sort()).toEqual([...SETTING_KEYS].sort());
  });

  it('is read in both spellings', () => {
    const { settings } = createConf({ task_default_queue: 'mail' });
    expect(settings.taskDefaultQueue).toBe('mail');
    expect((settings as unknown as Record<string, unknown>)['task_default_queue']).toBe('mail');
  });

  it('takes assignments, and keeps them below what was laid over it', () => {
    const { settings, overlay } = createConf();
    settings.taskDefaultQueue = 'own';
    overlay([readLayer({ taskDefaultQueue: 'file' }, 'f')]);
    settings.taskDefaultQueue = 'own again';
    expect(settings.taskDefaultQueue).toBe('file');
    overlay([]);
    expect(settings.taskDefaultQueue).toBe('own again');
  });

  it('keeps what was added to a default, and not for other apps', () => {
    const { settings, overlay } = createConf();
    settings.beatSchedule['nightly'] = { task: 't', schedule: 60 };
    overlay([]);
    expect(settings.beatSchedule).toEqual({ nightly: { task: 't', schedule: 60 } });
    expect(createConf().settings.beatSchedule).toEqual({});
  });

  it('refuses an unknown name and a wrong value where they are assigned', () => {
    const { settings } = createConf();
    const loose = settings as unknown as Record<string, unknown>;
    expect(() => Object.assign(loose, { taskDefaultQeue: 'x' })).toThrow('app.conf: unknown setting "taskDefaultQeue"');
    expect(() => Object.assign(loose, { worker_concurrency: 'x' })).toThrow('app.conf.worker_concurrency is "x"');
    expect(() => delete loose['brokerUrl']).toThrow(ConfigError);
    expect(settings.workerConcurrency).toBeNull();
  });

  it('says who gave its values', () => {
    const conf = createConf({ taskDefaultQueue: 'x' }, "new Ctq('tasks')");
    conf.settings.workerConcurrency = 3;
    expect(conf.sourceOf('taskDefaultQueue')).toBe("new Ctq('tasks'), key taskDefaultQueue");
    expect(conf.sourceOf('workerConcurrency')).toBe('app.conf.workerConcurrency');
    expect(conf.sourceOf('brokerUrl')).toBe('default');
  });

  it('can be spread and written as JSON', () => {
    const conf = createConf({ taskDefaultQueue: 'x' });
    expect({ ...conf.settings }.taskDefaultQueue).toBe('x');
    expect(JSON.parse(JSON.stringify(conf.settings))).toMatchObject({ taskDefaultQueue: 'x', taskAcksLate: true });
  });
});
