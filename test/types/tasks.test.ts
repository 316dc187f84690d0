/** What the compiler must accept and refuse for users. */
import { describe, expectTypeOf, it } from 'vitest';
import { type AsyncResult, Ctq, type SentTask, type Task, type TaskContext } from '../../src/index.js';

const app = new Ctq('types');
const add = app.task('types.add', (x: number, y: number) => x + y);
const page = app.task({ name: 'types.page', bind: true }, async (task, url: string, depth: number = 1) => {
  expectTypeOf(task).toEqualTypeOf<TaskContext>();
  return { url, depth };
});

describe('types of tasks', () => {
  it('follow the function', () => {
    expectTypeOf(add).toEqualTypeOf<Task<[x: number, y: number], number>>();
    expectTypeOf(add.delay).parameters.toEqualTypeOf<[x: number, y: number]>();
    expectTypeOf(add.delay).returns.toEqualTypeOf<SentTask<number>>();
    expectTypeOf(page.delay).parameters.toEqualTypeOf<[url: string, depth?: number | undefined]>();
    expectTypeOf(page.delay).returns.toEqualTypeOf<SentTask<{ url: string; depth: number }>>();
  });

  it('refuse arguments that do not fit', () => {
    const neverCalled = (): void => {
      // @ts-expect-error a string is no number
      void add.delay('1', 2);
      // @ts-expect-error one argument is missing
      void add.applyAsync([1]);
      // @ts-expect-error there is no such option
      void add.applyAsync([1, 2], { countDown: 3 });
      // @ts-expect-error retries of a task are counted in numbers
      app.task({ name: 'types.bad', maxRetries: 'three' }, () => 1);
    };
    expectTypeOf(neverCalled).toBeFunction();
  });

  it('give the awaited value from get(), and the plain handle from await', () => {
    expectTypeOf<ReturnType<SentTask<number>['get']>>().toEqualTypeOf<Promise<number>>();
    expectTypeOf<Awaited<SentTask<number>>>().toEqualTypeOf<AsyncResult<number>>();
  });

  it('know settings in both spellings, and no others', () => {
    void new Ctq('a', { brokerUrl: 'memory://', task_acks_late: true });
    // @ts-expect-error there is no such setting
    void (() => new Ctq('a', { brokerURL: 'memory://' }));
  });
});
