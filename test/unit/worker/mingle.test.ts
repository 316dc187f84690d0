import { describe, expect, it } from 'vitest';
import { LamportClock } from '../../../src/protocol/lamport-clock.js';
import type { Broadcaster, Reply } from '../../../src/remote-control/broadcast.js';
import { mingle } from '../../../src/worker/mingle.js';
import { RevokedTasks } from '../../../src/worker/revoked.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type LogLine, recordingLogger } from '../../support/fake-worker.js';

async function minglingWith(...replies: [string, unknown][]): Promise<{ asked: unknown; ids: string[]; clock: number; log: string[] }> {
  const lines: LogLine[] = [];
  const revoked = new RevokedTasks(new FakeClock());
  revoked.add(['mine']);
  const lamport = new LamportClock(5);
  let asked: unknown;
  const broadcaster = {
    ask: async (question: unknown): Promise<Reply[]> => {
      asked = question;
      return replies.map(([nodename, value]) => ({ nodename, value }));
    },
  } as unknown as Broadcaster;
  const logger = recordingLogger(lines);
  await mingle({ broadcaster, nodename: 'me@h', logger, lamport, revoked, signal: new AbortController().signal });
  return { asked, ids: [...revoked.ages().keys()], clock: lamport.value, log: lines.map(({ text }) => text) };
}

describe('mingle', () => {
  it('tells what is revoked here as a list, which is no matter of clocks', async () => {
    const { asked } = await minglingWith();
    expect(asked).toEqual({ method: 'hello', arguments: { from_node: 'me@h', revoked: ['mine'] } });
  });

  it('says so when nobody is there', async () => {
    expect((await minglingWith(['me@h', null])).log).toEqual(['mingle: searching for neighbors', 'mingle: all alone']);
  });

  it('takes ids in every form that workers send, and stands after every clock', async () => {
    const { ids, clock, log } = await minglingWith(
      ['py@h', { revoked: { a: [123.5, 'a'], b: 123.25 }, clock: 62 }],
      ['ctq@h', { revoked: ['c', 7], clock: 10, extra: 1 }],
      ['busy@h', null],
      ['broken@h', { error: 'KeyError()' }],
      ['odd@h', { revoked: 7, clock: 'x' }],
    );
    expect(ids).toEqual(['mine', 'a', 'b', 'c']);
    expect(clock).toBeGreaterThan(62);
    expect(log.slice(1)).toEqual(['mingle: sync with 3 nodes', 'mingle: sync complete']);
  });

  it('warns of another worker with the same name', async () => {
    const { log } = await minglingWith(['me@h', null], ['me@h', null]);
    expect(log[1]).toContain('Another worker has the node name me@h');
  });
});
