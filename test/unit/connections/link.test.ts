import { describe, expect, it } from 'vitest';
import { ConnectionFailure, type FailureKind } from '../../../src/connections/failure.js';
import { Link, type Linked, type LinkObserver } from '../../../src/connections/link.js';
import { ConfigError } from '../../../src/errors.js';
import { FakeClock } from '../../support/fake-clock.js';

class Failure extends ConnectionFailure {
  readonly server = 'the server';
}

class FakeConnection implements Linked<Failure> {
  readonly address: string;
  failure: Failure | undefined;
  #listener: ((failure: Failure) => void) | undefined;

  constructor(address: string) {
    this.address = address;
  }

  onEnd(listener: (failure: Failure) => void): void {
    this.#listener = listener;
  }

  end(failure: Failure): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.#listener?.(failure);
  }

  async close(reason: Failure): Promise<void> {
    this.end(reason);
  }
}

/** @param attempts - How each attempt ends, in turn; the last one for all that follow. */
function start(attempts: readonly ('up' | FailureKind)[], observer?: LinkObserver<FakeConnection, Failure>, connectTimeoutMs = 5_000) {
  const clock = new FakeClock();
  const tried: { readonly address: string; readonly atMs: number }[] = [];
  const fromMs = clock.monotonicMs();
  const link = new Link<{ readonly displayUrl: string }, FakeConnection, Failure>(
    {
      addresses: [{ displayUrl: 'one' }, { displayUrl: 'two' }],
      ...{ name: 'test', clock, connectTimeoutMs },
      ...(observer === undefined ? {} : { observer }),
    },
    {
      async connect({ displayUrl }) {
        tried.push({ address: displayUrl, atMs: clock.monotonicMs() - fromMs });
        const how = attempts[Math.min(tried.length, attempts.length) - 1] ?? 'up';
        if (how === 'up') return new FakeConnection(displayUrl);
        throw new Failure(how, `attempt ${tried.length}`);
      },
      failure: (kind, reason) => new Failure(kind, reason),
      toFailure: (error) => (error instanceof Failure ? error : new Failure('unreachable', String(error))),
    },
  );
  return { clock, link, tried };
}

const GONE = new Failure('unreachable', 'gone');

describe('a link', () => {
  it('connects when somebody asks, and once for all who ask', async () => {
    const { link, tried } = start(['up']);
    expect(tried).toEqual([]);
    const [one, other] = await Promise.all([link.connection(), link.connection()]);
    expect(one).toBe(other);
    expect(tried).toHaveLength(1);
    expect(link.displayUrl).toBe('one;two');
  });

  it('tries its addresses in turn, soon after the first failure and about once a second from then on', async () => {
    const { clock, link, tried } = start(['unreachable'], {}, Number.POSITIVE_INFINITY);
    link.open();
    for (let step = 0; step < 100; step += 1) await clock.advance(50);
    expect(tried.slice(0, 4).map(({ address }) => address)).toEqual(['one', 'two', 'one', 'two']);
    const pauses = tried.slice(1).map(({ atMs }, index) => atMs - (tried[index]?.atMs ?? 0));
    expect(pauses[0]).toBeLessThan(200);
    for (const pause of pauses.slice(1)) expect(pause).toBeGreaterThanOrEqual(1_000);
    await link.close();
  });

  it('tells who waits for a while at once that nobody is at any address, and that it is refused', async () => {
    const nobody = start(['unreachable']);
    const waiting = expect(nobody.link.connection()).rejects.toMatchObject({ kind: 'unreachable', message: 'attempt 2' });
    for (let step = 0; step < 5; step += 1) await nobody.clock.advance(50);
    await waiting;
    const refused = start(['refused']);
    await expect(refused.link.connection()).rejects.toMatchObject({ kind: 'refused', message: 'attempt 1' });
    await Promise.all([nobody.link.close(), refused.link.close()]);
  });

  it('lets who waits for ever wait, until it is closed', async () => {
    const { clock, link } = start(['refused'], {}, Number.POSITIVE_INFINITY);
    const waiting = link.connection();
    let ended = false;
    waiting.catch(() => {}).finally(() => (ended = true));
    for (let step = 0; step < 20; step += 1) await clock.advance(500);
    expect(ended).toBe(false);
    await link.close();
    await expect(waiting).rejects.toMatchObject({ kind: 'closed' });
    await expect(link.connection()).rejects.toMatchObject({ kind: 'closed' });
  });

  it('hands out no connection that is not prepared, and none that has ended', async () => {
    const heard: string[] = [];
    const { clock, link } = start(['up'], {
      prepare: async (connection) => {
        heard.push(`prepare ${connection.address}`);
        if (connection.address === 'one') throw GONE;
      },
      up: (connection) => void heard.push(`up ${connection.address}`),
      down: (failure, attempt) => void heard.push(`down ${failure.message} ${attempt}`),
    });
    link.open();
    await clock.advance(0);
    expect(link.now).toBeUndefined();
    for (let step = 0; step < 5; step += 1) await clock.advance(50);
    expect(heard).toEqual(['prepare one', 'down gone 1', 'prepare two', 'up two']);
    link.now?.end(GONE);
    expect(link.now).toBeUndefined();
    expect(heard.at(-1)).toBe('down gone 2');
    await link.close();
  });

  it('asks again after a lost connection, and never what the server cannot mend', async () => {
    const { clock, link, tried } = start(['up']);
    const asked: string[] = [];
    const asking = link.ask(async (connection) => {
      asked.push(connection.address);
      if (asked.length === 1) throw GONE;
      return 'answer';
    });
    for (let step = 0; step < 5; step += 1) await clock.advance(50);
    expect(await asking).toBe('answer');
    expect(asked).toEqual(['one', 'two']);
    const mistakes = [new TypeError('ours'), new ConfigError('wrong'), new Failure('failed', 'full')];
    for (const mistake of mistakes) await expect(link.ask(() => Promise.reject(mistake))).rejects.toBe(mistake);
    expect(tried).toHaveLength(2);
  });
});
