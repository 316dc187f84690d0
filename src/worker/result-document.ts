/** What is stored about a request (WIRE 7.1). */
import type { Clock } from '../clock.js';
import type { RemoteErrorInfo } from '../errors.js';
import type { TaskRequest } from '../execution/invocation.js';
import { encodeException } from '../protocol/exception.js';
import { formatIsoDate } from '../protocol/iso-date.js';
import type { MessageProperties } from '../protocol/message.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { READY_STATES } from '../protocol/states.js';
import type { ResultBackend } from '../result-backend.js';
import type { Request } from './request.js';

const NO_CHILDREN: readonly ResultTree[] = [];

export interface DocumentOptions {
  readonly clock: Clock;
  readonly nodename: string;
  readonly settings: { readonly resultExtended: boolean };
  readonly backend: Pick<ResultBackend, 'listen'>;
}

export class ResultDocuments {
  private readonly options: Pick<DocumentOptions, 'clock' | 'nodename'> & {
    readonly extended: boolean;
    /** Whether results are sent to who asked for them. */
    readonly addressed: boolean;
  };
  private dateMs = 0;
  private dateText = '';

  constructor({ clock, nodename, settings, backend }: DocumentOptions) {
    this.options = { clock, nodename, extended: settings.resultExtended, addressed: backend.listen !== undefined };
  }

  value(request: Request, status: string, result: unknown, children: readonly ResultTree[] = NO_CHILDREN): ResultMeta {
    return this.document(request, status, result, null, children);
  }

  exception(request: Request, status: string, error: RemoteErrorInfo | null, children: readonly ResultTree[] = NO_CHILDREN): ResultMeta {
    return this.document(request, status, error === null ? null : encodeException(error), error?.traceback ?? null, children);
  }

  /** A state that a task has given itself. */
  ownState(request: TaskRequest, status: string, result: unknown): ResultMeta {
    const { id: taskId, group, parentId, args, kwargs, retries, stampedHeaders, stamps } = request;
    const queue = request.deliveryInfo.routingKey;
    const extended = { name: request.task, args, kwargs, worker: this.options.nodename, retries, queue };
    return {
      ...{ taskId, status, result: result ?? null, traceback: null, children: NO_CHILDREN, dateDone: null },
      ...(group === null ? {} : { groupId: group }),
      ...(parentId === null ? {} : { parentId }),
      ...(this.options.extended ? { extended } : {}),
      ...(this.options.extended && stampedHeaders !== null && stampedHeaders.length > 0 ? { stamps } : {}),
      ...this.reply(request.replyTo, request.correlationId),
    };
  }

  /**
   * For an id of which nothing else is known, or that belongs to another message.
   *
   * @param properties - Of the message that asks for it, where there is one.
   */
  bare(taskId: string, status: string, error: RemoteErrorInfo, properties: MessageProperties = {}): ResultMeta {
    const extended = { name: null, args: null, kwargs: null, worker: null, retries: null, queue: null };
    return {
      taskId,
      status,
      result: encodeException(error),
      traceback: error.traceback,
      children: NO_CHILDREN,
      dateDone: this.now(),
      ...(this.options.extended ? { extended } : {}),
      ...this.reply(properties.replyTo ?? null, taskId),
    };
  }

  private document(
    request: Request,
    status: string,
    result: unknown,
    traceback: string | null,
    children: readonly ResultTree[],
  ): ResultMeta {
    const meta = { taskId: request.id, status, result, traceback, children, dateDone: READY_STATES.has(status) ? this.now() : null };
    const { message } = request;
    const { headers } = request.delivery.message;
    const group = message === undefined ? headers['group'] : message.group;
    const parent = message === undefined ? headers['parent_id'] : message.parentId;
    if (typeof group !== 'string' && typeof parent !== 'string' && !this.options.extended && !this.options.addressed) return meta;
    const { replyTo = null, correlationId = request.id } = request.delivery.message.properties;
    return {
      ...meta,
      ...(typeof group === 'string' ? { groupId: group } : {}),
      ...(typeof parent === 'string' ? { parentId: parent } : {}),
      ...(this.options.extended ? this.extension(request) : {}),
      ...this.reply(replyTo, correlationId),
    };
  }

  private reply(queue: string | null, correlationId: string): Pick<ResultMeta, 'reply'> {
    return this.options.addressed && queue !== null && queue !== '' ? { reply: { queue, correlationId } } : {};
  }

  private extension({ message, delivery, task }: Request): Pick<ResultMeta, 'extended' | 'stamps'> {
    return {
      extended: {
        name: task,
        args: message?.args ?? null,
        kwargs: message?.kwargs ?? null,
        worker: this.options.nodename,
        retries: message?.retries ?? 0,
        queue: delivery.message.properties.deliveryInfo?.routingKey ?? delivery.queue,
      },
      ...(message === undefined || message.stampedHeaders === null || message.stampedHeaders.length === 0
        ? {}
        : { stamps: message.stamps }),
    };
  }

  /** Many tasks end in one millisecond: its text is made once. */
  private now(): string {
    const nowMs = this.options.clock.nowMs();
    if (nowMs !== this.dateMs) {
      this.dateMs = nowMs;
      this.dateText = formatIsoDate(nowMs);
    }
    return this.dateText;
  }
}
