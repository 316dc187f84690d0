/**
 * A call → its message and its way: options of the call, the task and the settings laid over each other, routed, checked
 * and encoded. Nothing is sent here, and nothing is remembered.
 */
import type { Clock } from '../clock.js';
import { ConfigError } from '../errors.js';
import { checkFollowing, type FollowLimits } from '../protocol/follow-limits.js';
import type { Message } from '../protocol/message.js';
import { newId, processOid } from '../protocol/oid.js';
import { asList } from '../protocol/record.js';
import type { ContentSigner } from '../protocol/signing.js';
import { encodeTaskMessage, type TaskCall } from '../protocol/task-call.js';
import type { RoutedTask, Router } from '../routing/router.js';
import type { TaskOptions } from '../task.js';
import type { ApplyAsyncOptions } from './apply-async-options.js';

/** The settings that writing a message reads, by their names in `config/settings.ts`. */
export interface DraftSettings extends FollowLimits {
  readonly taskSerializer: string;
  readonly taskCompression: string | null;
  readonly taskDefaultDeliveryMode: string | number;
  readonly taskDefaultPriority: number | null;
  readonly taskIgnoreResult: boolean;
}

export interface DraftParts {
  readonly settings: DraftSettings;
  readonly router: Router;
  /** For the serializer `auth`. */
  readonly signer?: ContentSigner | undefined;
  /** The options a task was registered with; undefined for one that is only known by name. */
  readonly taskOptions: (name: string) => TaskOptions | undefined;
  readonly clock: Clock;
  /** `gen<pid>@<host>`, or the worker's nodename. */
  readonly origin: string;
}

/** A message with its way. */
export interface Draft {
  readonly name: string;
  readonly message: Message;
  readonly routed: RoutedTask;
}

export class Drafts {
  private readonly parts: DraftParts;

  constructor(parts: DraftParts) {
    this.parts = parts;
  }

  /** @throws {@link ConfigError} for options that no message can carry, ProtocolError for arguments that the serializer cannot write. */
  write(name: string, args: readonly unknown[], options: ApplyAsyncOptions, taskId = options.taskId ?? newId()): Draft | Promise<Draft> {
    checkCall(name, args, options);
    const { settings, router } = this.parts;
    if (options.link !== undefined || options.linkError !== undefined || options.chain !== undefined) {
      checkFollowing({ callbacks: asList(options.link), errbacks: asList(options.linkError), chain: options.chain }, settings);
    }
    const kwargs = options.kwargs ?? NO_KWARGS;
    const routed = router.route({ name: options.routeName ?? name, args, kwargs, options: this.withTaskOptions(name, options) });
    const message = encodeTaskMessage(this.call(name, args, kwargs, routed.options, taskId));
    return message instanceof Promise ? message.then((ready) => ({ name, message: ready, routed })) : { name, message, routed };
  }

  /** Written out, for a spread of options of any shape costs more than the rest of the message. */
  private call(
    task: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: ApplyAsyncOptions,
    id: string,
  ): TaskCall {
    const { settings, clock, origin, signer } = this.parts;
    const nowMs = clock.nowMs();
    return {
      id,
      task,
      args,
      kwargs,
      nowMs,
      timestamp: Math.floor(nowMs / 1000),
      origin: options.origin ?? origin,
      replyTo: options.replyTo ?? processOid(),
      serializer: options.serializer ?? settings.taskSerializer,
      signer,
      compression: options.compression ?? settings.taskCompression,
      countdown: options.countdown,
      eta: options.eta,
      expires: options.expires,
      priority: options.priority ?? settings.taskDefaultPriority,
      headers: options.headers,
      link: options.link,
      linkError: options.linkError,
      chain: options.chain,
      chord: options.chord,
      groupId: options.groupId,
      groupIndex: options.groupIndex,
      rootId: options.rootId,
      parentId: options.parentId,
      retries: options.retries,
      shadow: options.shadow,
      ignoreResult: options.ignoreResult,
      argsrepr: options.argsrepr,
      kwargsrepr: options.kwargsrepr,
      replacedTaskNesting: options.replacedTaskNesting,
      timeLimit: options.timeLimit,
      softTimeLimit: options.softTimeLimit,
      deliveryMode: options.deliveryMode ?? (settings.taskDefaultDeliveryMode as 1 | 2 | 'transient' | 'persistent'),
      stampedHeaders: options.stampedHeaders,
      stamps: options.stamps,
      properties: options.properties,
    };
  }

  /** What the task was registered with stands below what the call says (Celery's `_get_exec_options`). */
  private withTaskOptions(name: string, options: ApplyAsyncOptions): ApplyAsyncOptions {
    const task = this.parts.taskOptions(name);
    if (task === undefined) return options;
    let merged: Record<string, unknown> | undefined;
    for (const key of IMPLIED) {
      const value = key === 'ignoreResult' ? (task.ignoreResult ?? (this.parts.settings.taskIgnoreResult || undefined)) : task[key];
      if (value === undefined || value === null || (options[key] !== undefined && options[key] !== null)) continue;
      merged ??= { ...options };
      merged[key] = value;
    }
    return merged ?? options;
  }
}

const NO_KWARGS: Readonly<Record<string, unknown>> = {};

/** The options of a task that hold for each call. Celery sends the task's own limits too (captures: messages, "task-level time limits"). */
const IMPLIED = [
  ...(['queue', 'routingKey', 'exchange', 'priority', 'expires', 'serializer', 'compression'] as const),
  ...(['timeLimit', 'softTimeLimit', 'ignoreResult'] as const),
];

function checkCall(name: string, args: readonly unknown[], options: ApplyAsyncOptions): void {
  if (typeof name !== 'string' || name === '') throw new ConfigError('a task needs a name', { hint: "such as 'tasks.add'" });
  if (!Array.isArray(args)) throw new ConfigError(`the arguments of ${name} are no list`, { hint: 'write [1, 2], even for one argument' });
  const { kwargs } = options;
  if (kwargs !== undefined && (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs))) {
    throw new ConfigError(`the keyword arguments of ${name} are no object`, { hint: 'write { x: 1, y: 2 }' });
  }
}
