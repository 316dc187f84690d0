/**
 * Carries out what the end of a task sets in motion: further results, messages, parts of chords. Where broker
 * and results are one store all of it is one step with the acknowledgement; else it happens in the order
 * below, and a crash in between repeats what came before it.
 *
 * 1. sizes of chords that are about to be sent
 * 2. the part of a chord; when it was the last one, the body joins what is sent
 * 3. messages, results, the counters of a complete chord, the acknowledgement
 */
import { following } from '../tracing/spans.js';
import { setMaxListeners } from 'node:events';
import {
  callbackFailed,
  callBody,
  type ChordFailure,
  dependencyFailed,
  failedBodies,
  failedPart,
  joinFailed,
  lostToChord,
  shaped,
  tasksIn,
} from '../canvas/chord-end.js';
import { afterFailure, type ChordMembership, type FollowUp, type Lineage } from '../canvas/follow-up.js';
import { treeOf } from '../canvas/handle.js';
import type { CanvasNode } from '../canvas/node.js';
import type { PlannedCall, PlannedChord } from '../canvas/plan.js';
import type { Delivery, Settled } from '../broker.js';
import { type CtqError, type RemoteErrorInfo, ResultBackendError, TaskError } from '../errors.js';
import { decodeException, describeError, encodeException, exceptionRepr } from '../protocol/exception.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { type ChordPart, chordsOf, type Ending, type Outgoing } from '../result-backend.js';
import { resultsFirst } from '../settlement.js';
import { type Errbacks, requestOfBody } from './errbacks.js';
import { isTemporary, type Patience, patiently } from './patience.js';
import type { Request } from './request.js';
import type { ResultDocuments } from './result-document.js';
import type { PreparedMessage, WorkerParts } from './worker-parts.js';

export type ConclusionParts = Pick<WorkerParts, 'broker' | 'backend' | 'settlement' | 'producer' | 'settings' | 'logger' | 'clock'>;

/** A part of a chord that has ended, and what the chord is for. */
export interface EndedPart {
  readonly part: ChordPart;
  /** Read only when the chord is complete: all its parts carry the same. @throws ProtocolError when it is no signature. */
  body(): CanvasNode;
}

export interface Consequences {
  /** Results, the task's own among them. */
  readonly metas: readonly ResultMeta[];
  readonly chords: readonly PlannedChord[];
  readonly calls: readonly PlannedCall[];
  readonly parts: readonly EndedPart[];
}

export const NO_CONSEQUENCES: Consequences = { metas: [], chords: [], calls: [], parts: [] };

/** How the message is answered for. */
export type Answer =
  | { readonly kind: 'ack' | 'requeue-front' | 'requeue-back' | 'requeue-lost' }
  | { readonly kind: 'reject'; readonly reason: string }
  /** It was, before the run. */
  | { readonly kind: 'answered' };

/** What ended, as far as its end needs to know it. */
export type Ended = Pick<Request, 'id' | 'name' | 'delivery'> & Partial<Pick<Request, 'failure' | 'trace'>>;

/** The end under way. */
interface End {
  readonly request: Ended;
  readonly lineage: Lineage;
  readonly answer: Answer;
  readonly givenUp: () => boolean;
}

export class Conclusion {
  private readonly parts: ConclusionParts;
  private readonly documents: ResultDocuments;
  private readonly errbacks: Errbacks;

  constructor(parts: ConclusionParts, documents: ResultDocuments, errbacks: Errbacks) {
    this.parts = parts;
    this.documents = documents;
    this.errbacks = errbacks;
  }

  /** @throws ProtocolError when something cannot be written; nothing has been done then. */
  async conclude(end: End, consequences: Consequences): Promise<Settled> {
    const [first, ...others] = consequences.parts;
    const prepared = await this.prepare(end, consequences);
    for (const other of others) await this.report(end, other);
    if (first === undefined) return this.finish(end, prepared);
    const reply = await this.endPart(end, first, prepared);
    if (typeof reply === 'string') return reply;
    const chord = await this.afterChord(end, first, reply);
    for (const outer of chord.parts) await this.report(end, outer);
    const { metas, messages } = prepared;
    return this.finish(end, { ...chord, metas: [...metas, ...chord.metas], messages: [...messages, ...chord.messages] });
  }

  private async prepare(end: End, { metas, chords, calls }: Consequences): Promise<Prepared> {
    const { producer } = this.parts;
    if (chords.length > 0) await this.writeDown(end, chords);
    const messages = await Promise.all(
      calls.map(({ task, args, options }) =>
        following(end.request.trace ?? end.request.delivery.message.headers, () =>
          patiently(async () => producer.prepareCall(task, args, options), this.patience(end, `send ${task} after`)),
        ),
      ),
    );
    return { metas, messages, closes: undefined };
  }

  private async writeDown(end: End, chords: readonly PlannedChord[]): Promise<void> {
    const store = chordsOf(this.parts.backend);
    const patience = this.patience(end, 'write down the chord after');
    await Promise.all(
      chords.flatMap(({ groupId, size, header }) => [
        patiently(() => store.setSize(groupId, size), patience),
        ...(header === undefined ? [] : [patiently(() => store.saveGroup(groupId, treeOf(header)), patience)]),
      ]),
    );
  }

  private async endPart(end: End, { part }: EndedPart, prepared: Prepared): Promise<Settled | readonly ChordPart[]> {
    if (end.answer.kind !== 'ack') {
      await this.storeAll(end, prepared.metas);
      return (await this.reportPart(end, part)) ?? this.finish(end, prepared);
    }
    const { settlement } = this.parts;
    const reply = await patiently(
      () => settlement.endPart(end.request.delivery, part, endingOf(prepared, end)),
      this.patience(end, 'settle'),
    );
    if (reply === 'settled') await published(prepared);
    return reply;
  }

  private async finish(end: End, prepared: Prepared): Promise<Settled> {
    const { settlement } = this.parts;
    const { delivery } = end.request;
    let settled: Settled = 'settled';
    if (end.answer.kind === 'ack') {
      settled = await patiently(() => settlement.end(delivery, endingOf(prepared, end)), this.patience(end, 'settle'));
      if (settled === 'settled') await published(prepared);
      return settled;
    }
    await this.carryOut(end, prepared);
    switch (end.answer.kind) {
      case 'answered':
        if (end.request.failure !== undefined) await delivery.remember?.(end.request.failure);
        return 'settled';
      case 'reject':
        return delivery.reject(end.answer.reason);
      default:
        return giveBack(delivery, end.answer.kind);
    }
  }

  /** One by one, where nothing can be one step. */
  private async carryOut(end: End, prepared: Prepared): Promise<void> {
    const { broker } = this.parts;
    if (resultsFirst(prepared.metas)) await this.storeAll(end, prepared.metas);
    await Promise.all(
      prepared.messages.map(({ message, route }) =>
        patiently(() => broker.publish(message, route), this.patience(end, 'send what follows')),
      ),
    );
    await published(prepared);
    if (!resultsFirst(prepared.metas)) await this.storeAll(end, prepared.metas);
    const { closes } = prepared;
    if (closes !== undefined) await patiently(() => chordsOf(this.parts.backend).close(closes), this.patience(end, 'close the chord of'));
  }

  /** A part besides the delivery's own: what lies inside it, or around its chord. */
  private async report(end: End, ended: EndedPart): Promise<void> {
    const parts = await this.reportPart(end, ended.part);
    if (parts === undefined) return;
    const chord = await this.afterChord(end, ended, parts);
    for (const outer of chord.parts) await this.report(end, outer);
    await this.carryOut(end, chord);
  }

  private reportPart(end: End, part: ChordPart): Promise<readonly ChordPart[] | undefined> {
    return patiently(() => chordsOf(this.parts.backend).report(part), this.patience(end, 'report the part of a chord,'));
  }

  /** All parts are in: the body is called, or fails. */
  private async afterChord(end: End, ended: EndedPart, parts: readonly ChordPart[]): Promise<ChordEnd> {
    const { groupId } = ended.part;
    let body: CanvasNode;
    try {
      body = ended.body();
    } catch (error) {
      this.parts.logger.error("The body of chord '%s' cannot be read: %s", groupId, String(error));
      return { metas: [], messages: [], parts: [], closes: groupId };
    }
    const gathered = await this.passing(end, joinFailed, () => this.gather(end, groupId, parts));
    if (!Array.isArray(gathered)) return this.chordFailed(end, groupId, body, gathered as ChordFailure);
    const called = await this.passing(end, callbackFailed, () => {
      const { chords, sends } = callBody(body, gathered, end.lineage);
      return this.prepare(end, { ...NO_CONSEQUENCES, chords, calls: sends });
    });
    return 'messages' in called ? { ...called, closes: groupId, parts: [] } : this.chordFailed(end, groupId, body, called);
  }

  /** What is not there for now is waited for elsewhere; everything else fails the chord, not the part that came last. */
  private async passing<T>(
    { givenUp }: End,
    failure: (cause: RemoteErrorInfo) => ChordFailure,
    work: () => Promise<T>,
  ): Promise<T | ChordFailure> {
    try {
      return await work();
    } catch (error) {
      if (isTemporary(error) || givenUp()) throw error;
      return failure(describeError(error));
    }
  }

  private async chordFailed(end: End, groupId: string, body: CanvasNode, failure: ChordFailure): Promise<ChordEnd> {
    this.parts.logger.error("Chord '%s' raised: %s", groupId, exceptionRepr(failure.error));
    const lost = lostToChord(body, failure);
    const bodies = failedBodies(body).map((failed) => ({ failed, errbacks: this.errbacks.sort(failed.errbacks) }));
    const told = bodies.flatMap(({ failed, errbacks }) => this.told({ ...failed, errbacks: errbacks.toSend }, end));
    const prepared = await this.prepare(end, {
      metas: lost.map(({ taskId, error }) => this.documents.bare(taskId, 'FAILURE', error)),
      chords: told.flatMap(({ chords }) => chords),
      calls: told.flatMap(({ sends }) => sends),
      parts: [],
    });
    for (const { failed, errbacks } of bodies) {
      if (errbacks.toCall.length === 0) continue;
      await this.storeAll(end, prepared.metas);
      await this.errbacks.call(errbacks.toCall, { request: requestOfBody(failed), error: failure.error });
    }
    const parts = lost.flatMap(({ taskId, part, error }) => (part === undefined ? [] : [failedPartOf(taskId, part, error)]));
    return { ...prepared, closes: groupId, parts };
  }

  private told(failed: Parameters<typeof afterFailure>[0], end: End): readonly FollowUp[] {
    try {
      return [afterFailure(failed)];
    } catch (problem) {
      this.parts.logger.error('The errbacks of a chord could not be sent after %s: %s', end.request.id, String(problem));
      return [];
    }
  }

  /**
   * The results in order. A header with groups in it was saved: its results have its shape, and those that
   * did not come as parts are looked up (a group at the end of a chain, chord-keys #5).
   */
  private async gather(end: End, groupId: string, parts: readonly ChordPart[]): Promise<readonly unknown[] | ChordFailure> {
    const tree = await patiently(
      () => chordsOf(this.parts.backend).loadGroup(groupId),
      this.patience(end, 'look up the header of the chord of'),
    );
    if (tree === undefined) {
      const failed = failedPart(parts);
      return failed === undefined ? parts.map(({ result }) => result) : dependencyFailed(failed);
    }
    const known = new Map(parts.map((part) => [part.taskId, part]));
    await this.lookUp(tree, known);
    return shaped(tree, (taskId) => {
      const part = known.get(taskId);
      if (part !== undefined && part.status === 'SUCCESS') return part.result;
      throw part === undefined
        ? new ResultBackendError(`there is no result of ${taskId}`)
        : new TaskError(taskId, part.status, decodeException(part.result, null));
    }) as readonly unknown[];
  }

  private async lookUp(tree: ResultTree, known: Map<string, ChordPart>): Promise<void> {
    const { backend, settings } = this.parts;
    const missing = tasksIn(tree).filter((taskId) => !known.has(taskId));
    if (missing.length === 0) return;
    const [groupId] = tree[0];
    const signal = AbortSignal.timeout(Math.max(settings.resultChordJoinTimeout ?? DEFAULT_JOIN_TIMEOUT_S, 0) * 1000);
    setMaxListeners(0, signal);
    const timedOut = describedTimeout();
    const metas = await Promise.all(
      missing.map((taskId) =>
        backend.wait(taskId, { signal }).catch((error: unknown) => {
          throw signal.aborted ? timedOut : error;
        }),
      ),
    );
    for (const { taskId, status, result } of metas) known.set(taskId, { groupId, taskId, groupIndex: null, status, result });
  }

  private async storeAll(end: End, metas: readonly ResultMeta[]): Promise<void> {
    for (const meta of metas) await patiently(() => this.parts.backend.store(meta), this.patience(end, 'store the result of'));
  }

  private patience({ request, givenUp }: End, verb: string): Patience {
    const { clock, logger } = this.parts;
    return { clock, logger, what: `${verb} task ${request.name}[${request.id}]`, givenUp };
  }
}

/** Celery's `result_chord_join_timeout`. */
const DEFAULT_JOIN_TIMEOUT_S = 3;

interface Prepared {
  readonly metas: readonly ResultMeta[];
  readonly messages: readonly PreparedMessage[];
  readonly closes: string | undefined;
}

/** What a complete chord leads to; its body may itself have been a part of another chord. */
interface ChordEnd extends Prepared {
  readonly parts: readonly EndedPart[];
}

function endingOf({ metas, messages, closes }: Prepared, { request: { failure } }: End): Ending {
  const sends: readonly Outgoing[] = messages;
  return closes === undefined ? { metas, sends, failure } : { metas, sends, closes, failure };
}

async function published({ messages }: Prepared): Promise<void> {
  for (const message of messages) await message.published();
}

/** A task that failed without having run, as a part of its chord. */
export function failedPartOf(taskId: string, { groupId, groupIndex, body }: ChordMembership, error: RemoteErrorInfo): EndedPart {
  return { part: { groupId, taskId, groupIndex, status: 'FAILURE', result: encodeException(error) }, body: () => body };
}

function describedTimeout(): CtqError {
  return new TaskError('', 'FAILURE', {
    type: 'TimeoutError',
    args: ['The operation timed out.'],
    module: 'celery.exceptions',
    traceback: null,
  });
}

/** A message that killed whoever ran it has that counted against it (`maxDeliveries`). */
export function giveBack(delivery: Delivery, how: 'requeue-front' | 'requeue-back' | 'requeue-lost'): Promise<Settled> {
  if (how === 'requeue-lost') return delivery.requeue('front', 'death');
  return delivery.requeue(how === 'requeue-front' ? 'front' : 'back');
}
