/** A setting that is accepted does something, or says why not. */
import { describe, expect, it } from 'vitest';
import { createConf } from '../../../src/config/conf.js';
import type { Setting } from '../../../src/config/setting-kinds.js';
import { SETTING_KEYS, snakeCase } from '../../../src/config/setting-names.js';
import { SETTINGS, type SettingKey } from '../../../src/config/settings.js';
import { readSourceModules } from '../../support/source-modules.js';

const settingOf = (key: SettingKey): Setting<unknown> => SETTINGS[key];
/** All code but the table itself, the check of its values, and the doctor, who looks at other workers' settings; comments read nothing. */
const code = readSourceModules()
  .filter(({ path }) => path !== 'config/validate.ts' && !/^(config\/settings\/|doctor\/)/.test(path))
  .map(({ text }) => text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''))
  .join('\n');
const isRead = (key: SettingKey): boolean => new RegExp(String.raw`\b(?:${key}|${snakeCase(key)})\b`).test(code);

describe('each setting', () => {
  it('is read, has but one value, or says why nothing reads it', () => {
    const silent = SETTING_KEYS.filter(
      (key) => !isRead(key) && settingOf(key).unread === undefined && settingOf(key).choices?.length !== 1,
    );
    expect(silent).toEqual([]);
  });

  it('that says that nothing reads it is read by nothing', () => {
    expect(SETTING_KEYS.filter((key) => settingOf(key).unread !== undefined && isRead(key))).toEqual([]);
  });
});

describe('a setting without effect', () => {
  it('is told where it would do something in Celery, with its place and the reason', () => {
    const conf = createConf({ workerConsumer: 'mine:Consumer', brokerFailoverStrategy: 'shuffle' }, 'new Ctq()');
    expect(conf.ineffective()).toEqual([
      'new Ctq(), key brokerFailoverStrategy: broker_failover_strategy has no effect: several URLs are tried in their order',
      'new Ctq(), key workerConsumer: worker_consumer has no effect: it is a Python class',
    ]);
  });

  it('is not told when it has its default, nor where nobody misses anything', () => {
    const conf = createConf({ workerConsumer: 'celery.worker.consumer:Consumer', brokerPoolLimit: 20, workerHijackRootLogger: false });
    expect(conf.ineffective()).toEqual([]);
  });
});
