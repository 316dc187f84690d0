/** The message that a retry sends: the same task again, counted one up (WIRE 9.3). */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import type { Outcome } from '../execution/outcome.js';
import type { PlannedSend } from '../canvas/follow-up.js';
import type { TaskMessage } from '../protocol/task-message.js';
import type { Request } from './request.js';

/** Headers that are written anew, or that tell of this delivery alone; all others are the caller's and travel on. */
const NOT_THE_CALLERS: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'shadow',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'compression',
  'redelivered',
  'x-ctq-redeliveries',
  'x-ctq-seal',
]);

export function nextTry(request: Request, message: TaskMessage, outcome: Extract<Outcome, { kind: 'retry' }>): PlannedSend {
  const { properties, headers, contentType } = request.delivery.message;
  const [timeLimit, softTimeLimit] = message.timelimit;
  const callersHeaders = Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_THE_CALLERS.has(name)));
  const options: Record<string, unknown> = {
    taskId: message.id,
    retries: message.retries + 1,
    countdown: outcome.countdownS ?? undefined,
    eta: outcome.eta ?? undefined,
    expires: message.expires ?? undefined,
    link: message.callbacks ?? undefined,
    linkError: message.errbacks ?? undefined,
    chain: message.chain ?? undefined,
    chord: message.chord ?? undefined,
    groupId: message.group ?? undefined,
    groupIndex: message.groupIndex ?? undefined,
    rootId: message.rootId,
    // Sent from within the task, so the first try is the parent of all others.
    parentId: message.parentId ?? message.id,
    timeLimit: timeLimit ?? undefined,
    softTimeLimit: softTimeLimit ?? undefined,
    replyTo: properties.replyTo,
    priority: properties.priority,
    shadow: message.shadow ?? undefined,
    ignoreResult: message.ignoreResult || undefined,
    origin: message.origin ?? undefined,
    replacedTaskNesting: message.replacedTaskNesting || undefined,
    stampedHeaders: message.stampedHeaders ?? undefined,
    stamps: message.stampedHeaders === null ? undefined : message.stamps,
    headers: Object.keys(callersHeaders).length === 0 ? undefined : callersHeaders,
    serializer: contentType === 'application/json' ? undefined : contentType,
    // Straight back to the queue it came from, whatever exchange had brought it there.
    queue: request.delivery.queue,
    exchangeType: 'direct',
    ...(outcome.options['queue'] === undefined && outcome.options['exchange'] === undefined
      ? {}
      : { queue: undefined, exchangeType: undefined }),
    ...outcome.options,
    kwargs: outcome.kwargs ?? message.kwargs,
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ApplyAsyncOptions;
  return { task: message.task, args: outcome.args ?? message.args, options: given };
}
