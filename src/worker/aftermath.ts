/** What follows from the end of a task (WIRE 8.8): results of others, messages, parts of chords. Decides, and does nothing. */
import {
  afterFailure,
  afterSuccess,
  type EndedTask,
  endsHere,
  type FollowUp,
  laterSteps,
  type Lineage,
  planned,
  withDefaults,
} from '../canvas/follow-up.js';
import { nodeFromJson } from '../canvas/node-json.js';
import type { RemoteErrorInfo } from '../errors.js';
import type { Outcome } from '../execution/outcome.js';
import { encodeException } from '../protocol/exception.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import type { TaskMessage } from '../protocol/task-message.js';
import { type Consequences, type Ended, type EndedPart, NO_CONSEQUENCES } from './conclusion.js';
import type { Errbacks } from './errbacks.js';
import * as log from './log-lines.js';
import { nextTry } from './next-try.js';
import type { Request } from './request.js';
import type { ResultDocuments } from './result-document.js';
import type { WorkerParts } from './worker-parts.js';

export type AftermathParts = Pick<WorkerParts, 'settings' | 'logger'>;

export class Aftermath {
  private readonly parts: AftermathParts;
  private readonly documents: ResultDocuments;
  private readonly errbacks: Errbacks;

  constructor(parts: AftermathParts, documents: ResultDocuments, errbacks: Errbacks) {
    this.parts = parts;
    this.documents = documents;
    this.errbacks = errbacks;
  }

  /** True when nothing can follow, however it ended: asked for every task. */
  static endsHere(message: TaskMessage | undefined): boolean {
    return message === undefined || (message.chord === null && message.errbacks === null && endsHere(message));
  }

  /** @throws ProtocolError or ConfigError when what follows is nothing that can be sent. */
  success(request: Request, value: unknown, children: readonly ResultTree[], ignored: 'ignored' | 'kept'): Consequences {
    const { chords, sends, children: followers } = afterSuccess(this.ended(request), value);
    const meta = ignored === 'ignored' ? undefined : this.documents.value(request, 'SUCCESS', value, [...children, ...followers]);
    return { metas: listOf(meta), chords, calls: sends, parts: this.ownPart(request, request.message, 'SUCCESS', value) };
  }

  /** @param own - The task's own result; undefined when it is ignored. */
  failure(request: Request, error: RemoteErrorInfo, own: ResultMeta | undefined): Consequences {
    const errbacks = this.told(request);
    const rest = this.unfinished(request, request.message, 'FAILURE', error);
    return { metas: [...listOf(own), ...rest.metas], chords: errbacks.chords, calls: errbacks.sends, parts: rest.parts };
  }

  /** @param message - Read for this purpose: a task that is revoked before it runs is not read otherwise. */
  revoked(request: Request, message: TaskMessage | undefined, error: RemoteErrorInfo, own: ResultMeta): Consequences {
    const rest = this.unfinished(request, message, 'REVOKED', error);
    return { ...NO_CONSEQUENCES, metas: [own, ...rest.metas], parts: rest.parts };
  }

  /** @param message - Of a task that no worker will run; its own result is stored, and its message answered for, elsewhere. */
  refused(ended: Ended, message: TaskMessage, error: RemoteErrorInfo): Consequences {
    return { ...NO_CONSEQUENCES, ...this.unfinished(ended, message, 'FAILURE', error) };
  }

  retry(request: Request, message: TaskMessage, outcome: Extract<Outcome, { kind: 'retry' }>, own: ResultMeta | undefined): Consequences {
    return { ...NO_CONSEQUENCES, metas: listOf(own), calls: [nextTry(request, message, outcome)] };
  }

  /** The task that takes the place of this one, with its id and everything that was to follow it. */
  replaced(request: Request, replacement: unknown): Consequences {
    const { id, rootId, priority } = this.ended(request);
    // Sent from within the task, so it is its own parent (results #48).
    const { chords, sends } = planned(withDefaults(nodeFromJson(replacement), { rootId, parentId: id, priority }));
    return { ...NO_CONSEQUENCES, chords, calls: sends };
  }

  /** What will never run because this task did not succeed, and the chords that wait for it. */
  private unfinished(
    request: Ended,
    message: TaskMessage | undefined,
    status: 'FAILURE' | 'REVOKED',
    error: RemoteErrorInfo,
  ): { readonly metas: readonly ResultMeta[]; readonly parts: readonly EndedPart[] } {
    const result = encodeException(error);
    const lost = laterSteps(message?.chain ?? null);
    const lostParts = lost.flatMap(({ taskId, part }) =>
      part === undefined
        ? []
        : [{ part: { taskId, groupId: part.groupId, groupIndex: part.groupIndex, status, result }, body: () => part.body }],
    );
    return {
      metas: lost.map(({ taskId }) => this.documents.bare(taskId, status, error, request.delivery.message.properties)),
      parts: [...this.ownPart(request, message, status, result), ...lostParts],
    };
  }

  private told(request: Request): Pick<FollowUp, 'chords' | 'sends'> {
    try {
      const ended = this.ended(request);
      return afterFailure({ ...ended, errbacks: this.errbacks.sort(ended.errbacks).toSend });
    } catch (problem) {
      // The failure stands; an errback that is none must not hide it.
      log.internalError(this.parts.logger, request, 'its errbacks could not be sent', problem);
      return { chords: [], sends: [] };
    }
  }

  private ownPart(request: Ended, message: TaskMessage | undefined, status: string, result: unknown): EndedPart[] {
    if (message === undefined || message.chord === null || message.group === null) return [];
    const { chord, group: groupId, groupIndex } = message;
    return [{ part: { groupId, taskId: request.id, groupIndex, status, result }, body: () => nodeFromJson(chord) }];
  }

  /** What the tasks that follow inherit. */
  lineage({ id, delivery }: Ended, message: TaskMessage | undefined): Lineage {
    const priority = this.parts.settings.taskInheritParentPriority ? delivery.message.properties.priority : undefined;
    return { id, rootId: message?.rootId ?? id, priority };
  }

  private ended(request: Request): EndedTask {
    const { message } = request;
    return {
      ...this.lineage(request, message),
      callbacks: message?.callbacks ?? null,
      errbacks: message?.errbacks ?? null,
      chain: message?.chain ?? null,
    };
  }
}

function listOf<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}
