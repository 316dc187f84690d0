/** The document that a result backend keeps for a task (WIRE 7.1). */
import { ProtocolError } from '../errors.js';
import { parseJson, stringifyJson } from './kombu-json.js';
import { isRecord, textOr } from './record.js';

/** `[[id, parent tree or null], members or null]`: a task, or a group with its members (WIRE 7.4). */
export type ResultTree = readonly [readonly [id: string, parent: ResultTree | null], members: readonly ResultTree[] | null];

/** What is stored of a task: state, value or error, and, with `result_extended`, what was called. */
export interface ResultMeta {
  readonly taskId: string;
  /** A word of `states.ts` or the task's own. */
  readonly status: string;
  /** For FAILURE, RETRY and REVOKED an encoded exception; see `exception.ts`. */
  readonly result: unknown;
  readonly traceback: string | null;
  /** Tasks that this one sent. */
  readonly children: readonly ResultTree[] | null;
  /** ISO text; null until the state is final. */
  readonly dateDone: string | null;
  readonly groupId?: string;
  readonly parentId?: string;
  /** Only with `result_extended`. */
  readonly extended?: ExtendedMeta;
  /** Where it is sent, by backends that keep nothing; no part of the document. */
  readonly reply?: ReplyTo;
  /** Only with `result_extended`, for a stamped task; each is a key of its own on the wire. */
  readonly stamps?: Readonly<Record<string, unknown>>;
}

/** A caller's own queue, and what the caller knows the task by. */
export interface ReplyTo {
  readonly queue: string;
  readonly correlationId: string;
}

export interface ExtendedMeta {
  readonly name: string | null;
  readonly args: unknown;
  readonly kwargs: unknown;
  /** Node name of the worker. */
  readonly worker: string | null;
  readonly retries: number | null;
  /** The message's routing key. */
  readonly queue: string | null;
}

/** In the order in which Celery 5.6 writes the keys. */
export function encodeResultMeta(meta: ResultMeta): string {
  const { children, extended, stamps } = meta;
  let out = `{"status": ${JSON.stringify(meta.status)}, "result": ${stringifyJson(meta.result)}, "traceback": ${
    meta.traceback === null ? 'null' : JSON.stringify(meta.traceback)
  }, "children": ${children === null ? 'null' : children.length === 0 ? '[]' : stringifyJson(children)}, "date_done": ${
    meta.dateDone === null ? 'null' : `"${meta.dateDone}"`
  }`;
  if (meta.groupId !== undefined) out += `, "group_id": ${JSON.stringify(meta.groupId)}`;
  if (meta.parentId !== undefined) out += `, "parent_id": ${JSON.stringify(meta.parentId)}`;
  if (extended !== undefined) {
    const { name, args, kwargs, worker, retries, queue } = extended;
    out += `, ${stringifyJson({ name, args, kwargs, worker, retries, queue }).slice(1, -1)}`;
  }
  if (stamps !== undefined && Object.keys(stamps).length > 0) {
    out += `, "stamped_headers": ${stringifyJson(Object.keys(stamps))}`;
    for (const [name, value] of Object.entries(stamps)) {
      if (!META_KEYS.has(name)) out += `, ${JSON.stringify(name)}: ${stringifyJson(value ?? null)}`;
    }
  }
  return `${out}, "task_id": ${JSON.stringify(meta.taskId)}}`;
}

const META_KEYS: ReadonlySet<string> = new Set([
  'status',
  'result',
  'traceback',
  'children',
  'date_done',
  'group_id',
  'parent_id',
  'name',
  'args',
  'kwargs',
  'worker',
  'retries',
  'queue',
  'stamped_headers',
  'task_id',
]);

/**
 * Reads what either version of Celery stored.
 *
 * @param taskId - The id that the key was looked up by; used where the document has none.
 */
export function decodeResultMeta(text: string, taskId: string): ResultMeta {
  const document = parseJson(text);
  if (!isRecord(document)) throw malformed(taskId, 'is not a JSON object');
  const status = document['status'];
  if (typeof status !== 'string') throw malformed(taskId, 'has no status');
  const extended = decodeExtended(document);
  const stamps = decodeStamps(document);
  return {
    taskId: textOr(document['task_id'], taskId),
    status,
    result: document['result'] ?? null,
    traceback: textOr(document['traceback'], null),
    children: Array.isArray(document['children']) ? document['children'].filter(isResultTree) : null,
    dateDone: textOr(document['date_done'], null),
    ...(typeof document['group_id'] === 'string' ? { groupId: document['group_id'] } : {}),
    ...(typeof document['parent_id'] === 'string' ? { parentId: document['parent_id'] } : {}),
    ...(extended === undefined ? {} : { extended }),
    ...(stamps === undefined ? {} : { stamps }),
  };
}

function decodeExtended(document: Readonly<Record<string, unknown>>): ExtendedMeta | undefined {
  if (!Object.hasOwn(document, 'name') && !Object.hasOwn(document, 'worker')) return undefined;
  return {
    name: textOr(document['name'], null),
    args: document['args'] ?? null,
    kwargs: document['kwargs'] ?? null,
    worker: textOr(document['worker'], null),
    retries: typeof document['retries'] === 'number' ? document['retries'] : null,
    queue: textOr(document['queue'], null),
  };
}

function decodeStamps(document: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const names = document['stamped_headers'];
  if (!Array.isArray(names) || names.length === 0) return undefined;
  return Object.fromEntries(names.filter((name): name is string => typeof name === 'string').map((name) => [name, document[name] ?? null]));
}

/** Trees come from strangers: what does not have the shape is left out, so that nobody walks into it. */
export function isResultTree(value: unknown): value is ResultTree {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [self, members] = value as readonly unknown[];
  if (!Array.isArray(self) || typeof self[0] !== 'string') return false;
  const parent: unknown = self[1] ?? null;
  if (parent !== null && !isResultTree(parent)) return false;
  return members === null || (Array.isArray(members) && members.every(isResultTree));
}

function malformed(taskId: string, what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', `the stored result of ${taskId} ${what}`);
}
