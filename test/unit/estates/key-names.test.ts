import { describe, expect, it } from 'vitest';
import { redisLayout } from '../../../src/brokers/redis/keys.js';
import { keyNaming } from '../../../src/estates/redis/key-names.js';
import { redisResultKeys } from '../../../src/result-backends/redis/keys.js';

const oid = '5da80a45-0bbc-3e16-9ff1-92fff559c87e';

function kindOf(key: string, prefixes: { readonly broker?: string; readonly results?: string } = {}): string | undefined {
  const layout = redisLayout(prefixes.broker === undefined ? {} : { global_keyprefix: prefixes.broker }, 0);
  const results = redisResultKeys(prefixes.results === undefined ? {} : { global_keyprefix: prefixes.results });
  return keyNaming(layout, results).name(key)?.kind;
}

describe('a key', () => {
  it.each([
    ['_kombu.binding.celery', 'binding'],
    ['unacked', 'unacked'],
    ['unacked_index', 'unacked index'],
    ['unacked_mutex', 'unacked mutex'],
    [`${oid}.reply.celery.pidbox`, 'reply queue'],
    [oid, 'reply queue'],
    ['celery@host.example.celery.pidbox', 'pidbox queue'],
    [`celeryev.${oid}`, 'event queue'],
    [`celery-task-meta-${oid}`, 'result'],
    [`celery-taskset-meta-${oid}`, 'group result'],
    [`celery-taskset-meta-${oid}.j`, 'chord'],
    [`celery-taskset-meta-${oid}.s`, 'chord'],
    [`celery-taskset-meta-${oid}.t`, 'chord'],
    ['ctq:workers', 'worker'],
    [`ctq:own:${oid}`, 'worker'],
    ['ctq:parked', 'delayed'],
    ['ctq:dead:mail', 'dead letters'],
    ['ctq:failed', 'failed tasks'],
    ['ctq:failed:at', 'failed tasks'],
    ['ctq:beat:tasks:leader', 'beat'],
    ['ctq:permits:tasks.add', 'limit'],
    ['ctq:something:new', 'unknown'],
    ['redbeat::schedule', 'beat'],
  ])('%s is known by its name as %s', (key, kind) => {
    expect(kindOf(key)).toBe(kind);
  });

  it('of another name may be a queue, which only its content tells', () => {
    for (const key of ['celery', 'mail\x06\x166', 'sessions:1']) expect(kindOf(key)).toBeUndefined();
  });

  it('has the prefixes of both sides before it, where they are set', () => {
    const prefixes = { broker: 'app1:', results: 'res' };
    expect(kindOf('app1:unacked', prefixes)).toBe('unacked');
    expect(kindOf('unacked', prefixes)).toBeUndefined();
    expect(kindOf('app1:ctq:parked', prefixes)).toBe('delayed');
    expect(kindOf(`res_celery-task-meta-${oid}`, prefixes)).toBe('result');
    expect(kindOf(`celery-task-meta-${oid}`, prefixes)).toBeUndefined();
  });
});
