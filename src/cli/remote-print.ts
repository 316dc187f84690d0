/** Prints what workers answered: a table, or one JSON document in Celery's shape. */
import type { Reply } from '../remote-control/broadcast.js';
import type { CommandCall } from './command.js';
import { escapeBlock } from './escape-text.js';
import { EXIT } from './exit-codes.js';
import { jsonText } from './output/json.js';
import { tableText } from './output/table.js';
import { isTerminal } from './output/terminal.js';
import { tellCount } from './remote-call.js';
import { errorOf, remoteTable, remoteTexts } from './remote-tables.js';

/** Celery's `inspect` prints an object by node name, its `control` a list of objects with one each. */
export type JsonShape = 'object' | 'list';

/** @returns The exit code: 1 when a worker refused, if it was not only that it has no such task while another has. */
export async function printReplies(call: CommandCall, method: string, replies: readonly Reply[], shape: JsonShape): Promise<number> {
  const { context, globals } = call;
  const { stdout } = context;
  if (globals.json === true) {
    const parts = replies.map(({ nodename, value }): [string, unknown] => [nodename, value]);
    stdout.write(`${jsonText(shape === 'object' ? Object.fromEntries(parts) : parts.map((part) => Object.fromEntries([part])))}\n`);
  } else {
    const texts = remoteTexts(replies);
    if (texts !== undefined) stdout.write(isTerminal(stdout) ? escapeBlock(texts) : texts);
    else {
      const { headings, rows, flexible } = remoteTable(method, replies);
      if (rows.length > 0) stdout.write(await tableText(headings, rows, stdout, { flexible }));
      else if (globals.quiet !== true && isTerminal(context.stderr)) context.stderr.write('nothing\n');
    }
    tellCount(call, replies.length);
  }
  return refusals(method, replies).length > 0 ? EXIT.failed : EXIT.ok;
}

/** These change a task wherever it is known; that other workers of the estate have other tasks is no failure. */
const OF_ONE_TASK = ['rate_limit', 'time_limit'];

function refusals(method: string, replies: readonly Reply[]): readonly string[] {
  const errors = replies.flatMap(({ value }) => errorOf(value) ?? []);
  const strangers = errors.filter((error) => error === 'unknown task');
  const isDone = OF_ONE_TASK.includes(method) && errors.length < replies.length;
  return isDone && strangers.length === errors.length ? [] : errors;
}
