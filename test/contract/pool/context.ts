import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Delivery } from '../../../src/broker.js';
import { consume } from '../broker/verbs.js';
import { DeliveryLog } from '../delivery-log.js';
import { eventually } from '../../support/eventually.js';
import type { PoolBench, PoolCase } from '../pool.js';

export const contextCases: readonly PoolCase[] = [
  {
    title: 'states of the task’s own are stored in their order, all before its end',
    async run(bench) {
      await bench.open();
      expect(await bench.run('pool.progress', [], { id: 'p' })).toEqual({ kind: 'success', value: 'done' });
      expect(bench.states.map(({ id, state, meta }) => [id, state, (meta as { done: unknown }).done])).toEqual([
        ['p', 'PROGRESS', expect.toSatisfy((done) => Number(done) === 1)],
        ['p', 'PROGRESS', 2n ** 70n],
      ]);
    },
  },
  {
    title: 'task.logger and prints become log lines with the task’s name and id',
    async run(bench) {
      await bench.open();
      await bench.run('pool.talk', ['hello'], { id: 't' });
      const expected = ['INFO pool.talk[t]: logged hello and 7', 'WARNING pool.talk[t]: hello', 'WARNING pool.talk[t]: to stderr'];
      await eventually(() => expect(bench.lines.filter((line) => line.includes('[t]'))).toEqual(expected));
    },
  },
  {
    title: 'a task that is sent from a task has it as parent, and is noted as its child',
    async run(bench) {
      await bench.open();
      const arrived = await listen(bench);
      for (const task of ['pool.spawn', 'pool.spawn_and_forget']) {
        const id = randomUUID();
        const outcome = await bench.run(task, [], { id, request: { rootId: 'the-root' } });
        expect(outcome.kind).toBe('success');
        const { value, children } = outcome as { value: string; children?: unknown };
        expect(children).toEqual([[[value, null], null]]);
        const { message } = await eventually(() => {
          const found = arrived.find((delivery) => delivery.message.headers['id'] === value);
          if (found === undefined) throw new Error(`${value} has not arrived`);
          return found;
        });
        expect(message.headers).toMatchObject({ task: 'pool.add', parent_id: id, root_id: 'the-root' });
      }
    },
  },
  {
    title: 'handlers of a base class, its `call`, and the task signals run around the task',
    async run(bench) {
      await bench.open({ size: 1 });
      const notes = async (): Promise<unknown> => ((await bench.run('pool.notes')) as { value: unknown }).value;
      await notes();
      await bench.run('pool.handled', ['return'], { id: 'a' });
      expect(await notes()).toEqual([
        ...['taskPrerun a', expect.stringMatching(/^beforeStart \d+$/), 'open for a', 'close'],
        ...['onSuccess return', 'afterReturn SUCCESS', 'taskPostrun SUCCESS'],
      ]);
      await bench.run('pool.handled', ['throw'], { id: 'b' });
      expect(await notes()).toEqual(expect.arrayContaining(['onFailure thrown', 'afterReturn FAILURE', 'taskPostrun FAILURE']));
      await bench.run('pool.handled', ['retry'], { id: 'c' });
      expect(await notes()).toEqual(expect.arrayContaining(['onRetry later', 'taskPostrun RETRY']));
    },
  },
  {
    title: 'workerProcessInit tells before the first task that its process is there',
    async run(bench) {
      await bench.open({ size: 1 });
      expect(await bench.run('pool.notes')).toMatchObject({ value: expect.arrayContaining(['workerProcessInit celery@test']) as unknown });
    },
  },
];

async function listen(bench: PoolBench): Promise<readonly Delivery[]> {
  const log = new DeliveryLog();
  await consume(await bench.broker(), ['celery'], 100, log);
  return log.deliveries;
}
