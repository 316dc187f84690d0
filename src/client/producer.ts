/**
 * Sends tasks: options → route → message → broker. Above it nobody knows a byte, below it nobody knows
 * a task. Synchronous up to the publish, so that the calls of one tick travel together.
 */
import type { Broker, Queue, Route } from '../broker.js';
import type { PlannedCall } from '../canvas/plan.js';
import { BrokerError, ConfigError } from '../errors.js';
import type { TaskRequest } from '../execution/invocation.js';
import type { Message } from '../protocol/message.js';
import { newId } from '../protocol/oid.js';
import type { ResultTree } from '../protocol/result-meta.js';
import type { RoutedTask } from '../routing/router.js';
import type { PublishSignal, Signals } from '../signals.js';
import { openTelemetry } from '../tracing/open-telemetry.js';
import { beginSend } from '../tracing/spans.js';
import type { ApplyAsyncOptions, RetryPolicy } from './apply-async-options.js';
import { type Draft, Drafts, type DraftParts, type DraftSettings } from './drafts.js';

/** The settings that sending reads, by their names in `config/settings.ts`. */
export interface ProducerSettings extends DraftSettings {
  readonly taskInheritParentPriority: boolean;
  readonly taskAlwaysEager: boolean;
  readonly taskPublishRetry: boolean;
  readonly taskPublishRetryPolicy: RetryPolicy;
}

export interface ProducerParts extends DraftParts {
  readonly settings: ProducerSettings;
  readonly broker: () => Promise<Broker>;
  /** The task that runs here and now, whose child a call becomes. */
  readonly runningTask: () => RunningTask | undefined;
  readonly signals: Signals;
  /** Told of each message that the broker has, where somebody wants to know. */
  readonly sent?: (message: Message, queue: Queue, route: Route) => void;
}

/** The part of a running task that its children are told of. */
export interface RunningTask {
  readonly request: TaskRequest;
  /** Remembers a child for the parent's result. */
  addChild(child: ResultTree): void;
  /** The parent has not ended before this has. */
  waitFor(published: Promise<unknown>): void;
}

export interface SentCall {
  readonly taskId: string;
  /** Resolves once the broker has the message. */
  readonly published: Promise<void>;
}

export class Producer {
  private readonly parts: ProducerParts;
  private readonly drafts: Drafts;
  private broker: Broker | undefined;
  /** Declarations that were begun, by queue: each queue is declared once, and its messages wait for that. */
  private readonly declared = new Map<Queue, Promise<void> | 'done'>();
  private underWay = 0;
  /** Whether somebody had set tracing up by the first use of the app; asking for each message costs a hundredth of sending it. */
  private readonly traces = openTelemetry() !== undefined;
  private readonly idleListeners: (() => void)[] = [];

  constructor(parts: ProducerParts) {
    this.parts = parts;
    this.drafts = new Drafts(parts);
  }

  /**
   * Sends a task by name; within a running task it becomes that task's child.
   *
   * @throws {@link ConfigError} for options that no message can carry, ProtocolError for arguments that
   * the serializer cannot write: both at once, before anything is sent.
   */
  send(name: string, args: readonly unknown[], options: ApplyAsyncOptions): SentCall {
    this.refuseEager(name);
    const parent = this.parts.runningTask();
    const inherited = parent === undefined ? options : this.inherit(parent.request, options);
    const taskId = inherited.taskId ?? newId();
    const published = this.publish(name, args, inherited, taskId);
    parent?.addChild([[taskId, null], null]);
    if (parent === undefined) return { taskId, published };
    // Or the parent could be acknowledged, and its worker die, with the child still on its way.
    parent.waitFor(published);
    // A promise of the caller's own: that the parent waits must not hide a failure that the caller forgot to await.
    return { taskId, published: published.then(() => undefined) };
  }

  /**
   * Makes several messages of one thing, a canvas; all are made before any goes out. Within a running task
   * they are one child.
   *
   * @returns What sends them.
   * @throws As {@link send}.
   */
  prepareAll(calls: readonly PlannedCall[], child: ResultTree | undefined): () => Promise<void> {
    for (const { task } of calls) this.refuseEager(task);
    const parent = this.parts.runningTask();
    const ready = calls.map(({ task, args, options }) =>
      this.drafts.write(task, args, parent === undefined ? options : this.inherit(parent.request, options)),
    );
    if (child !== undefined) parent?.addChild(child);
    return async () => {
      const sent = Promise.all(ready.map((one) => (one instanceof Promise ? one.then((prepared) => this.post(prepared)) : this.post(one))));
      parent?.waitFor(sent);
      await sent;
    };
  }

  /** The same without regard to a running task: retries, callbacks, the rest of a chain. */
  publishTask(name: string, args: readonly unknown[], options: ApplyAsyncOptions): Promise<void> {
    return this.publish(name, args, options);
  }

  /**
   * The message of a call and where it goes, its queue declared but nothing sent: for who publishes it in a step
   * of their own, as beat does. `published` is to be called when the broker has it.
   */
  async prepareCall(
    name: string,
    args: readonly unknown[],
    options: ApplyAsyncOptions,
  ): Promise<{ readonly message: Message; readonly route: Route; published(): void | Promise<void> }> {
    const { message, routed } = await this.drafts.write(name, args, options);
    await this.declareFirst(routed.queue);
    const { beforeTaskPublish, afterTaskPublish } = this.parts.signals;
    const span = this.traces ? beginSend(name, message, routed.route) : undefined;
    const payload = publishSignal(name, message, routed);
    await beforeTaskPublish.send(payload);
    const published = (): void | Promise<void> => {
      span?.end();
      this.parts.sent?.(message, routed.queue, routed.route);
      return afterTaskPublish.send(payload);
    };
    return { message, route: routed.route, published };
  }

  /** As Celery's `send_task`, a task that is only known by name is sent all the same. */
  private refuseEager(name: string): void {
    if (!this.parts.settings.taskAlwaysEager || this.parts.taskOptions(name) === undefined) return;
    throw new ConfigError(`task_always_eager: ${name} cannot run inside the call that sends it`, {
      hint: 'in tests, "await testKit(app)" of ctq/testing runs what is sent in this process; elsewhere leave the setting out',
    });
  }

  private inherit(request: TaskRequest, options: ApplyAsyncOptions): ApplyAsyncOptions {
    const priority = options.priority ?? (this.parts.settings.taskInheritParentPriority ? request.deliveryInfo.priority : undefined);
    return {
      ...options,
      rootId: options.rootId ?? request.rootId,
      parentId: options.parentId ?? request.id,
      ...(priority === undefined ? {} : { priority }),
    };
  }

  private publish(name: string, args: readonly unknown[], options: ApplyAsyncOptions, taskId?: string): Promise<void> {
    const prepared = this.drafts.write(name, args, options, taskId);
    return prepared instanceof Promise ? prepared.then((ready) => this.post(ready)) : this.post(prepared);
  }

  private post({ name, message, routed }: Draft): Promise<void> {
    const { signals } = this.parts;
    const span = this.traces ? beginSend(name, message, routed.route) : undefined;
    const announced = signals.beforeTaskPublish.connected || signals.afterTaskPublish.connected;
    this.underWay += 1;
    const done = (): void => {
      span?.end();
      this.sent(message, routed);
    };
    const failed = (error: unknown): never => {
      span?.fail(error);
      this.arrived();
      throw error;
    };
    if (announced) return this.announce(name, message, routed).then(done, failed);
    const { broker } = this;
    if (broker === undefined || this.declared.get(routed.queue) !== 'done') return this.deliver(message, routed).then(done, failed);
    return broker.publish(message, routed.route).then(done, (error: unknown) => this.retry(error, message, routed).then(done, failed));
  }

  /** Resolves when nothing is on its way to the broker any more, whether it arrived or not. */
  idle(): Promise<void> {
    return this.underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.idleListeners.push(resolve));
  }

  private sent(message: Message, routed: RoutedTask): void {
    this.arrived();
    this.parts.sent?.(message, routed.queue, routed.route);
  }

  private arrived(): void {
    this.underWay -= 1;
    if (this.underWay === 0 && this.idleListeners.length > 0) for (const resolve of this.idleListeners.splice(0)) resolve();
  }

  private async announce(name: string, message: Message, routed: RoutedTask): Promise<void> {
    const { signals } = this.parts;
    const payload = publishSignal(name, message, routed);
    await signals.beforeTaskPublish.send(payload);
    await this.deliver(message, routed);
    await signals.afterTaskPublish.send(payload);
  }

  private async deliver(message: Message, routed: RoutedTask): Promise<void> {
    const broker = await this.declareFirst(routed.queue);
    await broker.publish(message, routed.route).catch((error: unknown) => this.retry(error, message, routed));
  }

  private async declareFirst(queue: Queue): Promise<Broker> {
    const broker = await this.parts.broker();
    this.broker = broker;
    let declaring = this.declared.get(queue);
    if (declaring === undefined) {
      // A broadcast queue is each worker's own; one of this name would only fill.
      declaring = (queue.broadcast === true ? Promise.resolve() : broker.declare(queue)).then(
        () => void this.declared.set(queue, 'done'),
        (error: unknown) => {
          this.declared.delete(queue);
          throw error;
        },
      );
      this.declared.set(queue, declaring);
    }
    if (declaring !== 'done') await declaring;
    return broker;
  }

  /** `task_publish_retry_policy`: waits 0, 0.2, 0.4 … seconds, at most 1, at most three times. */
  private async retry(first: unknown, message: Message, { route, options }: RoutedTask): Promise<void> {
    if (!(options.retry ?? this.parts.settings.taskPublishRetry)) throw first;
    const { settings, clock } = this.parts;
    const policy = { ...settings.taskPublishRetryPolicy, ...options.retryPolicy };
    let error = first;
    let waitS = policy.intervalStart ?? 0;
    for (let attempt = 0; policy.maxRetries === null || attempt < (policy.maxRetries ?? 3); attempt++) {
      if (!(error instanceof BrokerError) || !error.retryable) break;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, waitS * 1000));
      waitS = Math.min(waitS + (policy.intervalStep ?? 0.2), policy.intervalMax ?? 1);
      try {
        const broker = await this.parts.broker();
        await broker.publish(message, route);
        return;
      } catch (next) {
        error = next;
      }
    }
    throw error;
  }
}

function publishSignal(name: string, message: Message, routed: RoutedTask): PublishSignal {
  return {
    sender: name,
    body: message.body,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    headers: message.headers,
    properties: { ...message.properties },
    exchange: routed.route.exchange.name,
    routingKey: routed.route.routingKey,
  };
}
