import { expect } from 'vitest';
import { ResultBackendError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { failureMeta, resultMeta } from '../metas.js';
import { idsOf } from '../messages.js';
import { undisturbed } from '../../support/undisturbed.js';
import type { ResultBackendCase } from '../result-backend.js';

export const storingCases: readonly ResultBackendCase[] = [
  {
    title: 'an unknown task has no result',
    async run({ open }) {
      const backend = await open();
      expect(await backend.load('never-sent')).toBeUndefined();
      expect(await backend.loadMany(['never-sent', 'nor-this'])).toEqual([undefined, undefined]);
      expect(await backend.loadMany([])).toEqual([]);
    },
  },
  {
    title: 'what is stored is loaded by any client as it was',
    async run({ open }) {
      const [writer, reader] = [await open(), await open()];
      const metas = [
        resultMeta('plain', 'SUCCESS', 3),
        resultMeta('null', 'SUCCESS', null),
        resultMeta('nested', 'SUCCESS', { list: [1, 'ü', { deep: [true, null] }], text: 'line\n\u0000end' }),
        failureMeta('failed'),
        resultMeta('started', 'STARTED', { pid: 4711, hostname: 'w1@host' }),
        resultMeta('own-state', 'PROGRESS', { done: 40, total: 100 }),
        resultMeta('family', 'SUCCESS', 1, { groupId: 'g', parentId: 'p', children: [[['child', null], null]] }),
      ];
      for (const meta of metas) await writer.store(meta);
      for (const meta of metas) expect(await reader.load(meta.taskId)).toEqual(meta);
      expect(await reader.loadMany(['failed', 'unknown', 'plain', 'failed'])).toEqual([metas[3], undefined, metas[0], metas[3]]);
    },
  },
  {
    title: 'integers beyond 2^53, NaN and infinities survive',
    async run({ open }) {
      const backend = await open();
      const value = { big: 12345678901234567890123n, nan: Number.NaN, up: Number.POSITIVE_INFINITY, down: Number.NEGATIVE_INFINITY };
      await backend.store(resultMeta('numbers', 'SUCCESS', value));
      expect((await backend.load('numbers'))?.result).toEqual(value);
    },
  },
  {
    title: 'extended details and stamps survive',
    async run({ open }) {
      const backend = await open();
      const meta = resultMeta('x', 'SUCCESS', 3, {
        extended: { name: 'tasks.add', args: [1, 2n ** 70n], kwargs: { z: null }, worker: 'w1@host', retries: 2, queue: 'celery' },
        stamps: { tenant: 'acme', trace: ['a', 'b'] },
      });
      await backend.store(meta);
      expect(await backend.load('x')).toEqual(meta);
    },
  },
  {
    title: 'task ids of any form are kept apart',
    async run({ open }) {
      const backend = await open();
      const ids = ['a', 'A', 'a ', 'mit "Anführung"', "o'brien; DROP TABLE result", '*', 'x'.repeat(400), '__proto__', '日本'];
      for (const id of ids) await backend.store(resultMeta(id, 'SUCCESS', id));
      expect((await backend.loadMany(ids)).map((meta) => meta?.result)).toEqual(ids);
    },
  },
  {
    title: 'a later state replaces an earlier one, a failure too',
    async run({ open }) {
      const backend = await open();
      for (const status of ['STARTED', 'RETRY', 'FAILURE', 'STARTED', 'SUCCESS']) {
        await backend.store(resultMeta('t', status, null));
        expect((await backend.load('t'))?.status).toBe(status);
      }
    },
  },
  {
    title: 'a stored success is never replaced',
    async run({ open }) {
      const [backend, other] = [await open(), await open()];
      await backend.store(resultMeta('t', 'SUCCESS', 'first'));
      for (const meta of [failureMeta('t'), resultMeta('t', 'STARTED'), resultMeta('t', 'SUCCESS', 'second'), resultMeta('t', 'REVOKED')]) {
        await other.store(meta);
      }
      expect(await backend.load('t')).toMatchObject({ status: 'SUCCESS', result: 'first' });
    },
  },
  {
    title: 'of several states stored in one tick the last one counts, unless one was a success',
    async run({ open }) {
      const backend = await open();
      await Promise.all(['STARTED', 'RETRY', 'FAILURE'].map((status) => backend.store(resultMeta('a', status))));
      await Promise.all(['STARTED', 'SUCCESS', 'FAILURE'].map((status) => backend.store(resultMeta('b', status))));
      expect((await backend.loadMany(['a', 'b'])).map((meta) => meta?.status)).toEqual(['FAILURE', 'SUCCESS']);
    },
  },
  {
    title: 'a thousand results stored in one tick are all there',
    async run({ open }) {
      const backend = await open();
      const ids = idsOf('t', 1_000);
      await Promise.all(ids.map((id, index) => backend.store(resultMeta(id, 'SUCCESS', index))));
      expect((await backend.loadMany(ids)).map((meta) => meta?.result)).toEqual(ids.map((_, index) => index));
    },
  },
  {
    title: 'a megabyte is kept whole',
    async run({ open }) {
      const backend = await open();
      const text = 'ctq '.repeat(256 * 1024);
      await backend.store(resultMeta('big', 'SUCCESS', text));
      expect((await backend.load('big'))?.result).toBe(text);
    },
  },
  {
    title: 'a forgotten result is unknown again, and may be stored again',
    async run({ open }) {
      const [backend, other] = [await open(), await open()];
      await backend.store(resultMeta('t', 'SUCCESS', 1));
      await other.forget('t');
      await other.forget('never-there');
      expect(await backend.load('t')).toBeUndefined();
      await backend.store(resultMeta('t', 'FAILURE'));
      expect((await backend.load('t'))?.status).toBe('FAILURE');
    },
  },
  {
    title: 'a result expires after its seconds, and a success that has expired may be replaced',
    async run({ open }) {
      // Of a cache’s seconds the first may be over at once.
      const [brief, lasting] = [await open({ resultExpires: 2 }), await open({ resultExpires: 3_600 })];
      await lasting.store(resultMeta('lasting', 'SUCCESS', 1));
      await undisturbed(900, async (time) => {
        await brief.store(resultMeta(`brief-${time}`, 'SUCCESS', 1));
        expect((await lasting.load(`brief-${time}`))?.status).toBe('SUCCESS');
      });
      await eventually(async () => expect(await lasting.load('brief-1')).toBeUndefined());
      expect((await brief.load('lasting'))?.status).toBe('SUCCESS');
      await lasting.store(resultMeta('brief-1', 'FAILURE'));
      expect((await brief.load('brief-1'))?.status).toBe('FAILURE');
    },
  },
  {
    title: 'null and 0 seconds keep a result for ever',
    async run({ open }) {
      const keepers = [await open({ resultExpires: null }), await open({ resultExpires: 0 })];
      for (const [at, keeper] of keepers.entries()) await keeper.store(resultMeta(`kept-${at}`, 'SUCCESS', 1));
      const marker = await open({ resultExpires: 1 });
      await marker.store(resultMeta('gone', 'SUCCESS', 1));
      for (const [at, keeper] of keepers.entries()) {
        await eventually(async () => expect(await keeper.load('gone')).toBeUndefined());
        expect((await keeper.load(`kept-${at}`))?.status).toBe('SUCCESS');
      }
    },
  },
  {
    title: 'every call after close fails clearly; closing again does nothing',
    async run({ open }) {
      const backend = await open();
      await backend.store(resultMeta('t', 'SUCCESS'));
      await backend.close();
      await backend.close();
      for (const call of [
        () => backend.store(resultMeta('u', 'SUCCESS')),
        () => backend.load('t'),
        () => backend.loadMany(['t']),
        () => backend.forget('t'),
        () => backend.wait('t', {}),
      ]) {
        await expect((async () => call())()).rejects.toThrow(ResultBackendError);
      }
    },
  },
];
