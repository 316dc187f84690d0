/** What is kept of a task that has failed for good, so that an operator can look at it and send it again. */
import { type RemoteErrorInfo, remoteErrorText } from '../errors.js';
import type { FailureRecord } from '../estate/failed-task.js';
import type { Request } from './request.js';
import type { WorkerParts } from './worker-parts.js';

/** Of a message and a traceback this much, in characters: the record is for people. */
const MESSAGE_KEPT = 500;
const TRACEBACK_KEPT = 4_000;

/** undefined where none are to be kept. */
export function failureRecord(
  { settings, clock, nodename }: Pick<WorkerParts, 'settings' | 'clock' | 'nodename'>,
  request: Request,
  error: RemoteErrorInfo,
): FailureRecord | undefined {
  const { failedTasksKept: kept, failedTasksExpires: keptForS, failedTasksMaxSize: maxBytes } = settings;
  if (kept === 0) return undefined;
  return {
    note: {
      taskId: request.id,
      task: request.task,
      queue: request.delivery.queue,
      exceptionType: error.type,
      exceptionMessage: messageOf(error).slice(0, MESSAGE_KEPT),
      // The innermost frames and the last line are at its end.
      traceback: error.traceback === null ? null : error.traceback.slice(-TRACEBACK_KEPT),
      worker: nodename,
      retries: request.message?.retries ?? 0,
      atMs: clock.nowMs(),
    },
    kept,
    keptForS: keptForS ?? 0,
    maxBytes: maxBytes ?? 0,
  };
}

function messageOf({ type, args }: RemoteErrorInfo): string {
  const text = remoteErrorText({ type, args });
  return text === type ? '' : text.slice(type.length + 2);
}
