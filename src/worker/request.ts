/**
 * One delivered task, from its arrival to its last word. Owns the acknowledgement: `acked` says whether
 * the message is answered for, and nobody answers for it twice.
 */
import type { Delivery } from '../broker.js';
import type { FailureRecord } from '../estate/failed-task.js';
import type { Invocation, TaskRequest } from '../execution/invocation.js';
import type { AbortReason, PoolWatch } from '../pool.js';
import type { TaskMessage } from '../protocol/task-message.js';
import { milliseconds, type TaskPlan } from './task-plan.js';

/** What a request tells the worker while it runs. */
export interface RequestListener {
  accepted(request: Request, pid: number): void;
  softLimitExceeded(request: Request, limitMs: number): void;
}

export class Request implements PoolWatch {
  readonly delivery: Delivery;
  readonly plan: TaskPlan;
  readonly id: string;
  /** When it arrived, on the monotonic clock. */
  readonly receivedMs: number;
  /** Not to be begun before; milliseconds since 1970, 0 for at once. */
  readonly etaMs: number;
  /** Not to be begun after; Infinity for always. */
  readonly expiresMs: number;
  /** Read when the run begins: what is discarded before is never decoded. */
  message: TaskMessage | undefined;
  /** On the monotonic clock; 0 until it runs. */
  startedMs = 0;
  pid = 0;
  /** The message has been answered for: before the run, or with its outcome. */
  acked = false;
  /** Somebody else has the message: nothing of this run counts any more. */
  fenced = false;
  /** Hands back what it needed to run: a permit of a task that runs only so many times at once. */
  release: (() => void) | undefined;
  /** It was cut off by a stop and goes back to its queue. */
  aborted: AbortReason | undefined;
  /** The signal that an operator ended it with. */
  terminatedBy: string | undefined;
  /** STARTED on its way to the store: the final state must come after it. */
  storing: Promise<unknown> | undefined;
  /** It has failed for good, and is kept with this. */
  failure: FailureRecord | undefined;
  /** Of its run, where somebody traces. */
  trace: Readonly<Record<string, string>> | undefined;
  abort: ((reason: AbortReason, signal?: string) => void) | undefined;
  private readonly listener: RequestListener;

  constructor(
    delivery: Delivery,
    plan: TaskPlan,
    about: { readonly id: string; readonly receivedMs: number; readonly etaMs: number; readonly expiresMs: number },
    listener: RequestListener,
  ) {
    this.delivery = delivery;
    this.plan = plan;
    this.id = about.id;
    this.receivedMs = about.receivedMs;
    this.etaMs = about.etaMs;
    this.expiresMs = about.expiresMs;
    this.listener = listener;
  }

  /** The registered name. */
  get task(): string {
    return this.plan.task.name;
  }

  /** The name for people: `shadow` where the sender gave one. */
  get name(): string {
    const shadow = this.message === undefined ? this.delivery.message.headers['shadow'] : this.message.shadow;
    return typeof shadow === 'string' && shadow !== '' ? shadow : this.task;
  }

  get running(): boolean {
    return this.startedMs > 0;
  }

  started(pid: number): void {
    this.pid = pid;
    this.plan.begun += 1;
    this.listener.accepted(this, pid);
  }

  softLimitExceeded(limitMs: number): void {
    this.listener.softLimitExceeded(this, limitMs);
  }

  /** It runs no more, or never will here. */
  letGo(): void {
    this.release?.();
    this.release = undefined;
  }

  /** An operator does not want it any more; it may stop by itself. */
  revoke(): void {
    this.abort?.('revoked');
  }

  /** An operator wants it ended, and nothing of it back. */
  terminate(signal: string): void {
    this.terminatedBy ??= signal;
    this.abort?.('terminated', signal);
  }

  /** Ends the run from outside, or what there is of it. */
  cutOff(reason: AbortReason): void {
    this.aborted ??= reason;
    this.abort?.(reason);
  }
}

/** These deliveries have other owners now: what is under way here counts no more. */
export function fence(deliveries: ReadonlySet<unknown>, requests: readonly Request[]): void {
  for (const request of requests) {
    if (!deliveries.has(request.delivery)) continue;
    request.fenced = true;
    request.cutOff('fenced');
  }
}

/** What the pool is asked to run. */
export function invocationOf(request: Request, message: TaskMessage, hostname: string): Invocation {
  const { plan } = request;
  const [hard, soft] = message.timelimit;
  return {
    id: message.id,
    taskName: plan.task.name,
    args: message.args,
    kwargs: message.kwargs,
    request: new RequestView(request.delivery, message, hostname),
    softTimeLimitMs: milliseconds(soft) ?? plan.softTimeLimitMs,
    timeLimitMs: milliseconds(hard) ?? plan.timeLimitMs,
  };
}

/** `task.request` as a view of the message: most tasks never look, so nothing is copied for them. */
export class RequestView implements TaskRequest {
  private readonly delivery: Delivery;
  private readonly message: TaskMessage;
  readonly hostname: string;

  constructor(delivery: Delivery, message: TaskMessage, hostname: string) {
    this.delivery = delivery;
    this.message = message;
    this.hostname = hostname;
  }

  get id(): string {
    return this.message.id;
  }
  get task(): string {
    return this.message.task;
  }
  get args(): readonly unknown[] {
    return this.message.args;
  }
  get kwargs(): Readonly<Record<string, unknown>> {
    return this.message.kwargs;
  }
  get shadow(): string | null {
    return this.message.shadow;
  }
  get retries(): number {
    return this.message.retries;
  }
  get eta(): string | null {
    return this.message.eta;
  }
  get expires(): string | null {
    return this.message.expires;
  }
  get group(): string | null {
    return this.message.group;
  }
  get groupIndex(): number | null {
    return this.message.groupIndex;
  }
  get rootId(): string {
    return this.message.rootId;
  }
  get parentId(): string | null {
    return this.message.parentId;
  }
  get correlationId(): string {
    return this.delivery.message.properties.correlationId ?? this.message.id;
  }
  get replyTo(): string | null {
    return this.delivery.message.properties.replyTo ?? null;
  }
  get origin(): string | null {
    return this.message.origin;
  }
  get ignoreResult(): boolean {
    return this.message.ignoreResult;
  }
  get timelimit(): readonly [number | null, number | null] {
    return this.message.timelimit;
  }
  get deliveryInfo(): TaskRequest['deliveryInfo'] {
    const { deliveryInfo, priority } = this.delivery.message.properties;
    return {
      exchange: deliveryInfo?.exchange ?? '',
      routingKey: deliveryInfo?.routingKey ?? this.delivery.queue,
      priority: priority ?? 0,
      redelivered: this.delivery.redelivered,
    };
  }
  get headers(): Readonly<Record<string, unknown>> {
    return this.message.headers;
  }
  get callbacks(): readonly unknown[] | null {
    return this.message.callbacks;
  }
  get errbacks(): readonly unknown[] | null {
    return this.message.errbacks;
  }
  get chain(): readonly unknown[] | null {
    return this.message.chain;
  }
  get chord(): unknown {
    return this.message.chord;
  }
  get replacedTaskNesting(): number {
    return this.message.replacedTaskNesting;
  }
  get stampedHeaders(): readonly string[] | null {
    return this.message.stampedHeaders;
  }
  get stamps(): Readonly<Record<string, unknown>> {
    return this.message.stamps;
  }
  get isEager(): boolean {
    return false;
  }
  get deliveryCount(): number {
    return this.delivery.redeliveryCount;
  }
}
