import { describe, expect, it } from 'vitest';
import { openScheduleStore } from '../../../src/beat/schedule-stores/index.js';
import { amqpSchemes, redisSchemes, SchemeTable, schemeOf } from '../../../src/connections/schemes.js';
import { isEstate } from '../../../src/estates/index.js';

describe('schemes', () => {
  it('are read in any case, and missed where there are none', () => {
    expect(['Redis+Socket:///tmp/r', 'localhost:6379', 'localhost', ''].map(schemeOf)).toEqual(['redis+socket', '', '', '']);
  });

  it('that nobody serves are an error which says what was probably meant', () => {
    const table = new SchemeTable([
      [['memory'], 1],
      [redisSchemes, 2],
    ]);
    expect(table.get('REDISS://h', 'broker')).toBe(2);
    expect(() => table.get('redi://h', 'broker')).toThrow(
      expect.objectContaining({ message: 'no broker for redi://', hint: 'did you mean redis://?' }),
    );
    expect(() => table.get('kafka://h', 'broker')).toThrow(
      expect.objectContaining({ hint: 'known schemes: memory, redis, rediss, redis+socket, socket, sentinel' }),
    );
    expect(() => table.get('localhost', 'broker')).toThrow('the broker URL has no scheme');
  });

  it.each(redisSchemes)('%s has all that Redis has: estates, and a store for schedules', async (scheme) => {
    const url = scheme.endsWith('socket') ? `${scheme}:///tmp/redis.sock` : `${scheme}://localhost`;
    expect(isEstate(url)).toBe(true);
    const transportOptions = { master_name: 'm' };
    const store = await openScheduleStore(url, { transportOptions, connectTimeoutMs: 1 }, { scope: 'app', member: 'beat@here' });
    expect(store).toBeDefined();
    await store?.close();
  });

  it.each(amqpSchemes)('%s has estates', (scheme) => {
    expect(isEstate(`${scheme}://localhost`)).toBe(true);
  });
});
