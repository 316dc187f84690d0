import { expect, it } from 'vitest';
import { Lanes } from '../../../../src/brokers/redis/lanes.js';
import { Outbox } from '../../../../src/brokers/redis/outbox.js';
import type { RedisConnection } from '../../../../src/connections/redis.js';

/** Calls are sent when their lane can, and answered when the test says so. */
class SlowServer {
  readonly sent: string[][] = [];
  readonly #answers: (() => void)[] = [];
  readonly lanes = new Lanes<string>(
    () =>
      new Outbox<string>({
        ledgerKey: (id) => id,
        maxItems: 100,
        connection: async () => ({}) as RedisConnection,
        send: (_, { items }) => {
          this.sent.push([...items]);
          return new Promise((resolve) => this.#answers.push(() => resolve(undefined)));
        },
        done: () => {},
        failed: () => {},
        identity: (item) => ({ item }),
        keepAfter: () => false,
      }),
  );

  async add(...items: readonly string[]): Promise<void> {
    for (const item of items) this.lanes.add(item);
    await turn();
  }

  /** The oldest call that waits for its answer. */
  async answer(): Promise<void> {
    this.#answers.shift()?.();
    await turn();
  }
}

async function turn(): Promise<void> {
  for (let times = 0; times < 3; times += 1) await new Promise((resolve) => setImmediate(resolve));
}

it('sends what comes while others wait for their answers', async () => {
  const server = new SlowServer();
  for (const item of ['a', 'b', 'c', 'd']) await server.add(item);
  expect(server.sent).toEqual([['a'], ['b'], ['c'], ['d']]);
});

it('never sends what came later before what came earlier, whichever call is answered first', async () => {
  const server = new SlowServer();
  for (const item of ['a', 'b', 'c', 'd', 'e', 'f']) await server.add(item);
  expect(server.sent).toHaveLength(4);
  await server.answer();
  await server.add('g');
  await server.answer();
  await server.add('h');
  expect(server.sent.flat()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
});

it('is idle when nothing waits in any of them, wherever it went meanwhile', async () => {
  const server = new SlowServer();
  for (const item of ['a', 'b', 'c', 'd', 'e']) await server.add(item);
  let idle = false;
  void server.lanes.idle().then(() => {
    idle = true;
  });
  await server.answer();
  await server.add('f');
  for (const _ of ['b', 'c', 'd']) await server.answer();
  expect(idle).toBe(false);
  await server.answer();
  expect(server.sent.flat()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(idle).toBe(true);
});
