/** Our table of settings against the one that the installed Celery has. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { camelCase } from '../../src/config/setting-names.js';
import { FOREIGN_SETTINGS } from '../../src/config/foreign-settings.js';
import { SETTINGS } from '../../src/config/settings.js';
import type { Setting } from '../../src/config/setting-kinds.js';
import { findCeleryPython } from '../support/python-celery.js';
import { describeWith } from '../support/requires.js';

const SCRIPT = `
import json
from datetime import timedelta
from celery.app import defaults
def plain(value):
    if isinstance(value, timedelta): return value.total_seconds()
    if isinstance(value, (list, tuple, set, frozenset)): return list(value)
    if value == float('inf'): return None
    return value
print(json.dumps({key: [plain(option.default), defaults._TO_OLD_KEY.get(key)] for key, option in defaults.flatten(defaults.NAMESPACES)}, default=repr))
`;

/** Where ctq has another default, and why. */
const OURS: Readonly<Record<string, string>> = {
  task_acks_late: 'a killed worker must lose nothing',
  broker_connection_max_retries: 'a worker outlives its broker',
  worker_pool: 'the async pool is what Node is good at',
  worker_prefetch_multiplier: 'reserving ahead makes tasks wait for a busy worker',
  task_publish_retry_policy: 'the same values, in camelCase',
  database_engine_options: 'none is an empty object',
  database_table_schemas: 'none is an empty object',
  database_table_names: 'none is an empty object',
  worker_log_format: 'the same text with or without Python’s string continuation',
};

describeWith('python', "Celery's settings", () => {
  const celery = JSON.parse(execFileSync(findCeleryPython() ?? '', ['-c', SCRIPT], { encoding: 'utf8' })) as Record<
    string,
    [unknown, string | null]
  >;
  const names = Object.keys(celery);

  it('are all known', () => {
    expect(names.length).toBeGreaterThan(150);
    expect(names.filter((name) => !Object.hasOwn(SETTINGS, camelCase(name)) && !FOREIGN_SETTINGS.has(name))).toEqual([]);
  });

  it.each(names.filter((name) => Object.hasOwn(SETTINGS, camelCase(name))))('%s has the same old name and the same default', (name) => {
    const setting: Setting<unknown> = SETTINGS[camelCase(name) as keyof typeof SETTINGS];
    const [value, old] = celery[name] ?? [];
    expect(setting.old).toBe(old);
    if (!Object.hasOwn(OURS, name)) expect(setting.default).toEqual(value);
  });
});
