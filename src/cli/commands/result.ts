/** `ctq result`: what became of a task. */
import type { AsyncResult } from '../../client/async-result.js';
import { ResultBackendError, TaskError, WaitTimeoutError } from '../../errors.js';
import { decodeException } from '../../protocol/exception.js';
import type { Ctq } from '../../ctq.js';
import type { ResultMeta, ResultTree } from '../../protocol/result-meta.js';
import { isReady, PENDING, SUCCESS } from '../../protocol/states.js';
import { openClient } from '../client.js';
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import { escapeBlock, escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { seconds } from '../option-values.js';
import { paintFor, stateColour } from '../output/colour.js';
import { jsonText } from '../output/json.js';
import { showWait } from '../output/progress.js';
import { startSpinner } from '../output/spinner.js';
import { tableText } from '../output/table.js';
import { isTerminal } from '../output/terminal.js';
import { valueText } from '../output/value.js';
import { idsIn, resultDocument } from '../result-document.js';
import { type ResultNode, resultTree, type TaskNode, type TreeSource } from '../result-tree.js';
import { foldedTraceback } from '../traceback.js';

const options = {
  wait: flag('-w, --wait', 'wait until it is ready'),
  timeout: value('--timeout <seconds>', 'wait no longer; exit code 75 then', seconds),
  traceback: flag('--traceback', 'print the traceback of a failure, on stderr'),
  tree: flag('--tree', 'print the tasks and groups that it sent, and theirs'),
  forget: flag('--forget', 'remove the result after printing it'),
} as const;

interface Answer {
  readonly handle: AsyncResult;
  readonly meta: ResultMeta | undefined;
}

export const result = defineCommand({
  name: 'result',
  summary: 'print the state and the value of a task',
  arguments: [{ name: 'id', summary: 'the id of the task', required: true, variadic: true }],
  options,
  examples: [
    ['ctq result 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'print its value; exit code 0, 1 or 75'],
    ['ctq result --wait --timeout 30 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'wait for it'],
    ['ctq result --json --traceback 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'everything that is stored'],
  ],
  async run(call) {
    const { options, globals, context } = call;
    const app = await openClient(call);
    await app.assertThere();
    await assertKept(app);
    const loadGroup = async (id: string): Promise<ResultTree | undefined> => (await app.backend()).chords?.loadGroup(id);
    const { ids, groups } = await spreadGroups(call.args, app, loadGroup);
    const answers = await askAll(
      call,
      ids.map((id) => app.AsyncResult(id)),
    );
    if (options.tree === true) await printTrees(call, { load: (id) => app.AsyncResult(id).load(), loadGroup });
    else if (globals.json === true) {
      const documents = answers.map(({ handle, meta }) => resultDocument(handle.id, meta));
      context.stdout.write(`${jsonText(documents.length === 1 ? documents[0] : documents)}\n`);
    } else if (answers.length === 1) for (const answer of answers) printValue(call, answer);
    else await printTable(call, answers);
    if (options.traceback === true && globals.json !== true) for (const answer of answers) printTraceback(call, answer);
    if (options.forget === true) {
      const done = answers.filter(({ meta }) => meta !== undefined && isReady(meta.status));
      await Promise.all(done.map(({ handle }) => handle.forget()));
      if (done.length === answers.length) await Promise.all(groups.map(async (id) => (await app.backend()).chords?.deleteGroup(id)));
    }
    return conclude(call, answers);
  },
});

type Call = CommandCall<typeof options>;

/** Results that travel to who sent the task never come to this process. */
async function assertKept(app: Ctq): Promise<void> {
  const backend = await app.backend();
  if (backend.listen === undefined) return;
  throw new ResultBackendError(
    `${backend.displayUrl} keeps no results: each goes to who sent the task, and to nobody else`,
    { hint: 'ctq send --wait waits for the result of what it sends; results that all can read need a backend such as redis://' },
    'CTQ_BACKEND_DISABLED',
  );
}

/** The id of a group stands for its members. */
async function spreadGroups(
  given: readonly string[],
  app: Ctq,
  loadGroup: TreeSource['loadGroup'],
): Promise<{ readonly ids: readonly string[]; readonly groups: readonly string[] }> {
  const groups: string[] = [];
  const ids = await Promise.all(
    given.map(async (id) => {
      const tree = (await app.AsyncResult(id).load()) === undefined ? await loadGroup(id) : undefined;
      if (tree === undefined) return [id];
      groups.push(id);
      return idsIn(tree);
    }),
  );
  return { ids: ids.flat(), groups };
}

async function askAll(call: Call, handles: readonly AsyncResult[]): Promise<Answer[]> {
  const { options, globals, context, signal } = call;
  if (options.wait !== true && options.timeout === undefined) {
    return Promise.all(handles.map(async (handle) => ({ handle, meta: await handle.load() })));
  }
  const what = handles.length === 1 ? String(handles[0]?.id) : `${handles.length} tasks`;
  const spinner = startSpinner(context, `waiting for ${what}`, globals);
  call.defer(() => spinner.stop());
  const view = showWait(spinner, what, handles.length);
  try {
    const waiting = { propagate: false, signal, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) } as const;
    return await Promise.all(
      handles.map(async (handle) => {
        try {
          await handle.get({ ...waiting, onUpdate: (meta) => view.onUpdate(meta) });
          view.ready();
        } catch (error) {
          // Late: what there is so far is still worth printing.
          if (!(error instanceof WaitTimeoutError)) throw error;
        }
        return { handle, meta: await handle.load() };
      }),
    );
  } finally {
    spinner.stop();
  }
}

/** The value of a task that succeeded; everything else is said by {@link conclude}. */
function printValue({ context }: Call, { meta }: Answer): void {
  if (meta?.status === SUCCESS) context.stdout.write(`${valueText(meta.result, context.stdout)}\n`);
}

async function printTable({ context, globals }: Call, answers: readonly Answer[]): Promise<void> {
  const paint = await paintFor(context.stdout, context.env, globals.noColor);
  const rows = answers.map(({ handle, meta }) => [handle.id, meta?.status ?? PENDING, summaryOf(meta)]);
  let text = await tableText(['ID', 'STATE', 'RESULT'], rows, context.stdout, { flexible: ['RESULT'] });
  for (const state of new Set(rows.map(([, state = '']) => state))) {
    text = text.replaceAll(` ${state} `, ` ${paint(stateColour(state), state)} `);
  }
  context.stdout.write(text);
}

function summaryOf(meta: ResultMeta | undefined): string {
  if (meta === undefined) return '';
  if (meta.status === SUCCESS || !isReady(meta.status)) return jsonText(meta.result);
  return failureOf(meta).message;
}

async function printTrees(call: Call, source: TreeSource): Promise<void> {
  const { args, context, globals } = call;
  const trees: ResultNode[] = [];
  for (const id of args) trees.push(await resultTree(id, source));
  if (globals.json === true) {
    context.stdout.write(`${jsonText(trees.length === 1 ? trees[0] : trees)}\n`);
    return;
  }
  const paint = await paintFor(context.stdout, context.env, globals.noColor);
  const stateText = ({ state, result }: TaskNode): string => {
    const value = state === SUCCESS ? ` ${escapeText(valueText(result, context.stdout))}` : '';
    return `${paint(stateColour(state), escapeText(state))}${value}`;
  };
  const print = (node: ResultNode, depth: number): void => {
    const what = 'group' in node ? 'group' : stateText(node);
    context.stdout.write(`${'  '.repeat(depth)}${escapeText(node.id)} ${what}\n`);
    for (const child of node.children) print(child, depth + 1);
  };
  for (const tree of trees) print(tree, 0);
}

function printTraceback({ context }: Call, { meta }: Answer): void {
  if (typeof meta?.traceback !== 'string') return;
  const traceback = isTerminal(context.stderr) ? foldedTraceback(meta.traceback) : meta.traceback;
  const text = traceback.endsWith('\n') ? traceback : `${traceback}\n`;
  context.stderr.write(isTerminal(context.stderr) ? escapeBlock(text) : text);
}

/** The worst of the answers, as an exit code and, for a single task, in words. */
function conclude({ options }: Call, answers: readonly Answer[]): number {
  const failed = answers.find(({ meta }) => meta !== undefined && isReady(meta.status) && meta.status !== SUCCESS);
  const waiting = answers.find(({ meta }) => meta === undefined || !isReady(meta.status));
  if (answers.length === 1 && failed?.meta !== undefined) throw failureOf(failed.meta);
  if (answers.length === 1 && waiting !== undefined) {
    const state = waiting.meta?.status ?? PENDING;
    const hint = state === PENDING ? 'not begun, or no such task; --wait waits' : '--wait waits';
    throw new WaitTimeoutError(`${waiting.handle.id} is ${state}`, {
      hint: options.wait === true ? 'the time is over; it may still finish' : hint,
    });
  }
  return failed !== undefined ? EXIT.failed : waiting !== undefined ? EXIT.tryAgain : EXIT.ok;
}

function failureOf(meta: ResultMeta): TaskError {
  return new TaskError(meta.taskId, meta.status, decodeException(meta.result, meta.traceback));
}
