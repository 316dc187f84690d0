/**
 * The tasks that every worker has (WIRE 8.7): `celery.map` and `celery.starmap` run other tasks here,
 * `celery.accumulate` is the body of a group that replaced a task, `celery.chord_unlock` waits for chords
 * of clients whose backend cannot count. The others are there because Python's workers have them.
 */
import {
  type ChordFailure,
  dependencyFailed,
  failedBodies,
  joinFailed,
  callbackFailed,
  lostToChord,
  shaped,
  tasksIn,
} from '../canvas/chord-end.js';
import { afterFailure } from '../canvas/follow-up.js';
import { chordNode, groupNode, taskNode } from '../canvas/node.js';
import { nodeFromJson, nodeToJson } from '../canvas/node-json.js';
import { Binder } from '../execution/bind-arguments.js';
import { currentRun } from '../execution/task-context.js';
import { systemClock } from '../clock.js';
import type { PlannedCall } from '../canvas/plan.js';
import { TaskError } from '../errors.js';
import { decodeException, describeError, encodeException } from '../protocol/exception.js';
import { formatIsoDate } from '../protocol/iso-date.js';
import { isResultTree, type ResultMeta, type ResultTree } from '../protocol/result-meta.js';
import { isReady } from '../protocol/states.js';
import type { ResultBackend } from '../result-backend.js';
import { Task, type TaskContext, type TaskFunction, type TaskOptions, type TaskSender } from '../task.js';
import type { AnyResult } from './result-source.js';

type Publish = (calls: readonly PlannedCall[]) => Promise<void>;

/** The app, as far as these tasks need it. */
export interface BuiltinSupport extends TaskSender {
  readonly tasks: ReadonlyMap<string, Task>;
  backend(): Promise<ResultBackend>;
}

/** @param publish - Sends what was planned, as it is. */
export function builtinTasks(app: BuiltinSupport, publish: Publish): Task[] {
  const define = (name: string, run: TaskFunction, options: TaskOptions = {}): Task =>
    new Task(name, { name, bind: true, typing: false, ...options }, run, app);
  return [
    define('celery.map', (self: TaskContext) => {
      const [task, it] = argumentsOf(self, ['task', 'it']);
      return eachInTurn(app, task, listOf(it), (item) => [item]);
    }),
    define('celery.starmap', (self: TaskContext) => {
      const [task, it] = argumentsOf(self, ['task', 'it']);
      return eachInTurn(app, task, listOf(it), listOf);
    }),
    define('celery.chunks', (self: TaskContext) => {
      const [task, it, n] = argumentsOf(self, ['task', 'it', 'n']);
      return treeOfSent(app.reviveSignature(nodeToJson(taskNode('celery.chunks', [], { task, it: listOf(it), n }))).delay());
    }),
    define('celery.accumulate', ({ request: { args, kwargs } }: TaskContext) => {
      const { index } = kwargs;
      return typeof index === 'number' ? args.at(index) : args;
    }),
    define('celery.group', (self: TaskContext) => {
      const [tasks, , groupId, partialArgs] = argumentsOf(self, ['tasks', 'result', 'group_id', 'partial_args']);
      const group = groupNode(listOf(tasks).map((task) => nodeFromJson(task)));
      if (typeof groupId === 'string') group.options.taskId = groupId;
      return treeOfSent(app.reviveSignature(nodeToJson(group)).applyAsync(listOf(partialArgs)));
    }),
    define('celery.chord', (self: TaskContext) => {
      const [header, body, partialArgs] = argumentsOf(self, ['header', 'body', 'partial_args']);
      const node = Array.isArray(header) ? header.map((task) => nodeFromJson(task)) : nodeFromJson(header);
      return treeOfSent(app.reviveSignature(nodeToJson(chordNode(node, nodeFromJson(body)))).applyAsync(listOf(partialArgs)));
    }),
    define('celery.chain', () => {
      throw Object.assign(new Error('chain is not a real task'), { name: 'NotImplementedError' });
    }),
    // Redis removes expired results by itself, and so does a worker on SQLite.
    define('celery.backend_cleanup', () => null),
    define('celery.chord_unlock', (self: TaskContext) => unlock(app, publish, self), { maxRetries: null, ignoreResult: true }),
  ];
}

/** By position or by name, as clients please; our own parameters have no names that a bundler would keep. */
function argumentsOf({ request: { args, kwargs } }: TaskContext, names: readonly string[]): unknown[] {
  return names.map((name, index) => args[index] ?? kwargs[name]);
}

/** Calls a task's function in this run for each item, without any message. */
async function eachInTurn(
  { tasks }: BuiltinSupport,
  signature: unknown,
  items: readonly unknown[],
  argsOf: (item: unknown) => readonly unknown[],
): Promise<unknown[]> {
  const node = nodeFromJson(signature);
  const name = node.kind === 'task' ? node.task : `celery.${node.kind}`;
  const task = tasks.get(name);
  if (task === undefined) throw Object.assign(new Error(name), { name: 'NotRegistered' });
  const bound = task.options.bind === true;
  const binder = new Binder(task.run, {
    name: name.slice(name.lastIndexOf('.') + 1),
    skip: bound ? 1 : 0,
    strict: task.options.typing !== false,
  });
  const results: unknown[] = [];
  for (const item of items) {
    const args = binder.bind(argsOf(item), {});
    results.push(await Reflect.apply(task.run, undefined, bound ? [currentRun()?.contextOf(task), ...args] : args));
  }
  return results;
}

async function treeOfSent(sent: PromiseLike<unknown>): Promise<ResultTree> {
  return ((await sent) as AnyResult).asTree();
}

/** Looks whether all parts have ended, again and again; then calls the body, as a worker does that counts parts. */
async function unlock(app: BuiltinSupport, publish: Publish, self: TaskContext): Promise<null> {
  const [groupId, json] = argumentsOf(self, ['group_id', 'callback']);
  const { interval, max_retries: maxRetries, result } = self.request.kwargs;
  const trees = listOf(result).filter(isResultTree);
  const backend = await app.backend();
  const metas = await backend.loadMany(trees.flatMap(tasksIn));
  if (!metas.every((meta) => meta !== undefined && isReady(meta.status))) {
    throw self.retry({
      countdown: typeof interval === 'number' ? interval : 1,
      maxRetries: typeof maxRetries === 'number' ? maxRetries : null,
    });
  }
  const known = new Map(metas.flatMap((meta) => (meta === undefined ? [] : [[meta.taskId, meta] as const])));
  const failure = await callUnlocked(app, json, trees, known);
  if (failure === undefined) return null;
  self.logger.error("Chord '%s' raised: %s", groupId, failure.error.args[0]);
  const body = nodeFromJson(json);
  for (const { taskId, error } of lostToChord(body, failure)) {
    const dateDone = formatIsoDate(systemClock.nowMs());
    await backend.store({ taskId, status: 'FAILURE', result: encodeException(error), traceback: error.traceback, children: [], dateDone });
  }
  await publish(failedBodies(body).flatMap((failed) => afterFailure(failed).sends));
  return null;
}

async function callUnlocked(
  sender: TaskSender,
  json: unknown,
  trees: readonly ResultTree[],
  known: ReadonlyMap<string, ResultMeta>,
): Promise<ChordFailure | undefined> {
  const failed = trees
    .flatMap(tasksIn)
    .map((id) => known.get(id))
    .find((meta) => meta !== undefined && meta.status !== 'SUCCESS');
  if (failed !== undefined) return dependencyFailed({ ...failed, groupId: '', groupIndex: null });
  let results: unknown[];
  try {
    results = trees.map((tree) => shaped(tree, (id) => valueOf(id, known.get(id))));
  } catch (error) {
    return joinFailed(describeError(error));
  }
  try {
    await sender.reviveSignature(json).delay(results);
    return undefined;
  } catch (error) {
    return callbackFailed(describeError(error));
  }
}

function valueOf(taskId: string, meta: ResultMeta | undefined): unknown {
  if (meta?.status === 'SUCCESS') return meta.result;
  throw new TaskError(taskId, meta?.status ?? 'PENDING', decodeException(meta?.result, null));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
