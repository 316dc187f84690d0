/** `ctq result`: what became of a task. */
import type { AsyncResult } from '../../client/async-result.js';
import { TaskError, WaitTimeoutError } from '../../errors.js';
import { decodeException } from '../../protocol/exception.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import { isReady, PENDING, SUCCESS } from '../../protocol/states.js';
import { openClient } from '../client.js';
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import { escapeBlock, escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { seconds } from '../option-values.js';
import { paintFor, stateColour } from '../output/colour.js';
import { jsonText } from '../output/json.js';
import { startSpinner } from '../output/spinner.js';
import { tableText } from '../output/table.js';
import { isTerminal } from '../output/terminal.js';
import { valueText } from '../output/value.js';
import { resultDocument } from '../result-document.js';
import { type LoadMeta, type ResultNode, resultTree } from '../result-tree.js';

const options = {
  wait: flag('-w, --wait', 'wait until it is ready'),
  timeout: value('--timeout <seconds>', 'wait no longer; exit code 75 then', seconds),
  traceback: flag('--traceback', 'print the traceback of a failure, on stderr'),
  tree: flag('--tree', 'print the tasks that it sent, and theirs'),
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
    const answers = await askAll(
      call,
      call.args.map((id) => app.AsyncResult(id)),
    );
    if (options.tree === true) await printTrees(call, (id) => app.AsyncResult(id).load());
    else if (globals.json === true) {
      const documents = answers.map(({ handle, meta }) => resultDocument(handle.id, meta));
      context.stdout.write(`${jsonText(documents.length === 1 ? documents[0] : documents)}\n`);
    } else if (answers.length === 1) for (const answer of answers) printValue(call, answer);
    else await printTable(call, answers);
    if (options.traceback === true && globals.json !== true) for (const answer of answers) printTraceback(call, answer);
    if (options.forget === true) {
      await Promise.all(answers.filter(({ meta }) => meta !== undefined && isReady(meta.status)).map(({ handle }) => handle.forget()));
    }
    return conclude(call, answers);
  },
});

type Call = CommandCall<typeof options>;

async function askAll(call: Call, handles: readonly AsyncResult[]): Promise<Answer[]> {
  const { options, globals, context, signal } = call;
  if (options.wait !== true && options.timeout === undefined) {
    return Promise.all(handles.map(async (handle) => ({ handle, meta: await handle.load() })));
  }
  const spinner = startSpinner(context, `waiting for ${handles.length === 1 ? handles[0]?.id : `${handles.length} tasks`}`, globals);
  call.defer(() => spinner.stop());
  try {
    const waiting = { propagate: false, signal, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) } as const;
    return await Promise.all(
      handles.map(async (handle) => {
        try {
          await handle.get(waiting);
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
  let text = await tableText(['ID', 'STATE', 'RESULT'], rows, context.stdout);
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

async function printTrees(call: Call, load: LoadMeta): Promise<void> {
  const { args, context, globals } = call;
  const trees: ResultNode[] = [];
  for (const id of args) trees.push(await resultTree(id, load));
  if (globals.json === true) {
    context.stdout.write(`${jsonText(trees.length === 1 ? trees[0] : trees)}\n`);
    return;
  }
  const paint = await paintFor(context.stdout, context.env, globals.noColor);
  const print = (node: ResultNode, depth: number): void => {
    const value = node.state === SUCCESS ? ` ${escapeText(valueText(node.result, context.stdout))}` : '';
    context.stdout.write(`${'  '.repeat(depth)}${escapeText(node.id)} ${paint(stateColour(node.state), escapeText(node.state))}${value}\n`);
    for (const child of node.children) print(child, depth + 1);
  };
  for (const tree of trees) print(tree, 0);
}

function printTraceback({ context }: Call, { meta }: Answer): void {
  if (typeof meta?.traceback !== 'string') return;
  const text = meta.traceback.endsWith('\n') ? meta.traceback : `${meta.traceback}\n`;
  context.stderr.write(isTerminal(context.stderr) ? escapeBlock(text) : text);
}

/** The worst of the answers, as an exit code and, for a single task, in words. */
function conclude({ args, options }: Call, answers: readonly Answer[]): number {
  const failed = answers.find(({ meta }) => meta !== undefined && isReady(meta.status) && meta.status !== SUCCESS);
  const waiting = answers.find(({ meta }) => meta === undefined || !isReady(meta.status));
  if (args.length === 1 && failed?.meta !== undefined) throw failureOf(failed.meta);
  if (args.length === 1 && waiting !== undefined) {
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
