/** Result documents for the contract suites. */
import type { ResultMeta } from '../../src/protocol/result-meta.js';

const FINAL = new Set(['SUCCESS', 'FAILURE', 'REVOKED']);

export function resultMeta(taskId: string, status: string, result: unknown = null, more: Partial<ResultMeta> = {}): ResultMeta {
  return {
    taskId,
    status,
    result,
    traceback: null,
    children: [],
    dateDone: FINAL.has(status) ? '2026-11-21T08:19:33.544931+00:00' : null,
    ...more,
  };
}

export function failureMeta(taskId: string, message = 'boom'): ResultMeta {
  return resultMeta(
    taskId,
    'FAILURE',
    { exc_type: 'ValueError', exc_message: [message], exc_module: 'builtins' },
    { traceback: 'Traceback (most recent call last):\n  …\nValueError: boom\n' },
  );
}
