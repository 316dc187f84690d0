import { describe, expect, it } from 'vitest';
import { createConf } from '../../../src/config/conf.js';
import { connectionUrls, environmentLayer, flagLayer, readLayer } from '../../../src/config/resolve.js';
import { ConfigError } from '../../../src/errors.js';

/** Each place says its own name, so that the winner can be read off. */
function resolved(places: {
  flag?: boolean;
  environment?: 'CTQ' | 'CELERY' | 'both';
  file?: boolean;
  app?: boolean;
}): readonly [string | null, string] {
  const { flag, environment, file, app } = places;
  const conf = createConf(app === true ? { resultBackend: 'redis://app' } : {}, "new Ctq('tasks')");
  const variables = {
    ...(environment === 'CTQ' || environment === 'both' ? { CTQ_RESULT_BACKEND: 'redis://ctq' } : {}),
    ...(environment === 'CELERY' || environment === 'both' ? { CELERY_RESULT_BACKEND: 'redis://celery' } : {}),
  };
  conf.overlay([
    flagLayer({ resultBackend: ['--result-backend', flag === true ? 'redis://flag' : undefined] }),
    environmentLayer(variables),
    readLayer(file === true ? { result_backend: 'redis://file' } : {}, 'ctq.config.ts', 'file ctq.config.ts'),
  ]);
  return [conf.settings.resultBackend, conf.sourceOf('resultBackend')];
}

describe('the last word', () => {
  it.each([
    [{ flag: true, environment: 'both', file: true, app: true }, 'redis://flag', 'option --result-backend'],
    [{ flag: true, app: true }, 'redis://flag', 'option --result-backend'],
    [{ environment: 'both', file: true, app: true }, 'redis://ctq', 'environment variable CTQ_RESULT_BACKEND'],
    [{ environment: 'CELERY', file: true, app: true }, 'redis://celery', 'environment variable CELERY_RESULT_BACKEND'],
    [{ file: true, app: true }, 'redis://file', 'file ctq.config.ts, key result_backend'],
    [{ app: true }, 'redis://app', "new Ctq('tasks'), key resultBackend"],
    [{}, null, 'default'],
  ] as const)('among %j has %s, from %s', (places, value, source) => {
    expect(resolved(places)).toEqual([value, source]);
  });

  it('is asked for each setting alone', () => {
    const conf = createConf({ taskDefaultQueue: 'app', workerConcurrency: 2 });
    conf.overlay([readLayer({ workerConcurrency: 8 }, 'f')]);
    expect(conf.settings.taskDefaultQueue).toBe('app');
    expect(conf.settings.workerConcurrency).toBe(8);
  });
});

describe('environmentLayer', () => {
  it('reads no name without a prefix, and none that the contract does not have', () => {
    expect(environmentLayer({ BROKER_URL: 'redis://x', APP: 'web', RESULT_BACKEND: 'y', CTQ_TASK_DEFAULT_QUEUE: 'z' }).size).toBe(0);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(environmentLayer({ CTQ_BROKER_URL: '', CELERY_BROKER_URL: 'redis://x' }).get('brokerUrl')).toEqual({
      value: 'redis://x',
      source: 'environment variable CELERY_BROKER_URL',
    });
  });

  it('names the variable that is wrong, without its password', () => {
    const wrong = (): unknown => environmentLayer({ CTQ_BROKER_URL: ':hunter2@host' });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/^CTQ_BROKER_URL is ":\*\*@host"$/);
  });
});

describe('connectionUrls', () => {
  const urls = (values: Parameters<typeof createConf>[0]) => connectionUrls(createConf(values).settings, '/srv/app');

  it('are the embedded file beside the configuration when nothing is said', () => {
    const file = 'sqlite:///srv/app/.ctq/ctq.db';
    expect(urls({})).toEqual({ consume: file, publish: file, resultBackend: file });
    expect(urls({ brokerUrl: 'sqlite://' })).toEqual({ consume: file, publish: file, resultBackend: file });
  });

  it('keep results where the messages are, but for RabbitMQ', () => {
    expect(urls({ brokerUrl: 'redis://h/1' }).resultBackend).toBe('redis://h/1');
    expect(urls({ brokerUrl: 'amqp://h' }).resultBackend).toBe('rpc://');
    expect(urls({ brokerUrl: 'pyamqp://h' }).resultBackend).toBe('rpc://');
    expect(urls({ brokerUrl: 'redis://h', resultBackend: 'redis://r' }).resultBackend).toBe('redis://r');
    expect(urls({ brokerUrl: 'redis://h', resultBackend: 'sqlite://' }).resultBackend).toBe('sqlite:///srv/app/.ctq/ctq.db');
  });

  it('may differ for reading and writing', () => {
    const found = urls({ brokerUrl: 'redis://h', brokerReadUrl: 'redis://r', brokerWriteUrl: 'redis://w' });
    expect([found.consume, found.publish]).toEqual(['redis://r', 'redis://w']);
  });

  it('are put together from the parts that were settings of their own long ago', () => {
    const parts = { brokerHost: 'h', brokerPort: 5673, brokerUser: 'u', brokerPassword: 'p@/', brokerVhost: '/v' };
    expect(urls(parts).publish).toBe('amqp://u:p%40%2F@h:5673/%2Fv');
    expect(urls({ brokerHost: 'h', brokerTransport: 'redis', brokerVhost: '2' }).publish).toBe('redis://h/2');
    expect(urls({ resultBackend: 'redis', redisHost: 'r', redisDb: 3, redisPassword: 's' }).resultBackend).toBe('redis://:s@r/3');
  });

  it('keep a folder with odd characters one path', () => {
    const { publish } = connectionUrls(createConf({}).settings, '/srv/a b?c#d%e');
    expect(decodeURIComponent(new URL(publish).pathname)).toBe('/srv/a b?c#d%e/.ctq/ctq.db');
  });
});
