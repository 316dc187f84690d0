/** A task as far as tests need it. Its types are read from `delay()`: the whole class is more than a compiler can infer from. */
import type { SentTask } from '../client/async-result.js';
import type { Task } from '../task.js';

// oxlint-disable-next-line typescript/no-explicit-any -- a rest parameter that any list of arguments fits
export type AnyArgs = any[];

export interface TestableTask<Args extends AnyArgs, Result> extends Pick<Task, 'name' | 'options' | 'sender'> {
  delay(...args: Args): SentTask<Result>;
}
