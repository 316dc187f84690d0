/** What `failed` and `retry` share: which failed tasks are meant. */
import type { Ctq } from '../ctq.js';
import { type FailedQuery, listFailed } from '../ctq/failed-tasks.js';
import type { FailedTask } from '../ctq/failed-task.js';
import { type CommandCall, type CommandOptions, list, value } from './command.js';
import { duration, names, text } from './option-values.js';
import { startSpinner } from './output/spinner.js';

export const failedOptions = {
  task: value('--task <glob>', 'only tasks of this name: tasks.mail.*', text, { completes: 'task' }),
  since: value('--since <duration>', 'only what failed in this time: 30m, 6h, 2d', duration),
  queues: list('-Q, --queues <a,b>', 'only from these queues', names, { completes: 'queue' }),
} as const;

export type FailedCall = CommandCall<CommandOptions & typeof failedOptions>;

export async function lookForFailed(call: FailedCall, app: Ctq): Promise<readonly FailedTask[]> {
  const { options, context, globals, signal } = call;
  // A view that is drawn again and again moves by itself.
  const quiet = globals.quiet === true || call.options['watch'] === true;
  const spinner = startSpinner(context, 'looking through messages and results', { ...globals, quiet });
  call.defer(() => spinner.stop());
  const query: FailedQuery = {
    task: options.task,
    queues: options.queues?.flat(),
    sinceMs: options.since === undefined ? undefined : context.clock.nowMs() - options.since,
    signal,
  };
  try {
    return await listFailed(await app.estates(), query);
  } finally {
    spinner.stop();
  }
}

/** As `--json` prints it; null where nobody wrote it down. */
export interface FailedDocument {
  readonly id: string | null;
  /** What commands call it by: its id, or one made of what it is. */
  readonly handle: string;
  readonly task: string | null;
  readonly queue: string | null;
  readonly reason: string;
  readonly worker: string | null;
  readonly retries: number | null;
  readonly failed_at: string | null;
  /** `record`: kept by a ctq worker; `refused`: a message that no worker would run; `result`: only its result is left. */
  readonly source: FailedTask['source'];
}

export function failedDocument({ taskId, handle, task, queue, reason, worker, retries, atMs, source }: FailedTask): FailedDocument {
  return {
    id: taskId === '' ? null : taskId,
    handle,
    task: task ?? null,
    queue: queue ?? null,
    reason,
    worker: worker ?? null,
    retries: retries ?? null,
    failed_at: atMs === undefined ? null : new Date(atMs).toISOString(),
    source,
  };
}
