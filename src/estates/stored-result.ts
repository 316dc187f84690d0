/** A stored result for an operator. */
import { decodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';

/** One that cannot be read is shown as far as that goes: the other facts are still worth having. */
export function readResult(text: string, taskId: string): ResultMeta {
  try {
    return decodeResultMeta(text, taskId);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { taskId, status: 'UNREADABLE', result: problem, traceback: null, children: null, dateDone: null };
  }
}
