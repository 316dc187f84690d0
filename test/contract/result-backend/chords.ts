/** Counting the parts of chords, keeping groups, and ending a task with everything that it sets in motion. */
import { expect } from 'vitest';
import type { ChordPart, ChordStore, Ending, ResultBackend } from '../../../src/result-backend.js';
import { openSettlement } from '../../../src/settlement.js';
import type { ResultTree } from '../../../src/protocol/result-meta.js';
import { consume, declare, remaining, send } from '../broker/verbs.js';
import { DeliveryLog } from '../delivery-log.js';
import { taskMessage, toQueue } from '../messages.js';
import { resultMeta } from '../metas.js';
import type { ResultBackendBench, ResultBackendCase } from '../result-backend.js';

function part(groupId: string, taskId: string, groupIndex: number | null, result: unknown = taskId): ChordPart {
  return { groupId, taskId, groupIndex, status: 'SUCCESS', result };
}

function chordsOf(backend: ResultBackend): ChordStore {
  if (backend.chords === undefined) throw new Error('this backend counts no chords');
  return backend.chords;
}

function results(parts: readonly ChordPart[] | 'settled' | 'fenced' | undefined): unknown {
  return Array.isArray(parts) ? (parts as readonly ChordPart[]).map(({ result }) => result) : parts;
}

const NOTHING: Ending = { metas: [], sends: [] };

function sending(...ids: readonly string[]): Ending['sends'] {
  return ids.map((id) => ({ message: taskMessage(id), route: toQueue('next') }));
}

/** A consumer with these messages of the queue `q` in its hands. */
async function holding({ open, openBroker }: ResultBackendBench, ...ids: readonly string[]) {
  const [backend, broker] = [await open(), await openBroker()];
  await declare(broker, 'q', 'next');
  await send(broker, 'q', ids);
  const log = new DeliveryLog();
  const consumer = await consume(broker, ['q'], ids.length, log);
  return { backend, broker, consumer, held: await log.first(ids.length), settlement: openSettlement(broker, backend) };
}

export const chordCases: readonly ResultBackendCase[] = [
  {
    title: 'the last part of a chord hears of all, in the order of their indexes',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 3);
      expect(await chords.report(part('g', 'c', 2))).toBeUndefined();
      expect(await chords.report(part('g', 'b', 1))).toBeUndefined();
      expect(results(await chords.report(part('g', 'a', 0)))).toEqual(['a', 'b', 'c']);
    },
  },
  {
    title: 'values come back as they were reported',
    async run({ open }) {
      const chords = chordsOf(await open());
      const values = [null, 1.5, 2n ** 70n, 'hé"llo\\', [1, [2]], { a: [{}] }, Number.NaN, false];
      await chords.setSize('g', values.length);
      const reports = await Promise.all(values.map((value, index) => chords.report(part('g', `t-${index}`, index, value))));
      expect(results(reports.find((parts) => parts !== undefined))).toEqual(values);
    },
  },
  {
    title: 'failed and revoked parts count, and say what they ended with',
    async run({ open }) {
      const chords = chordsOf(await open());
      const error = { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' };
      await chords.setSize('g', 2);
      await chords.report({ ...part('g', 'a', 0, error), status: 'FAILURE' });
      expect(await chords.report(part('g', 'b', 1))).toMatchObject([
        { taskId: 'a', status: 'FAILURE', result: error },
        { taskId: 'b', status: 'SUCCESS', result: 'b' },
      ]);
    },
  },
  {
    title: 'a part that is reported again replaces itself, whatever it ended with',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 2);
      expect(await chords.report(part('g', 'a', 0, 'first'))).toBeUndefined();
      expect(await chords.report(part('g', 'a', 0, 'second'))).toBeUndefined();
      expect(await chords.report(part('g', 'a', 0, 'third'))).toBeUndefined();
      expect(results(await chords.report(part('g', 'b', 1)))).toEqual(['third', 'b']);
    },
  },
  {
    title: 'the part that completed a chord completes it again when it is reported again',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 2);
      await chords.report(part('g', 'a', 0));
      expect(results(await chords.report(part('g', 'b', 1)))).toEqual(['a', 'b']);
      expect(results(await chords.report(part('g', 'b', 1, 'again')))).toEqual(['a', 'again']);
    },
  },
  {
    title: 'parts of one index are all counted, parts without one come last',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 4);
      await chords.report(part('g', 'z', null));
      await chords.report(part('g', 'b', 1));
      await chords.report(part('g', 'y', null));
      expect(results(await chords.report(part('g', 'a', 1)))).toEqual(['a', 'b', 'y', 'z']);
    },
  },
  {
    title: 'a chord whose size is not known yet waits for it',
    async run({ open }) {
      const chords = chordsOf(await open());
      expect(await chords.report(part('g', 'a', 0))).toBeUndefined();
      await chords.setSize('g', 2);
      expect(results(await chords.report(part('g', 'b', 1)))).toEqual(['a', 'b']);
    },
  },
  {
    title: 'a chord that grew waits for the new parts',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 1);
      await chords.grow('g');
      expect(await chords.report(part('g', 'a', 0))).toBeUndefined();
      expect(results(await chords.report(part('g', 'b', 0)))).toEqual(['a', 'b']);
    },
  },
  {
    title: 'after it is closed nothing of a chord is left',
    async run({ open }) {
      const chords = chordsOf(await open());
      await chords.setSize('g', 1);
      await chords.report(part('g', 'a', 0));
      await chords.close('g');
      expect(await chords.report(part('g', 'late', 0))).toBeUndefined();
    },
  },
  {
    title: 'chords do not mix, and other programs count along',
    async run({ open }) {
      const [one, other] = [chordsOf(await open()), chordsOf(await open())];
      await one.setSize('g', 2);
      await other.setSize('h', 1);
      expect(await one.report(part('g', 'a', 0))).toBeUndefined();
      expect(results(await one.report(part('h', 'x', 0)))).toEqual(['x']);
      expect(results(await other.report(part('g', 'b', 1)))).toEqual(['a', 'b']);
    },
  },
  {
    title: 'of a thousand parts reported at once exactly one hears of all',
    async run({ open }) {
      const [one, other] = [chordsOf(await open()), chordsOf(await open())];
      await one.setSize('g', 1_000);
      const reports = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => (index % 2 === 0 ? one : other).report(part('g', `t-${index}`, index, index))),
      );
      const complete = reports.filter((parts) => parts !== undefined);
      expect(complete).toHaveLength(1);
      expect(results(complete[0])).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    },
  },
  {
    title: 'a saved group is found by others until it is deleted',
    async run({ open }) {
      const [one, other] = [chordsOf(await open()), chordsOf(await open())];
      const tree: ResultTree = [
        ['g', [['before', null], null]],
        [
          [['a', null], null],
          [['h', null], [[['b', null], null]]],
        ],
      ];
      expect(await other.loadGroup('g')).toBeUndefined();
      await one.saveGroup('g', tree);
      expect(await other.loadGroup('g')).toEqual(tree);
      await other.deleteGroup('g');
      expect(await one.loadGroup('g')).toBeUndefined();
    },
  },
  {
    title: 'ending a task stores every result, sends every message and acknowledges',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a');
      const metas = [resultMeta('a', 'SUCCESS', 1), resultMeta('later', 'FAILURE')];
      expect(await settlement.end(held[0]!, { metas, sends: sending('n1', 'n2') })).toBe('settled');
      expect((await backend.loadMany(['a', 'later'])).map((meta) => meta?.status)).toEqual(['SUCCESS', 'FAILURE']);
      expect(await remaining(broker, 'next')).toEqual(['n1', 'n2']);
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'a part that is not the last one ends like any task',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a');
      await chordsOf(backend).setSize('g', 2);
      const ending = { metas: [resultMeta('a', 'SUCCESS', 1)], sends: sending('n1') };
      expect(await settlement.endPart(held[0]!, part('g', 'a', 0), ending)).toBe('settled');
      expect((await backend.load('a'))?.result).toBe(1);
      expect(results(await chordsOf(backend).report(part('g', 'b', 1)))).toEqual(['a', 'b']);
      expect(await remaining(broker, 'next')).toEqual(['n1']);
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'a part that completes its chord is owed an answer until the body is sent',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a');
      await chordsOf(backend).setSize('g', 1);
      const ending = { metas: [resultMeta('a', 'SUCCESS', 1)], sends: sending('n1') };
      expect(results(await settlement.endPart(held[0]!, part('g', 'a', 0), ending))).toEqual(['a']);
      const whole = { ...ending, sends: [...ending.sends, ...sending('body')], closes: 'g' };
      expect(await settlement.end(held[0]!, whole)).toBe('settled');
      expect(await remaining(broker, 'next')).toEqual(['n1', 'body']);
      expect(await chordsOf(backend).report(part('g', 'late', 0))).toBeUndefined();
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'a worker that dies before it sends the body leaves the chord to whoever runs the part again',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a');
      await chordsOf(backend).setSize('g', 1);
      expect(results(await settlement.endPart(held[0]!, part('g', 'a', 0), NOTHING))).toEqual(['a']);
      await consumer.close();
      const log = new DeliveryLog();
      const rescuer = await consume(broker, ['q'], 1, log);
      const again = await log.nth(0);
      expect(again.redelivered).toBe(true);
      expect(results(await settlement.endPart(again, part('g', 'a', 0, 'again'), NOTHING))).toEqual(['again']);
      expect(await settlement.end(again, { metas: [], sends: sending('body'), closes: 'g' })).toBe('settled');
      expect(await settlement.end(held[0]!, { metas: [], sends: sending('body'), closes: 'g' }).catch(() => 'thrown')).not.toBe('settled');
      expect(await remaining(broker, 'next')).toEqual(['body']);
      await rescuer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'two who completed one chord send its body once',
    onlyJointly: 'sending and closing are two steps there: at least once',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a', 'b');
      await chordsOf(backend).setSize('g', 2);
      await chordsOf(backend).report(part('g', 'b', 1));
      expect(results(await settlement.endPart(held[0]!, part('g', 'a', 0), NOTHING))).toEqual(['a', 'b']);
      expect(results(await settlement.endPart(held[1]!, part('g', 'b', 1), NOTHING))).toEqual(['a', 'b']);
      const whole = { metas: [], sends: sending('body'), closes: 'g' };
      expect(await Promise.all(held.map((delivery) => settlement.end(delivery, whole)))).toEqual(['settled', 'settled']);
      expect(await remaining(broker, 'next')).toEqual(['body']);
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'a delivery that is no longer ours ends nothing',
    async run(bench) {
      const { backend, broker, consumer, held, settlement } = await holding(bench, 'a');
      await chordsOf(backend).setSize('g', 1);
      await consumer.close();
      expect(await settlement.endPart(held[0]!, part('g', 'a', 0), { metas: [resultMeta('a', 'SUCCESS')], sends: sending('n1') })).toBe(
        'fenced',
      );
      expect(await backend.load('a')).toBeUndefined();
      expect(results(await chordsOf(backend).report(part('g', 'other', 0)))).toEqual(['other']);
      expect(await remaining(broker, 'next')).toEqual([]);
      expect(await remaining(broker, 'q')).toEqual(['a']);
    },
  },
];
