import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxCall } from '../../../../src/brokers/redis/outbox.js';
import type { RedisConnection, RedisReply } from '../../../../src/connections/redis.js';
import { RedisFailure } from '../../../../src/connections/redis/failure.js';
import { eventually } from '../../../support/eventually.js';

type Item = { readonly name: string };
type Behaviour = 'answers' | 'loses the answer' | 'loses the call' | 'refuses';

/** A server with a ledger, and connections that do to calls what a test wants. */
class TestServer {
  readonly executed: string[][] = [];
  readonly done: string[] = [];
  readonly failures: string[] = [];
  behaviours: Behaviour[] = [];
  unreachable = false;
  abandoned = 0;
  underWay = 0;
  /** Runs while a call is under way. */
  duringCall: () => void = () => {};
  #ledger = 0;
  readonly outbox: Outbox<Item>;

  constructor(
    options: { readonly maxItems?: number; readonly eagerItems?: number; readonly keepAfter?: (failure: RedisFailure) => boolean } = {},
  ) {
    this.outbox = new Outbox<Item>({
      ledgerKey: (id) => `ledger:${id}`,
      maxItems: options.maxItems ?? 100,
      ...(options.eagerItems === undefined ? {} : { eager: { items: options.eagerItems, connection: () => this.#connection } }),
      connection: async () => {
        if (this.unreachable) throw new RedisFailure('unreachable', 'connection refused');
        return this.#connection;
      },
      send: (_connection, call) => this.#execute(call),
      done: (items) => this.done.push(...items.map(({ name }) => name)),
      failed: (items, failure) => this.failures.push(...items.map(({ name }) => `${name}: ${failure.message}`)),
      identity: (item) => item,
      keepAfter: options.keepAfter ?? (() => false),
    });
  }

  readonly #connection = {
    // The ledger is looked up, and closed for everything numbered so far.
    run: async (_script: unknown, _keys: readonly string[], [highest]: readonly string[]): Promise<RedisReply> => {
      const executed = this.#ledger;
      this.#ledger = Number(highest);
      return String(executed);
    },
    abandon: () => {
      this.abandoned += 1;
    },
  } as unknown as RedisConnection;

  async #execute(call: OutboxCall<Item>): Promise<unknown> {
    this.underWay += 1;
    try {
      return await this.#answer(call);
    } finally {
      this.underWay -= 1;
    }
  }

  async #answer(call: OutboxCall<Item>): Promise<unknown> {
    const behaviour = this.behaviours.shift() ?? 'answers';
    this.duringCall();
    await new Promise((resolve) => setImmediate(resolve));
    if (behaviour === 'refuses') throw new RedisFailure('failed', 'the server is loading its data');
    if (behaviour !== 'loses the call' && this.#ledger < call.number) {
      this.#ledger = call.number;
      this.executed.push(call.items.map(({ name }) => name));
    }
    if (behaviour !== 'answers') throw new RedisFailure('unreachable', 'connection reset', { unanswered: true });
    return [];
  }

  add(...names: readonly string[]): Item[] {
    const items = names.map((name) => ({ name }));
    for (const item of items) this.outbox.add(item);
    return items;
  }
}

describe('Outbox', () => {
  it('joins what is said in one tick, and what is said while a call is under way', async () => {
    const server = new TestServer();
    server.add('a', 'b');
    await Promise.resolve();
    server.add('c');
    await eventually(() => expect(server.outbox.size).toBe(3));
    setImmediate(() => server.add('d', 'e'));
    await eventually(() => expect(server.done).toEqual(['a', 'b', 'c', 'd', 'e']));
    expect(server.executed).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
  });

  it('sends no more at once than it may', async () => {
    const server = new TestServer({ maxItems: 2 });
    server.add('a', 'b', 'c', 'd', 'e');
    await server.outbox.idle();
    expect(server.executed).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(server.outbox.size).toBe(0);
  });

  it('sends at once what is worth a call, and one call at a time all the same', async () => {
    const server = new TestServer({ eagerItems: 2 });
    server.add('a', 'b');
    expect(server.underWay).toBe(1);
    server.add('c', 'd', 'e');
    expect(server.underWay).toBe(1);
    await server.outbox.idle();
    expect(server.executed).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    expect(server.done).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('does not repeat a call that was sent at once and whose answer got lost', async () => {
    const server = new TestServer({ eagerItems: 2 });
    server.behaviours = ['loses the answer'];
    server.add('a', 'b');
    await server.outbox.idle();
    expect(server.executed).toEqual([['a', 'b']]);
    expect(server.done).toEqual(['a', 'b']);
  });

  it('does not repeat a call whose answer got lost', async () => {
    const server = new TestServer();
    server.behaviours = ['loses the answer'];
    server.add('a', 'b');
    await server.outbox.idle();
    expect(server.executed).toEqual([['a', 'b']]);
    expect(server.done).toEqual(['a', 'b']);
  });

  it('repeats a call that got lost itself, however often, and in order', async () => {
    const server = new TestServer();
    server.behaviours = ['loses the call', 'loses the call', 'loses the answer'];
    server.duringCall = () => {
      if (server.behaviours.length === 2) server.add('c');
    };
    server.add('a', 'b');
    await server.outbox.idle();
    expect(server.executed.flat()).toEqual(['a', 'b', 'c']);
    expect(server.done).toEqual(['a', 'b', 'c']);
  });

  it('tells everybody who waits when there is no connection to be had', async () => {
    const server = new TestServer();
    server.unreachable = true;
    server.add('a', 'b');
    await server.outbox.idle();
    expect(server.failures).toEqual(['a: connection refused', 'b: connection refused']);
    server.unreachable = false;
    server.add('c');
    await server.outbox.idle();
    expect(server.done).toEqual(['c']);
  });

  it('knows an item again that was told of a failure although it had arrived', async () => {
    const server = new TestServer();
    server.behaviours = ['loses the answer'];
    server.duringCall = () => {
      server.unreachable = true;
    };
    const [a] = server.add('a');
    await server.outbox.idle();
    server.duringCall = () => {};
    expect(server.failures).toEqual(['a: connection refused']);
    server.unreachable = false;
    server.outbox.add(a as Item);
    server.add('b');
    await server.outbox.idle();
    expect(server.executed).toEqual([['a'], ['b']]);
    expect(server.done).toEqual(['a', 'b']);
  });

  it('keeps what the server refuses for now where that is asked for, and gives the connection up', async () => {
    const server = new TestServer({ keepAfter: ({ kind }) => kind === 'failed' });
    server.behaviours = ['refuses', 'refuses'];
    server.add('a');
    await server.outbox.idle();
    expect([server.done, server.failures, server.abandoned]).toEqual([['a'], [], 2]);
    const strict = new TestServer();
    strict.behaviours = ['refuses'];
    strict.add('a');
    await strict.outbox.idle();
    expect(strict.failures).toEqual(['a: the server is loading its data']);
  });

  it('fails what waits when it is closed, and what comes later', async () => {
    const server = new TestServer();
    server.add('a');
    server.outbox.close();
    server.add('b');
    await server.outbox.idle();
    expect(server.failures.map((failure) => failure.slice(0, 1))).toEqual(['a', 'b']);
    expect(server.done).toEqual([]);
  });
});
