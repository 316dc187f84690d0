import { describe, expect, it } from 'vitest';
import { AsyncResult, SentTask, TaskError, WaitTimeoutError } from '../../../src/index.js';
import { Results } from '../../../src/client/results.js';
import type { ResultMeta } from '../../../src/protocol/result-meta.js';
import type { ResultBackend, WaitOptions } from '../../../src/result-backend.js';

function meta(status: string, result: unknown, more: Partial<ResultMeta> = {}): ResultMeta {
  return { taskId: 'id', status, result, traceback: null, children: [], dateDone: null, ...more };
}

/** A backend that holds one meta, and counts how often it was asked. */
class OneMeta implements Partial<ResultBackend> {
  asked = 0;
  readonly held: ResultMeta | undefined;
  constructor(held?: ResultMeta) {
    this.held = held;
  }
  load(): Promise<ResultMeta | undefined> {
    this.asked++;
    return Promise.resolve(this.held);
  }
  wait(_id: string, { signal }: WaitOptions): Promise<ResultMeta> {
    this.asked++;
    if (this.held !== undefined) return Promise.resolve(this.held);
    return new Promise((_resolve, reject) => {
      const abort = (): void => reject(signal?.reason as Error);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort);
    });
  }
}

function source(backend: OneMeta): Results {
  return new Results({ backend: () => Promise.resolve(backend as unknown as ResultBackend), revoke: () => Promise.resolve() });
}

const failed = meta('FAILURE', { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' }, { traceback: 'Traceback …' });

function result(held?: ResultMeta): { result: AsyncResult; backend: OneMeta } {
  const backend = new OneMeta(held);
  return { result: new AsyncResult('id', source(backend)), backend };
}

/** The last of so many steps; nothing is known of any. */
function lastOf(steps: number): AsyncResult {
  const nothing = source(new OneMeta());
  let last = new AsyncResult('step-1', nothing);
  for (let step = 2; step <= steps; step++) last = new AsyncResult(`step-${step}`, nothing, last);
  return last;
}

describe('AsyncResult', () => {
  it('gives the value, and asks the backend only once for a final state', async () => {
    const { result: handle, backend } = result(meta('SUCCESS', 7));
    expect(await handle.get()).toBe(7);
    expect(await handle.get()).toBe(7);
    expect(await handle.state()).toBe('SUCCESS');
    expect(backend.asked).toBe(1);
  });

  it('throws what the worker stored, with type, arguments and traceback', async () => {
    const { result: handle } = result(failed);
    const error = await handle.get().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskError);
    expect(error).toMatchObject({
      code: 'CTQ_TASK_FAILED',
      taskId: 'id',
      state: 'FAILURE',
      message: 'ValueError: boom',
      remote: { type: 'ValueError', args: ['boom'], module: 'builtins', traceback: 'Traceback …' },
    });
  });

  it('returns the error instead when it is not to propagate', async () => {
    expect(await result(failed).result.get({ propagate: false })).toBeInstanceOf(TaskError);
    expect(await result(failed).result.result()).toBeInstanceOf(TaskError);
  });

  it('tells a revoked task from a failed one', async () => {
    const revoked = meta('REVOKED', { exc_type: 'TaskRevokedError', exc_message: ['expired'], exc_module: 'celery.exceptions' });
    await expect(result(revoked).result.get()).rejects.toMatchObject({ code: 'CTQ_TASK_REVOKED', state: 'REVOKED' });
  });

  it('ends the wait at the timeout, saying that the task may still finish', async () => {
    await expect(result().result.get({ timeout: 0.01 })).rejects.toThrow(WaitTimeoutError);
  });

  it('ends the wait when the caller aborts', async () => {
    await expect(result().result.get({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  it('is PENDING while nothing is stored, and asks again each time', async () => {
    const { result: handle, backend } = result();
    expect([await handle.state(), await handle.ready(), await handle.result(), await handle.traceback()]).toEqual([
      'PENDING',
      false,
      null,
      null,
    ]);
    expect(backend.asked).toBe(4);
  });

  it("shows the meta of a state of the task's own", async () => {
    const { result: handle } = result(meta('PROGRESS', { current: 3 }));
    expect([await handle.state(), await handle.result(), await handle.ready()]).toEqual(['PROGRESS', { current: 3 }, false]);
  });

  it('lets every step of a long chain be waited for without a warning', async () => {
    const warnings: unknown[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', warn);
    await expect(lastOf(30).get({ timeout: 0.01 })).rejects.toBeInstanceOf(WaitTimeoutError);
    // Warnings are told of in the next tick.
    await new Promise(setImmediate);
    process.off('warning', warn);
    expect(warnings).toEqual([]);
  });

  it('knows its children, tasks and groups', async () => {
    const children = [
      [['a', null], null],
      [
        ['g', null],
        [
          [['b', null], null],
          [['c', null], null],
        ],
      ],
    ] as ResultMeta['children'];
    const { result: handle } = result(meta('SUCCESS', 1, { children }));
    const found = await handle.children();
    expect(found.map((child) => child.id)).toEqual(['a', 'g']);
    expect((await found[1]?.children())?.map((child) => child.id)).toEqual(['b', 'c']);
  });
});

describe('SentTask', () => {
  const backend = source(new OneMeta(meta('SUCCESS', 5)));

  it('can be awaited for its publish, which gives a handle that cannot', async () => {
    const handle = await new SentTask('id', backend, Promise.resolve());
    expect(handle).toBeInstanceOf(AsyncResult);
    expect(handle).not.toBeInstanceOf(SentTask);
    expect(await handle.get()).toBe(5);
  });

  it('throws what the publish threw, from await and from get alike', async () => {
    const published = Promise.reject(new Error('no broker'));
    const sent = new SentTask('id', backend, published);
    await expect(sent.get()).rejects.toThrow('no broker');
    await expect((async () => await sent)()).rejects.toThrow('no broker');
  });
});
