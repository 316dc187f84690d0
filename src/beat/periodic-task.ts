/** `app.addPeriodicTask()`: a call in the code that becomes an entry. */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { optionsToJson } from '../canvas/node-json.js';
import { nodeOf, type SignatureLike } from '../canvas/signature.js';
import { ConfigError } from '../errors.js';
import { type ScheduleEntryInput, showCall } from './schedule-entry.js';

/** A task of the app, the name of one anywhere, or a signature. */
export type PeriodicTask = string | { readonly name: string } | SignatureLike;

/** What `app.addPeriodicTask()` takes beside schedule and task. */
export interface PeriodicTaskOptions extends Omit<ScheduleEntryInput, 'task' | 'schedule' | 'options'> {
  /** Default: the call as Python writes it, `tasks.add(1, 2)`. */
  readonly name?: string;
  /** As for `applyAsync`; they win over those of a signature. */
  readonly options?: ApplyAsyncOptions;
}

/** @throws {@link ConfigError} when it is no single task. */
export function periodicEntry(
  schedule: ScheduleEntryInput['schedule'],
  task: PeriodicTask,
  given: PeriodicTaskOptions,
): { readonly name: string; readonly entry: ScheduleEntryInput } {
  const { name, options, ...rest } = given;
  const call = callOf(task);
  const args = [...call.args, ...(given.args ?? [])];
  const kwargs = { ...call.kwargs, ...given.kwargs };
  return {
    // Celery's key: the repr of the signature.
    name: name ?? showCall({ task: call.task, args, kwargs }),
    entry: { ...rest, task: call.task, schedule, args, kwargs, options: { ...call.options, ...options } },
  };
}

interface Call {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

function callOf(task: PeriodicTask): Call {
  if (typeof task === 'string') return { task, args: [], kwargs: {}, options: {} };
  if (typeof task === 'object' && 'name' in task && typeof task.name === 'string' && 'applyAsync' in task && 'run' in task) {
    return { task: task.name, args: [], kwargs: {}, options: {} };
  }
  const node = nodeOf(task);
  if (node.kind !== 'task') {
    throw new ConfigError(`addPeriodicTask() was given a ${node.kind}`, { hint: 'give it one task; let that send the others' });
  }
  // Whose child it would be is nothing to a call that has no parent.
  const { add_to_parent: _, ...options } = optionsToJson(node.options);
  return { task: node.task, args: node.args, kwargs: node.kwargs, options };
}
