/** What `ctq find --json` prints: the same keys whatever was found. */
import type { TaskPlace } from '../../estate/tasks.js';
import { parseIsoDate } from '../../protocol/iso-date.js';
import { isRecord, textOr } from '../../protocol/record.js';
import { isReady, STARTED } from '../../protocol/states.js';
import { idsIn, resultDocument } from '../result-document.js';
import type { Located, WorkerAnswer } from './locate.js';

/** In one word; the surest knowledge first. */
export type Where = 'done' | 'running' | 'reserved' | 'delayed' | 'queued' | 'dead letter' | 'revoked' | 'unknown';

export interface FindDocument {
  readonly id: string;
  readonly task: string | null;
  readonly where: Where;
  readonly state: string | null;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly result: unknown;
  readonly date_done: string | null;
  readonly result_ttl_ms: number | null;
  readonly worker: string | null;
  readonly retries: number | null;
  readonly places: readonly Readonly<Record<string, unknown>>[];
  /** Null when nobody was asked. */
  readonly workers: readonly Readonly<Record<string, unknown>>[] | null;
  readonly parent: string | null;
  readonly root: string | null;
  readonly group: string | null;
  readonly children: readonly string[];
  readonly chord: Readonly<Record<string, unknown>> | null;
  readonly revoked: boolean;
  readonly failed_at: string | null;
  readonly dead_letters: readonly Readonly<Record<string, unknown>>[];
  /** How far queues were looked through; null when there was no need to. */
  readonly search: { readonly searched: number; readonly total: number } | null;
}

/** The state of a result that is no JSON; see estates/stored-result.ts. */
export const UNREADABLE = 'UNREADABLE';

export function whereIs({ result, workers = [], places, deadLetters, revoked, failedAtMs }: Located, nowMs: number): Where {
  if (result !== undefined && (isReady(result.status) || result.status === UNREADABLE)) return 'done';
  if (workers.some(({ state }) => state === 'active')) return 'running';
  if (places.some(({ place }) => place === 'delayed')) return 'delayed';
  // Python's workers hold these, and do not count them among what they hold.
  if (places.some((place) => place.place === 'unacked' && (etaOf(place) ?? 0) > nowMs)) return 'delayed';
  const isHeld = workers.length > 0 || places.some(({ place }) => place === 'unacked');
  if (isHeld) return result?.status === STARTED ? 'running' : 'reserved';
  if (places.length > 0) return 'queued';
  if (deadLetters.length > 0 || failedAtMs !== undefined) return 'dead letter';
  if (revoked) return 'revoked';
  return result?.status === STARTED ? 'running' : 'unknown';
}

/** Of the message, in milliseconds since 1970. */
export function etaOf({ message }: TaskPlace): number | undefined {
  const eta = message?.headers['eta'];
  return typeof eta === 'string' ? parseIsoDate(eta)?.getTime() : undefined;
}

export function findDocument(located: Located, nowMs: number): FindDocument {
  const { taskId, result, message, workers, chord, search } = located;
  const stored = resultDocument(taskId, result);
  const headers = message?.headers ?? {};
  return {
    id: taskId,
    task: message?.task ?? result?.extended?.name ?? workers?.find(({ name }) => name !== undefined)?.name ?? null,
    where: whereIs(located, nowMs),
    state: result?.status ?? null,
    args: message?.args ?? result?.extended?.args ?? null,
    kwargs: message?.kwargs ?? result?.extended?.kwargs ?? null,
    result: stored.result,
    date_done: stored.date_done,
    result_ttl_ms: typeof located.resultTtlMs === 'number' ? located.resultTtlMs : null,
    worker: result?.extended?.worker ?? null,
    retries: result?.extended?.retries ?? (typeof headers['retries'] === 'number' ? headers['retries'] : null),
    places: located.places.map(placeDocument),
    workers: workers?.map(workerDocument) ?? null,
    parent: textOr(headers['parent_id'], null) ?? result?.parentId ?? null,
    root: textOr(headers['root_id'], null),
    group: textOr(headers['group'], null) ?? result?.groupId ?? null,
    children: (result?.children ?? []).flatMap(idsIn),
    chord: chord === undefined ? null : { group: chord.groupId, done: chord.done, size: chord.size ?? null, body: bodyOf(message?.chord) },
    revoked: located.revoked,
    failed_at: instant(located.failedAtMs),
    dead_letters: located.deadLetters.map(({ queue, reason, atMs }) => ({ queue, reason, at: instant(atMs) })),
    search: search ?? null,
  };
}

function placeDocument({
  place,
  queue,
  priority,
  position,
  among,
  owner,
  takenAtMs,
  dueAtMs,
  publishedAtMs,
  message,
}: TaskPlace): Record<string, unknown> {
  return {
    ...{ place, queue, priority, position: place === 'ready' ? position : null, among: among ?? null, owner: owner ?? null },
    ...{ taken_at: instant(takenAtMs), due_at: instant(dueAtMs), published_at: instant(publishedAtMs) },
    ...{ eta: textOr(message?.headers['eta'], null), expires: textOr(message?.headers['expires'], null) },
  };
}

function workerDocument({ node, state, startedAtMs, pid }: WorkerAnswer): Record<string, unknown> {
  return { node, state, started_at: instant(startedAtMs), pid: pid ?? null };
}

/** The task that runs when all parts are in. */
function bodyOf(signature: unknown): { readonly task: string; readonly id: string | null } | null {
  if (!isRecord(signature) || typeof signature['task'] !== 'string') return null;
  const { options } = signature;
  return { task: signature['task'], id: isRecord(options) ? textOr(options['task_id'], null) : null };
}

function instant(ms: number | undefined): string | null {
  return ms === undefined || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString();
}
