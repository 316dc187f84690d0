import { expect } from 'vitest';
import { ResultBackendError } from '../../../src/errors.js';
import type { ResultMeta } from '../../../src/protocol/result-meta.js';
import { Waiting } from '../delivery-log.js';
import { idsOf } from '../messages.js';
import { failureMeta, resultMeta } from '../metas.js';
import type { ResultBackendCase } from '../result-backend.js';

/** Hears the states on the way and lets a test wait for one. */
class Updates {
  readonly seen: string[] = [];
  readonly #waiting = new Waiting();
  readonly hear = (meta: ResultMeta): void => {
    this.seen.push(meta.status);
    this.#waiting.changed();
  };

  until(status: string): Promise<void> {
    return this.#waiting.until(
      () => this.seen.includes(status),
      () => `${status}; seen ${this.seen}`,
    );
  }
}

export const waitingCases: readonly ResultBackendCase[] = [
  {
    title: 'waits for a result that another client stores later',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      const waiting = reader.wait('t', {});
      await writer.store(resultMeta('other', 'SUCCESS', 0));
      const meta = resultMeta('t', 'SUCCESS', 7);
      await writer.store(meta);
      expect(await waiting).toEqual(meta);
    },
  },
  {
    title: 'has a result at once that is there already',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      for (const meta of [resultMeta('a', 'SUCCESS', 7), failureMeta('b'), resultMeta('c', 'REVOKED')]) {
        await writer.store(meta);
        expect(await reader.wait(meta.taskId, {})).toEqual(meta);
      }
    },
  },
  {
    title: 'waits through the states on the way and reports them',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      const updates = new Updates();
      const waiting = reader.wait('t', { onUpdate: updates.hear });
      for (const status of ['STARTED', 'RETRY', 'PROGRESS']) {
        await writer.store(resultMeta('t', status));
        await updates.until(status);
      }
      await writer.store(resultMeta('t', 'SUCCESS', 1));
      expect((await waiting).status).toBe('SUCCESS');
      expect(updates.seen).toEqual(['STARTED', 'RETRY', 'PROGRESS']);
    },
  },
  {
    title: 'reports the state that is there when the waiting begins',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      await writer.store(resultMeta('t', 'STARTED'));
      const updates = new Updates();
      const waiting = reader.wait('t', { onUpdate: updates.hear });
      await updates.until('STARTED');
      await writer.store(resultMeta('t', 'SUCCESS', 1));
      await waiting;
      expect(updates.seen).toEqual(['STARTED']);
    },
  },
  {
    title: 'rejects with the reason of the signal when aborted, before or while it waits',
    async run({ open }) {
      const backend = await open();
      const reason = new Error('enough');
      await expect(backend.wait('t', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const controller = new AbortController();
      const waiting = backend.wait('t', { signal: controller.signal });
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      await backend.store(resultMeta('t', 'SUCCESS', 1));
      expect((await backend.wait('t', { signal: new AbortController().signal })).result).toBe(1);
    },
  },
  {
    title: 'several waiters of one task all get it, and one that gives up does not disturb the others',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      const controller = new AbortController();
      const waiting = [1, 2, 3].map(() => reader.wait('t', {}));
      const impatient = reader.wait('t', { signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(impatient).rejects.toThrow('enough');
      await writer.store(resultMeta('t', 'SUCCESS', 1));
      expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual([1, 1, 1]);
    },
  },
  {
    title: 'a thousand waiters each get their own result',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      const ids = idsOf('t', 1_000);
      const waiting = ids.map((id) => reader.wait(id, {}));
      for (let from = 0; from < 1_000; from += 100) {
        await Promise.all(ids.slice(from, from + 100).map((id, index) => writer.store(resultMeta(id, 'SUCCESS', from + index))));
      }
      expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual(ids.map((_, index) => index));
    },
  },
  {
    title: 'no result falls between looking and listening',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()];
      for (let round = 0; round < 100; round += 1) {
        const id = `race-${round}`;
        const [meta] = await Promise.all([reader.wait(id, {}), writer.store(resultMeta(id, 'SUCCESS', round))]);
        expect(meta.result).toBe(round);
      }
    },
  },
  {
    title: 'closing ends the waiting with an error',
    async run({ open }) {
      const backend = await open();
      const waiting = backend.wait('t', {});
      const ended = expect(waiting).rejects.toThrow(ResultBackendError);
      await backend.close();
      await ended;
    },
  },
];
