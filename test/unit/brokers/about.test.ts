import { describe, expect, it } from 'vitest';
import { Pace, readAbout, stoppedNodes, writeAbout } from '../../../src/brokers/about.js';

describe('what a consumer says of itself', () => {
  it('is read as it was written', () => {
    const about = { node: 'celery@here', queues: [{ name: 'mäil', finished: 12, rate: 0.5 }] };
    expect(readAbout(writeAbout(about))).toEqual(about);
  });

  it('is nothing when it is something else', () => {
    for (const text of ['', 'null', '[]', '{"node": 1, "queues": []}', '{"node": "a"}']) expect(readAbout(text)).toBeUndefined();
    expect(readAbout('{"node": "a", "queues": [null, ["x"], ["mail", 1, 2]]}')?.queues).toEqual([{ name: 'mail', finished: 1, rate: 2 }]);
  });
});

describe('Pace', () => {
  it('averages over the last ten seconds', () => {
    const pace = new Pace();
    let rate = 0;
    for (let second = 0; second <= 60; second += 1)
      rate = pace.rates(second * 1000, new Map([['mail', second < 30 ? second * 100 : 3_000]])).get('mail') ?? -1;
    expect(rate).toBe(0);
    const fresh = new Pace();
    expect(fresh.rates(0, new Map([['mail', 0]])).get('mail')).toBe(0);
    expect(fresh.rates(2_000, new Map([['mail', 50]])).get('mail')).toBe(25);
  });

  it('is never negative, and knows a queue that comes later', () => {
    const pace = new Pace();
    pace.rates(0, new Map([['mail', 10]]));
    const rates = pace.rates(
      1_000,
      new Map([
        ['mail', 5],
        ['video', 4],
      ]),
    );
    expect([...rates]).toEqual([
      ['mail', 0],
      ['video', 4],
    ]);
  });
});

describe('who was told to stop', () => {
  it('is a list of names, or nobody', () => {
    expect(stoppedNodes('["a", 1, "b"]')).toEqual(['a', 'b']);
    for (const text of [null, '', '{}', '1']) expect(stoppedNodes(text)).toEqual([]);
  });
});
