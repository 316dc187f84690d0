import { format } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { catchStrayErrors } from '../../../src/execution/stray-errors.js';
import { silentLogger } from '../../../src/logger.js';
import { eventually } from '../../support/eventually.js';
import { WorkerBench } from '../worker/worker-support.js';

/** The test runner listens, too, and would call these errors its own. */
function takeOver(event: 'unhandledRejection' | 'uncaughtException'): () => void {
  const others = process.listeners(event as 'uncaughtException');
  process.removeAllListeners(event);
  return () => {
    for (const listener of others) process.on(event as 'uncaughtException', listener);
  };
}

describe('errors that nobody waits for', () => {
  let bench: WorkerBench;
  const restore: (() => void)[] = [];
  afterEach(async () => {
    await bench.end();
    for (const back of restore.splice(0)) back();
  });

  const setUp = async (): Promise<void> => {
    restore.push(takeOver('unhandledRejection'), takeOver('uncaughtException'));
    bench = await WorkerBench.ready();
  };

  it('a rejection left behind is logged with its task, and the task is none the worse', async () => {
    await setUp();
    bench.task(async () => {
      void Promise.reject(new Error('leaked'));
      await new Promise((resolve) => setImmediate(resolve));
      return 'fine';
    });
    const delivery = await bench.deliver({ id: 'a' });
    await eventually(() => delivery.answer === 'ack');
    expect(bench.complaints).toEqual([
      expect.stringMatching(/^ERROR Unhandled rejection in task tasks\.it\[a\]:\nTraceback[\s\S]*\nError: leaked$/),
    ]);
    expect(bench.lastStored).toMatchObject({ status: 'SUCCESS', result: 'fine' });
  });

  it('one that comes after the end says so', async () => {
    await setUp();
    let over = false;
    bench.task(() => {
      void new Promise((_, reject) => {
        const timer = setInterval(() => {
          if (!over) return;
          clearInterval(timer);
          reject(new Error('late'));
        }, 1);
      });
      return 'done';
    });
    const delivery = await bench.deliver({ id: 'a' });
    expect(delivery.answer).toBe('ack');
    over = true;
    await eventually(() => expect(bench.complaints).toHaveLength(1));
    expect(bench.complaints[0]).toMatch(/^ERROR Unhandled rejection left behind by task tasks\.it\[a\]:\nTraceback[\s\S]*\nError: late$/);
  });

  it('an exception in a timer ends the task that waits for it, not the worker', async () => {
    await setUp();
    bench.task(
      () =>
        new Promise(() => {
          setTimeout(() => {
            throw new Error('in a timer');
          }, 1);
        }),
    );
    const delivery = await bench.deliver({ id: 'a' });
    await eventually(() => delivery.answer === 'ack');
    expect(bench.lastStored).toMatchObject({ status: 'FAILURE', result: { exc_message: ['in a timer'] } });
    expect(bench.complaints[0]).toMatch(/^CRITICAL Uncaught exception in task tasks\.it\[a\]:\nTraceback[\s\S]*\nError: in a timer$/);
    bench.task(() => 'alive', { name: 'tasks.next' });
    await bench.deliver({ id: 'b', task: 'tasks.next' });
    expect(bench.lastStored).toMatchObject({ taskId: 'b', result: 'alive' });
  });

  it('are left to others once the worker has stopped', async () => {
    await setUp();
    const before = process.listenerCount('unhandledRejection');
    const release = catchStrayErrors({ ...console, warning() {}, critical() {}, isEnabled: () => false, child: () => null as never });
    expect(process.listenerCount('unhandledRejection')).toBe(before + 1);
    release();
    await bench.end();
    expect(process.listenerCount('unhandledRejection')).toBe(before - 1);
  });

  it('the end of the process is told with the task that ended it', async () => {
    const lines: string[] = [];
    const critical = (text: string, ...parts: readonly unknown[]): void => void lines.push(format(text, ...parts));
    bench = await WorkerBench.ready();
    const release = catchStrayErrors({ ...silentLogger, critical });
    const [exited] = process.listeners('exit').slice(-1) as [(code: number) => void];
    exited(1);
    bench.task(() => exited(3));
    await bench.deliver({ id: 'a' });
    release();
    expect(lines).toEqual(['This process was ended in task tasks.it[a], with exit code 3']);
    expect(process.listeners('exit')).not.toContain(exited);
  });
});
