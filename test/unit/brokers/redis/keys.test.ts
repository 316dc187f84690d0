import { describe, expect, it } from 'vitest';
import {
  bindingKey,
  deadLettersKey,
  fanoutChannel,
  priorityList,
  queueLists,
  redisLayout,
  unackedTail,
  unwrapUnacked,
} from '../../../../src/brokers/redis/keys.js';
import { ConfigError } from '../../../../src/errors.js';

const SEP = '\x06\x16';

describe('the layout of kombu', () => {
  it('serves step 0 first, under the queue’s own name', () => {
    expect(queueLists(redisLayout({}, 0), 'celery')).toEqual(['celery', `celery${SEP}3`, `celery${SEP}6`, `celery${SEP}9`]);
  });

  it.each([
    [undefined, 'q'],
    [0, 'q'],
    [2, 'q'],
    [3, `q${SEP}3`],
    [5, `q${SEP}3`],
    [8, `q${SEP}6`],
    [9, `q${SEP}9`],
    [255, `q${SEP}9`],
    [-4, 'q'],
    [Number.NaN, 'q'],
  ])('puts priority %s into the largest step below it', (priority, list) => {
    expect(priorityList(redisLayout({}, 0), 'q', priority)).toBe(list);
  });

  it('keeps to other steps and another separator', () => {
    const layout = redisLayout({ priority_steps: [5, 0, 2], sep: ':' }, 0);
    expect(queueLists(layout, 'q')).toEqual(['q', 'q:2', 'q:5']);
    expect([1, 4, 9].map((priority) => priorityList(layout, 'q', priority))).toEqual(['q', 'q:2', 'q:5']);
  });

  it('wraps around below the lowest step, as kombu’s bisect does', () => {
    expect(priorityList(redisLayout({ priority_steps: [3, 6] }, 0), 'q', 0)).toBe(`q${SEP}6`);
  });

  it('puts global_keyprefix before every key and channel', () => {
    const layout = redisLayout({ global_keyprefix: 'app1:' }, 2);
    expect(queueLists(layout, 'q')[0]).toBe('app1:q');
    expect(layout).toMatchObject({
      unackedKey: 'app1:unacked',
      unackedIndexKey: 'app1:unacked_index',
      unackedMutexKey: 'app1:unacked_mutex',
    });
    expect(bindingKey(layout, 'celery')).toBe('app1:_kombu.binding.celery');
    expect(fanoutChannel(layout, 'celery.pidbox', '')).toBe('app1:/2.celery.pidbox');
    expect(deadLettersKey(layout, 'q')).toBe('app1:ctq:dead:q');
  });

  it('names broadcast channels as fanout_prefix and fanout_patterns say', () => {
    expect(fanoutChannel(redisLayout({}, 3), 'celeryev', 'worker.online')).toBe('/3.celeryev/worker.online');
    expect(fanoutChannel(redisLayout({ fanout_prefix: false }, 3), 'celeryev', 'worker.online')).toBe('celeryev/worker.online');
    expect(fanoutChannel(redisLayout({ fanout_prefix: '/x{db}.' }, 3), 'celeryev', '')).toBe('/x3.celeryev');
    expect(fanoutChannel(redisLayout({ fanout_patterns: false }, 3), 'celeryev', 'worker.online')).toBe('/3.celeryev');
  });

  it.each([
    { priority_steps: 'high' },
    { priority_steps: [] },
    { priority_steps: [1.5] },
    { visibility_timeout: 0 },
    { visibility_timeout: 'soon' },
    { queue_order_strategy: 'fair' },
    { sep: 3 },
    { fanout_prefix: 7 },
  ])('refuses %o', (options) => {
    expect(() => redisLayout(options, 0)).toThrow(ConfigError);
  });
});

describe('values of unacked', () => {
  it('wrap the message as it is and give it back as it was', () => {
    const message = '{"body": "W10=", "n": 12345678901234567890, "tail": ",\\"\\",\\"x\\"]"}';
    for (const queue of ['celery', 'with "quotes" and \\', 'ü\n']) {
      const value = `[${message}${unackedTail(queue)}`;
      expect(JSON.parse(value)).toEqual([JSON.parse(message), '', queue]);
      expect(unwrapUnacked(value)).toBe(message);
    }
  });

  it('are not taken for ours when Python wrote them', () => {
    expect(unwrapUnacked('[{"body": "x"}, "", "celery"]')).toBeUndefined();
  });
});
