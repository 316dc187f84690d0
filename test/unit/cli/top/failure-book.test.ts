import { expect, it } from 'vitest';
import { FailureBook } from '../../../../src/cli/top/failure-book.js';
import { BrokerError } from '../../../../src/errors.js';
import type { DeadLetter } from '../../../../src/estate/dead-letters.js';
import type { Estate } from '../../../../src/estate/estate.js';
import { ClusterState } from '../../../../src/events/cluster-state.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { NOW_MS } from './sample.js';

function letter(taskId: string, atMs = NOW_MS): DeadLetter {
  const said = { exceptionType: 'ValueError', exceptionMessage: 'boom', traceback: null, worker: 'w@h', retries: 0, atMs };
  const note = { taskId, task: 'tasks.fail', queue: 'mail', ...said };
  return { kind: 'failed', key: taskId, queue: 'mail', reason: 'ValueError', note, atMs, text: '', message: undefined };
}

interface Desk {
  readonly book: FailureBook;
  readonly clock: FakeClock;
  looks: number;
  list: (signal: AbortSignal) => AsyncIterable<readonly DeadLetter[]>;
}

/** A store whose letters a test hands out. */
function desk(): Desk {
  const clock = new FakeClock(NOW_MS);
  const made: { -readonly [Key in keyof Desk]?: Desk[Key] } = { clock, looks: 0 };
  const estate = {
    parts: ['broker'],
    deadLetters: {
      list(signal: AbortSignal) {
        made.looks = (made.looks ?? 0) + 1;
        return made.list?.(signal);
      },
    },
  } as unknown as Estate;
  made.book = new FailureBook({ estates: [estate], clock, signal: new AbortController().signal });
  return made as Desk;
}

async function* pages(...all: readonly (readonly DeadLetter[])[]): AsyncIterable<readonly DeadLetter[]> {
  yield* all;
}

it('shows what was kept, with its reason', async () => {
  const one = desk();
  one.list = () => pages([letter('a')]);
  await one.book.refresh();
  expect(one.book.rows(undefined)).toEqual({
    more: false,
    rows: [
      {
        ...{ key: 'a', id: 'a', task: 'tasks.fail', queue: 'mail', worker: 'w@h' },
        ...{ reason: 'ValueError: boom', retries: 0, atMs: NOW_MS, source: 'record' },
      },
    ],
  });
});

it('reads the newest two hundred and no further', async () => {
  const one = desk();
  let read = 0;
  one.list = async function* () {
    for (;;) {
      read += 100;
      yield Array.from({ length: 100 }, (_, index) => letter(`id-${read}-${index}`));
    }
  };
  await one.book.refresh();
  expect(read).toBe(300);
  expect(one.book.rows(undefined)).toMatchObject({ more: true, rows: { length: 200 } });
});

it('gives up a look after a quarter of a second, and keeps what it has', async () => {
  const one = desk();
  one.list = async function* (signal) {
    yield [letter('a')];
    // A scan of a large store, which looks at its signal between its pages.
    await one.clock.advance(300);
    signal.throwIfAborted();
    yield [letter('b')];
  };
  await one.book.refresh();
  expect(one.book.rows(undefined)).toMatchObject({ more: true, rows: [{ id: 'a' }] });
  expect(one.clock.pendingTimers).toBe(0);
});

it('looks for a fiftieth of the time at most', async () => {
  const one = desk();
  one.list = async function* () {
    await one.clock.advance(100);
    yield [letter('a')];
  };
  await one.book.refresh();
  await one.clock.advance(4_999);
  await one.book.refresh();
  expect(one.looks).toBe(1);
  await one.clock.advance(1);
  await one.book.refresh();
  expect(one.looks).toBe(2);
});

it('passes on that the broker is away', async () => {
  const one = desk();
  one.list = async function* () {
    await one.clock.advance(300);
    yield [];
    throw new BrokerError('CTQ_BROKER_UNREACHABLE', 'away');
  };
  await expect(one.book.refresh()).rejects.toThrow('away');
});

it('knows each task once, by what tells most of it, and forgets those that were sent again until they fail again', async () => {
  const one = desk();
  const events = new ClusterState();
  const fail = (uuid: string, atS: number): void => {
    const about = { hostname: 'py@h', timestamp: atS, local_received: atS, clock: atS, pid: 1, uuid, exception: "KeyError('x')" };
    events.event({ ...about, type: 'task-failed' });
  };
  fail('a', NOW_MS / 1000);
  fail('b', NOW_MS / 1000);
  one.list = () => pages([letter('a')]);
  await one.book.refresh();
  const seen = (): unknown => one.book.rows(events).rows.map(({ id, source }) => [id, source]);
  expect(seen()).toEqual([
    ['a', 'record'],
    ['b', 'event'],
  ]);
  one.book.forget('b', NOW_MS + 1);
  expect(seen()).toEqual([['a', 'record']]);
  fail('b', NOW_MS / 1000 + 5);
  expect(seen()).toEqual([
    ['a', 'record'],
    ['b', 'event'],
  ]);
});
