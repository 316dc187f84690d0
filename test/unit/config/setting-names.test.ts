import { describe, expect, it } from 'vitest';
import { camelCase, nameSettings, SETTING_KEYS, settingOfName, snakeCase } from '../../../src/config/setting-names.js';
import { SETTINGS } from '../../../src/config/settings.js';
import { ConfigError } from '../../../src/errors.js';

function complaint(values: Record<string, unknown>): string {
  try {
    nameSettings(values, 'ctq.config.json');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return `${(error as ConfigError).message} (${(error as ConfigError).hint})`;
  }
  throw new Error('no complaint');
}

describe('the names of settings', () => {
  it('go from camelCase to snake_case and back without loss', () => {
    for (const key of SETTING_KEYS) expect(camelCase(snakeCase(key))).toBe(key);
  });

  it('are found in both spellings', () => {
    for (const key of SETTING_KEYS) {
      expect(settingOfName(key)).toBe(key);
      expect(settingOfName(snakeCase(key))).toBe(key);
    }
  });

  it('never share an old name', () => {
    const old = SETTING_KEYS.map((key) => SETTINGS[key].old).filter((name) => name !== null);
    expect(new Set(old).size).toBe(old.length);
  });

  it('are taken in camelCase and snake_case in one file', () => {
    expect(nameSettings({ brokerUrl: 'a', task_routes: 'b' }, 'f')).toEqual([
      { key: 'brokerUrl', writtenAs: 'brokerUrl', value: 'a' },
      { key: 'taskRoutes', writtenAs: 'task_routes', value: 'b' },
    ]);
  });

  it('are taken in Celery’s old upper case where all of them are old', () => {
    expect(nameSettings({ BROKER_URL: 'a', CELERY_RESULT_BACKEND: 'b', CELERYD_CONCURRENCY: 1 }, 'f').map(({ key }) => key)).toEqual([
      'brokerUrl',
      'resultBackend',
      'workerConcurrency',
    ]);
  });

  it('count as not given when they are undefined', () => {
    expect(nameSettings({ brokerUrl: undefined, nonsense: undefined }, 'f')).toEqual([]);
  });

  it('of backends that ctq does not have are passed over, in both spellings', () => {
    expect(nameSettings({ cassandra_servers: [], s3Bucket: 'x' }, 'f')).toEqual([]);
  });
});

describe('a name that cannot be taken', () => {
  it.each([
    [{ brokrUrl: 1 }, 'ctq.config.json: unknown setting "brokrUrl" (did you mean brokerUrl?)'],
    [{ brokr_url: 1 }, 'ctq.config.json: unknown setting "brokr_url" (did you mean broker_url?)'],
    [{ BROKR_URL: 1 }, 'ctq.config.json: unknown setting "BROKR_URL" (did you mean BROKER_URL?)'],
    [{ CELERY_TASK_ROUTES: 1 }, 'ctq.config.json: unknown setting "CELERY_TASK_ROUTES" (here it is written taskRoutes or task_routes)'],
    [{ brokerUrl: 1, broker_url: 2 }, 'ctq.config.json: brokerUrl and broker_url are the same setting (remove one of them)'],
    [
      { broker_url: 1, CELERY_RESULT_BACKEND: 2, CELERY_ROUTES: 3 },
      'ctq.config.json: old and new setting names are mixed (rename CELERY_RESULT_BACKEND to resultBackend, CELERY_ROUTES to taskRoutes)',
    ],
  ])('%j says what to write instead', (values, expected) => {
    expect(complaint(values)).toBe(expected);
  });

  it('is shown without the control characters in it', () => {
    expect(complaint({ 'x\u001b[2J\ny': 1 })).toContain(String.raw`unknown setting "x\u001b[2J\ny"`);
  });

  it('named like something every object has is unknown, too', () => {
    expect(complaint({ constructor: 1 })).toContain('unknown setting "constructor"');
    expect(complaint(JSON.parse('{"__proto__": 1}') as Record<string, unknown>)).toContain('unknown setting "__proto__"');
  });
});
