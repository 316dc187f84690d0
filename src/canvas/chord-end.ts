/**
 * What a complete chord leads to: its body with all results, or, when some part failed, the body's
 * failure and its errbacks (WIRE 7.6).
 */
import type { RemoteErrorInfo } from '../errors.js';
import { decodeException, exceptionRepr, namedError } from '../protocol/exception.js';
import type { ResultTree } from '../protocol/result-meta.js';
import type { ChordPart } from '../result-backend.js';
import { type FollowUp, type Lineage, type LostTask, laterSteps, lostTasks, planned, withDefaults } from './follow-up.js';
import { type CanvasNode, isGiven } from './node.js';
import { nodeToJson } from './node-json.js';

/** States of a part that fail its chord. */
const FAILED: ReadonlySet<string> = new Set(['FAILURE', 'REVOKED']);

/** The body, called with the results; sent by the part that came last, whose child it is unless it says otherwise. */
export function callBody(body: CanvasNode, results: readonly unknown[], { id, rootId, priority }: Lineage): FollowUp {
  return planned(withDefaults(body, { rootId, parentId: id, priority }), { args: [results] });
}

/** The first part, in the order of the results, that failed. */
export function failedPart(parts: readonly ChordPart[]): ChordPart | undefined {
  return parts.find(({ status }) => FAILED.has(status));
}

/** A chord that cannot go on. */
export interface ChordFailure {
  /** For the body. */
  readonly error: RemoteErrorInfo;
  /** What made it fail: the members of a body that is a group fail with that (Celery 5.6). */
  readonly cause: RemoteErrorInfo;
}

/** `Dependency <id> raised ValueError('boom')`. */
export function dependencyFailed({ taskId, result }: ChordPart): ChordFailure {
  const cause = decodeException(result, null);
  return { error: chordError(`Dependency ${taskId} raised ${exceptionRepr(cause)}`), cause };
}

/** The results of the header could not be gathered. */
export function joinFailed(cause: RemoteErrorInfo): ChordFailure {
  return { error: chordError(`Join error: ${exceptionRepr(cause)}`), cause };
}

/** The body could not be sent. */
export function callbackFailed(cause: RemoteErrorInfo): ChordFailure {
  const error = chordError(`Callback error: ${exceptionRepr(cause)}`);
  return { error, cause: error };
}

function chordError(text: string): RemoteErrorInfo {
  return namedError('ChordError', [text]);
}

/** A task that will never run, and the failure that is stored for it. */
export interface LostToChord extends LostTask {
  readonly error: RemoteErrorInfo;
}

/**
 * Everything that waits for the body: its own tasks, and what would have come after it. Celery tells the
 * body alone; whoever waits for a later step, or for an outer chord that the body is a part of, waits for ever there.
 */
export function lostToChord(body: CanvasNode, { error, cause }: ChordFailure): LostToChord[] {
  const own = lostTasks(body).map(({ taskId, part }) => ({ taskId, part, error: body.kind === 'group' ? cause : error }));
  const later = laterSteps(body.options.chain ?? null).map(({ taskId, part }) => ({ taskId, part, error }));
  return [...own, ...later];
}

/** A task of the body, failed without having run, and whom to tell. */
export interface FailedBody {
  readonly id: string;
  readonly rootId: string;
  readonly node: CanvasNode;
  /** As dicts. */
  readonly errbacks: readonly unknown[];
}

/** Errbacks of the body, called with its id, as if it had failed itself. */
export function failedBodies(body: CanvasNode): FailedBody[] {
  return owners(body).map((node) => {
    const id = node.options.taskId ?? '';
    return { id, rootId: node.options.rootId ?? id, node, errbacks: (node.options.linkError ?? []).map(nodeToJson) };
  });
}

/** Where errbacks of a body may be: `link_error` of a group is given to its members, that of a chord to its body. */
function owners(body: CanvasNode): CanvasNode[] {
  const own = isGiven(body.options.linkError) && body.options.linkError.length > 0 ? [body] : [];
  if (body.kind === 'group') return [...own, ...body.tasks.flatMap(owners)];
  return body.kind === 'chord' && body.body !== null ? [...own, ...owners(body.body)] : own;
}

/** A header with groups in it gives its results in the shape of the header; `valueOf` throws for a member that failed. */
export function shaped(tree: ResultTree, valueOf: (taskId: string) => unknown): unknown {
  const [[id], members] = tree;
  return members === null ? valueOf(id) : members.map((member) => shaped(member, valueOf));
}

/** The tasks in a saved header. */
export function tasksIn(tree: ResultTree): string[] {
  const [[id], members] = tree;
  return members === null ? [id] : members.flatMap(tasksIn);
}
