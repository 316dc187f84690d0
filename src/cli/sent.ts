/** After sending: the id, or the value of what was sent. */
import type { AsyncResult, SentTask } from '../client/async-result.js';
import type { GroupResult, SentGroup } from '../client/group-result.js';
import { TaskError, WaitTimeoutError } from '../errors.js';
import type { CommandCall } from './command.js';
import { EXIT } from './exit-codes.js';
import { jsonText } from './output/json.js';
import { showWait } from './output/progress.js';
import type { Spinner } from './output/spinner.js';
import { valueText } from './output/value.js';
import { resultDocument } from './result-document.js';

export type Sent = SentTask | SentGroup;

export interface SentCall {
  readonly call: Pick<CommandCall, 'globals' | 'context' | 'signal'>;
  readonly sent: Sent;
  /** What was sent, for people. */
  readonly what: string;
  readonly timeout: number | undefined;
  readonly spinner: Spinner;
}

/** Waits, prints, and returns the exit code. @throws TaskError, WaitTimeoutError */
export async function printValue({ call, sent, what, timeout, spinner }: SentCall): Promise<number> {
  const { globals, context, signal } = call;
  const tasks = tasksOf(sent);
  const view = showWait(spinner, `${what} (${sent.id})`, tasks.length);
  const waiting = { signal, ...(timeout === undefined ? {} : { timeout }) };
  const printDocuments = async (): Promise<void> => {
    const documents = await Promise.all(tasks.map(async (task) => resultDocument(task.id, await task.load())));
    context.stdout.write(`${jsonText('results' in sent ? documents : documents[0])}\n`);
  };
  try {
    const counted = tasks.map((task) => task.get({ ...waiting, propagate: false }).then(() => view.ready()));
    for (const one of counted) one.catch(() => {});
    const value: unknown = await sent.get({ ...waiting, onUpdate: (meta) => view.onUpdate(meta) });
    spinner.stop();
    if (globals.json === true) await printDocuments();
    else context.stdout.write(`${valueText(value, context.stdout)}\n`);
    return EXIT.ok;
  } catch (error) {
    spinner.stop();
    if (signal.aborted && globals.quiet !== true) context.stderr.write(`ctq: it goes on without us; ctq result --wait ${sent.id}\n`);
    if (globals.json === true && error instanceof TaskError) await printDocuments();
    if (error instanceof WaitTimeoutError) {
      throw new WaitTimeoutError(`${sent.id} is not ready after ${timeout} s`, {
        hint: `it may still finish: ctq result --wait ${sent.id}`,
      });
    }
    throw error;
  }
}

/** The tasks of a group, and of the groups in it; a task is itself. */
export function tasksOf(result: AsyncResult | GroupResult): readonly AsyncResult[] {
  return 'results' in result ? result.results.flatMap(tasksOf) : [result];
}
