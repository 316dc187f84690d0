import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineConfig } from '../../../src/config/define-config.js';
import { FOREIGN_SETTINGS } from '../../../src/config/foreign-settings.js';
import { SETTINGS, type Settings, type SettingsInput } from '../../../src/config/settings.js';

describe('the table of settings', () => {
  it('differs from Celery’s defaults where ctq is safer, and there only', () => {
    expect(SETTINGS.taskAcksLate.default).toBe(true);
    expect(SETTINGS.maxDeliveries.default).toBe(5);
    expect(SETTINGS.brokerConnectionMaxRetries.default).toBeNull();
    expect(SETTINGS.workerPool.default).toBe('async');
    expect(SETTINGS.taskRejectOnWorkerLost.default).toBeNull();
  });

  it('gives the types of the settings', () => {
    expectTypeOf<Settings['taskAcksLate']>().toEqualTypeOf<boolean>();
    expectTypeOf<Settings['workerConcurrency']>().toEqualTypeOf<number | null>();
    expectTypeOf<Settings['resultExpires']>().toEqualTypeOf<number | null>();
    expectTypeOf<Settings['brokerUrl']>().toEqualTypeOf<string | null>();
    expectTypeOf<Settings['acceptContent']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Settings['taskSerializer']>().toEqualTypeOf<'json' | 'yaml' | 'msgpack' | 'auth'>();
    expectTypeOf<Settings['taskDefaultDeliveryMode']>().toEqualTypeOf<1 | 2 | 'transient' | 'persistent'>();
  });

  it('gives the types of what people write, in both spellings', () => {
    expectTypeOf<{ brokerUrl: string }>().toExtend<SettingsInput>();
    expectTypeOf<{ broker_url: string; taskRoutes: Record<string, string> }>().toExtend<SettingsInput>();
    expectTypeOf<{ brokerUrl: string[] }>().toExtend<SettingsInput>();
    // @ts-expect-error: an unknown name
    defineConfig({ brokrUrl: 'x' });
    // @ts-expect-error: a wrong value
    defineConfig({ workerConcurrency: 'many' });
    // @ts-expect-error: a wrong value in the other spelling
    defineConfig({ worker_concurrency: 'many' });
    expect(defineConfig({ app: 'tasks', broker_url: 'redis://h', worker: { concurrency: 8 } })).toHaveProperty('app', 'tasks');
  });

  it('knows no foreign setting as one of its own', () => {
    for (const name of FOREIGN_SETTINGS) expect(Object.hasOwn(SETTINGS, name)).toBe(false);
  });
});
