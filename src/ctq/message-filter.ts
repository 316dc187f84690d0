/** Which messages of a queue are meant, by what they say of themselves. */
import type { StoredMessage } from '../estate/messages.js';
import { peekTask } from '../protocol/task-message.js';
import { parseJson } from '../protocol/kombu-json.js';
import { isRecord } from '../protocol/record.js';
import { matchesGlob } from '../remote-control/matcher.js';

export interface FilterTerms {
  /** A glob over task names. */
  readonly task?: string | undefined;
  /** Only those sent before this moment. */
  readonly sentBeforeMs?: number | undefined;
}

export interface MessageFilter {
  readonly wants: (message: StoredMessage) => boolean;
  /** Messages that were left alone because they do not say when they were sent. */
  readonly ageless: () => number;
}

/** undefined when all are meant. */
export function messageFilter({ task, sentBeforeMs }: FilterTerms): MessageFilter | undefined {
  if (task === undefined && sentBeforeMs === undefined) return undefined;
  // One may be looked at twice when workers take from the queue meanwhile.
  const ageless = new Set<string>();
  return {
    ageless: () => ageless.size,
    wants(stored) {
      if (task !== undefined && !matchesGlob(taskNameOf(stored) ?? '', task)) return false;
      if (sentBeforeMs === undefined) return true;
      if (stored.publishedAtMs !== undefined) return stored.publishedAtMs < sentBeforeMs;
      const { message, queue, priority, position } = stored;
      ageless.add(message?.properties.deliveryTag ?? `${queue} ${priority} ${position}`);
      return false;
    },
  };
}

/** In the headers, or in a body of protocol 1. */
export function taskNameOf({ message }: StoredMessage): string | undefined {
  if (message === undefined) return undefined;
  const named = peekTask(message)?.task ?? message.headers['task'];
  if (typeof named === 'string') return named;
  if (message.contentType !== 'application/json') return undefined;
  try {
    const body = parseJson(Buffer.from(message.body).toString('utf8'));
    return isRecord(body) && typeof body['task'] === 'string' ? body['task'] : undefined;
  } catch {
    return undefined;
  }
}
