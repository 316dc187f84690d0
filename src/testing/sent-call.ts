/** What a test is told of a task that was sent: the call as a worker would read it. */
import { acceptedContent } from '../protocol/serializers.js';
import { decodeTaskMessage, type TaskMessage } from '../protocol/task-message.js';
import type { PublishSignal } from '../signals.js';

/** A task that was sent: by the test, by the code under test, by another task, by a retry or a chain. */
export interface SentCall {
  readonly id: string;
  /** Its name. */
  readonly task: string;
  /** As the worker reads them: they have been through the serializer. */
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Where it was sent to: the queue's name, on a direct exchange. */
  readonly routingKey: string;
  readonly exchange: string;
  /** When it may run at the earliest, also where the kit does not wait for that. */
  readonly eta: Date | null;
  readonly expires: Date | null;
  readonly priority: number | null;
  /** 0 for the first try. */
  readonly retries: number;
  readonly parentId: string | null;
  readonly rootId: string;
  /** All headers of the message by their wire names, your own among them. */
  readonly headers: Readonly<Record<string, unknown>>;
}

const ACCEPT = acceptedContent(['json', 'yaml', 'msgpack']);

/** A promise only for a message that was compressed. */
export function sentCall(signal: PublishSignal): SentCall | Promise<SentCall> {
  const { headers, properties, contentType, contentEncoding, body } = signal;
  const message = { headers: { ...headers }, properties, contentType, contentEncoding, body: body as Uint8Array };
  const task = decodeTaskMessage(message, { accept: ACCEPT });
  return task instanceof Promise ? task.then((read) => callOf(read, signal)) : callOf(task, signal);
}

function callOf(message: TaskMessage, { exchange, routingKey, properties }: PublishSignal): SentCall {
  const { id, task, args, kwargs, eta, expires, retries, parentId, rootId, headers } = message;
  const { priority } = properties as { readonly priority?: number };
  return {
    ...{ id, task, args, kwargs, routingKey, exchange },
    ...{ eta: dateOf(eta), expires: dateOf(expires), priority: priority ?? null },
    ...{ retries, parentId, rootId, headers: { ...headers } },
  };
}

function dateOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
