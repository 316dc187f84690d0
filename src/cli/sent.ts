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
import type { TakerNote } from './taker-note.js';

export type Sent = SentTask | SentGroup;

export interface SentCall {
  readonly call: Pick<CommandCall, 'globals' | 'context' | 'signal' | 'defer'>;
  readonly sent: Sent;
  /** What was sent, for people. */
  readonly what: string;
  readonly timeout: number | undefined;
  readonly spinner: Spinner;
  /** Why it may take for ever, when that is known. */
  readonly trouble?: TakerNote;
}

/** Waits, prints, and returns the exit code. @throws TaskError, WaitTimeoutError */
export async function printValue({ call, sent, what, timeout, spinner, trouble }: SentCall): Promise<number> {
  const { globals, context, signal } = call;
  let waits = true;
  call.defer(() => {
    spinner.stop();
    // Otherwise the id would be gone with the spinner's line.
    if (waits && signal.aborted) context.stderr.write(`ctq: no longer waiting; ctq result --wait ${sent.id} does again\n`);
  });
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
    if (globals.json === true && error instanceof TaskError) await printDocuments();
    if (error instanceof WaitTimeoutError) {
      const goOn = `ctq result --wait ${sent.id}`;
      const reason = trouble?.();
      throw new WaitTimeoutError(`${sent.id} is not ready after ${timeout} s`, {
        hint: reason === undefined ? `it may still finish: ${goOn}` : `${reason}, then ${goOn}`,
      });
    }
    throw error;
  } finally {
    waits = signal.aborted;
  }
}

/** The tasks of a group, and of the groups in it; a task is itself. */
export function tasksOf(result: AsyncResult | GroupResult): readonly AsyncResult[] {
  return 'results' in result ? result.results.flatMap(tasksOf) : [result];
}
