/**
 * A removed message as a line of its copy. `purged` has it byte for byte, for `ctq purge --undo`; what
 * stands beside it is the call as `ctq send --batch` takes it, where that would say all of it.
 */
import { isUtf8 } from 'node:buffer';
import type { RemovedMessage } from '../../estate/messages.js';
import { stringifyJson } from '../../protocol/kombu-json.js';
import { describeMessage, type MessageDescription } from '../../protocol/message-description.js';
import { isRecord } from '../../protocol/record.js';

export interface PurgedMessage {
  /** Names the purge. */
  readonly purge: string;
  readonly broker: string;
  readonly number: number;
  readonly queue: string;
  readonly place: 'ready' | 'delayed';
  readonly priority: number;
  /** Milliseconds since 1970. */
  readonly published: number | null;
  readonly due: number | null;
  readonly whereabouts: Readonly<Record<string, string | number>>;
  /** The message as text, or in base64 when it is none. */
  readonly text?: string;
  readonly base64?: string;
}

export async function copyLine(message: RemovedMessage, purge: string, broker: string): Promise<string> {
  const { number, queue, priority, raw, publishedAtMs = null, dueAtMs = null, whereabouts = {} } = message;
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const purged: PurgedMessage = {
    ...{ purge, broker, number, queue, place: message.place === 'delayed' ? 'delayed' : 'ready', priority },
    ...{ published: publishedAtMs, due: dueAtMs, whereabouts },
    ...(isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }),
  };
  const call = message.message === undefined ? undefined : callOf(message, await describeMessage(message.message));
  return call === undefined
    ? `{"purged": ${JSON.stringify(purged)}}\n`
    : `{"task": ${JSON.stringify(call.task)}, "args": ${stringifyJson(call.args)}, "kwargs": ${stringifyJson(call.kwargs)}, ` +
        `"options": ${stringifyJson(call.options)}, "purged": ${JSON.stringify(purged)}}\n`;
}

interface Call {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** undefined when a line could not say it: a body that is not read, a step of a chain, a part of a chord. */
function callOf({ queue }: RemovedMessage, described: MessageDescription): Call | undefined {
  const { task, id, args, kwargs, chain, chord, problem, pickle, headers, properties } = described;
  if (task === null || problem !== null || pickle !== null || !Array.isArray(args) || !isRecord(kwargs)) return undefined;
  if ((chain?.length ?? 0) > 0 || (chord !== null && chord !== undefined)) return undefined;
  const [hard, soft] = Array.isArray(headers['timelimit']) ? (headers['timelimit'] as readonly unknown[]) : [];
  const options: Record<string, unknown> = {
    ...{ task_id: id, queue, priority: properties['priority'] },
    ...{ eta: headers['eta'], expires: headers['expires'], shadow: headers['shadow'] },
    ...{ root_id: headers['root_id'], parent_id: headers['parent_id'], group_id: headers['group'] },
    ...{ time_limit: hard, soft_time_limit: soft, reply_to: properties['reply_to'] },
    link: nonEmpty(described.callbacks),
    link_error: nonEmpty(described.errbacks),
    ignore_result: headers['ignore_result'] === true ? true : undefined,
  };
  return {
    task,
    args,
    kwargs,
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null && value !== '')),
  };
}

function nonEmpty(list: readonly unknown[] | null): readonly unknown[] | undefined {
  return list === null || list.length === 0 ? undefined : list;
}

/** undefined for a line that is not one of a copy. */
export function readCopyLine(text: string): PurgedMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const purged = isRecord(value) ? value['purged'] : undefined;
  if (!isRecord(purged)) return undefined;
  const { purge, broker, number, queue, place, priority, published, due, whereabouts, text: raw, base64 } = purged;
  const sound =
    typeof purge === 'string' && typeof broker === 'string' && typeof queue === 'string' && queue !== '' && Number.isSafeInteger(number);
  if (!sound || (place !== 'ready' && place !== 'delayed') || typeof priority !== 'number') return undefined;
  if (typeof raw !== 'string' && typeof base64 !== 'string') return undefined;
  return {
    ...{ purge, broker, number: number as number, queue, place, priority },
    ...{ published: typeof published === 'number' ? published : null, due: typeof due === 'number' ? due : null },
    whereabouts: isRecord(whereabouts) ? (whereabouts as Readonly<Record<string, string | number>>) : {},
    ...(typeof raw === 'string' ? { text: raw } : { base64: base64 as string }),
  };
}

export function removedMessage(purged: PurgedMessage): RemovedMessage {
  const { number, queue, place, priority, published, due, whereabouts, text, base64 } = purged;
  return {
    ...{ number, queue, place, priority, position: number, whereabouts, message: undefined },
    raw: text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text, 'utf8'),
    ...(published === null ? {} : { publishedAtMs: published }),
    ...(due === null ? {} : { dueAtMs: due }),
  };
}
