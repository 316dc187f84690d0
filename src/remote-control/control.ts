/**
 * `app.control`: the library's way to tell workers things, Python's or ours, in Celery's words. Telling
 * waits for no answer unless `reply` is set; asking (`app.control.inspect()`) always does.
 */
import type { Broker } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../errors.js';
import { LamportClock } from '../protocol/lamport-clock.js';
import { controlQueueLimits, type ControlQueueSettings } from '../protocol/own-queue.js';
import { controlContent, type MessageSecurity } from '../protocol/signing.js';
import { type AskOptions, Broadcaster, type Question, type Reply } from './broadcast.js';
import type { CommandArguments, CommandParameter, RemoteCommand, WorkerView } from './command.js';
import { textList } from './arguments.js';
import { Inspect } from './inspect.js';
import { REVOKED_KEPT_MS } from './revoked-for.js';

/** Whom to address, and how long to listen. Seconds, as Celery has them. */
export interface Addressing {
  /** Node names; without it everybody. */
  readonly destination?: readonly string[];
  /** Nodes whose name matches. */
  readonly pattern?: string;
  /** How the pattern is written; default `glob`. */
  readonly matcher?: 'glob' | 'pcre';
  /** Seconds to wait for the next answer; default 1. All that answer sooner end the wait. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** Whom to tell, and whether to wait for what they say to it. */
export interface TellOptions extends Addressing {
  /** Wait for answers; default false. */
  readonly reply?: boolean;
}

/** What `app.control.revoke()` takes beside the ids. */
export interface ControlRevokeOptions extends TellOptions {
  /** Also end it if it runs. */
  readonly terminate?: boolean;
  /** With this signal, where the pool has processes; default SIGTERM. */
  readonly signalName?: string;
}

/** What each node answered, by its name. */
export type Replies<Value = unknown> = Readonly<Record<string, Value>>;

/** An own command; only its name is needed. */
export interface CommandOptions {
  readonly name: string;
  /** Default `control`. */
  readonly kind?: 'inspect' | 'control';
  readonly summary?: string;
  /** What `ctq control <name>` may be given, in order. */
  readonly parameters?: readonly CommandParameter[];
  /** The argument that takes all further words as a list. */
  readonly variadic?: string;
  readonly usage?: string;
}

/** What a worker does when it is asked by an app's own method of remote control. What it returns is the answer. */
export type CommandHandler = (worker: WorkerView, args: CommandArguments) => unknown;

export interface ControlParts {
  /** The broker that workers listen to. */
  readonly broker: () => Promise<Broker>;
  readonly settings: () => Pick<Settings, 'controlExchange' | 'taskSerializer' | 'acceptContent'> & ControlQueueSettings;
  readonly security: () => MessageSecurity | undefined;
  readonly clock: Clock;
}

/** `app.control`: tells workers, Python's as well, to do something, and asks them. Names are Celery's, in camelCase. */
export class Control {
  private readonly parts: ControlParts;
  private readonly lamport = new LamportClock();
  private readonly own = new Map<string, RemoteCommand>();

  constructor(parts: ControlParts) {
    this.parts = parts;
  }

  /** The commands that this app added. */
  get commands(): readonly RemoteCommand[] {
    return [...this.own.values()];
  }

  /**
   * Registers a command that the app's workers obey: `app.control.command('set_paths', (worker, args) => …)`.
   * What the handler returns is the answer. A name of Celery's takes the place of its command.
   */
  command(about: string | CommandOptions, handler: CommandHandler): void {
    const { name, kind = 'control', summary = 'a command of the app', ...more } = typeof about === 'string' ? { name: about } : about;
    if (typeof name !== 'string' || !/^[A-Za-z_][\w.-]{0,99}$/.test(name)) {
      throw new ConfigError('a remote-control command needs a name', { hint: "such as 'set_paths'" });
    }
    if (typeof handler !== 'function')
      throw new ConfigError(`the remote-control command ${name} has no handler`, { hint: 'give a function' });
    if (this.own.has(name)) throw new ConfigError(`the remote-control command ${name} is registered twice`, { hint: 'rename one of them' });
    this.own.set(name, { name, kind, summary, ...more, handle: handler });
  }

  /** Questions to workers: `await app.control.inspect().active()`. */
  inspect(to: Addressing = {}): Inspect {
    return new Inspect((method, args) => this.ask(method, args, to));
  }

  /** Sends any command. @throws BrokerError when it cannot be sent. */
  async broadcast(method: string, args: CommandArguments = {}, options: TellOptions = {}): Promise<Replies> {
    if (options.reply === true) return this.ask(method, args, options);
    await this.keepRevoked(method, args);
    await (await this.broadcaster()).tell(questionOf(method, args, options));
    return {};
  }

  /** For front doors: every answer as it comes, several of one name included. */
  async gather(
    method: string,
    args: CommandArguments,
    to: Addressing & Pick<AskOptions, 'onSent' | 'onReply' | 'limit'>,
  ): Promise<Reply[]> {
    const { timeout, signal, onReply, onSent, limit } = to;
    await this.keepRevoked(method, args);
    return (await this.broadcaster()).ask(questionOf(method, args, to), {
      timeoutMs: timeout === undefined ? undefined : timeout * 1000,
      signal,
      onReply,
      onSent,
      limit,
    });
  }

  /** Keeps tasks from running; what runs is let finish unless `terminate` is set. */
  revoke(taskId: string | readonly string[], options: ControlRevokeOptions = {}): Promise<Replies> {
    const { terminate = false, signalName = 'SIGTERM' } = options;
    return this.broadcast('revoke', { task_id: taskId, terminate, signal: signalName }, options);
  }

  terminate(taskId: string | readonly string[], options: Omit<ControlRevokeOptions, 'terminate'> = {}): Promise<Replies> {
    return this.revoke(taskId, { ...options, terminate: true });
  }

  revokeByStampedHeaders(
    headers: Readonly<Record<string, string | readonly string[]>>,
    options: ControlRevokeOptions = {},
  ): Promise<Replies> {
    const { terminate = false, signalName = 'SIGTERM' } = options;
    return this.broadcast('revoke_by_stamped_headers', { headers, terminate, signal: signalName }, options);
  }

  ping(options: Addressing = {}): Promise<Replies<{ readonly ok: string }>> {
    return this.ask('ping', {}, options) as Promise<Replies<{ readonly ok: string }>>;
  }

  /** `'10/s'`, `'100/m'`, a number per second; 0 lifts the limit. */
  rateLimit(taskName: string, limit: string | number, options?: TellOptions): Promise<Replies> {
    return this.broadcast('rate_limit', { task_name: taskName, rate_limit: limit }, options);
  }

  /** Seconds. */
  timeLimit(taskName: string, limits: { readonly soft?: number; readonly hard?: number }, options?: TellOptions): Promise<Replies> {
    return this.broadcast('time_limit', { task_name: taskName, soft: limits.soft ?? null, hard: limits.hard ?? null }, options);
  }

  addConsumer(
    queue: string,
    options: TellOptions & { readonly exchange?: string; readonly exchangeType?: string; readonly routingKey?: string } = {},
  ): Promise<Replies> {
    const { exchange = null, exchangeType = 'direct', routingKey = null } = options;
    return this.broadcast('add_consumer', { queue, exchange, exchange_type: exchangeType, routing_key: routingKey }, options);
  }

  cancelConsumer(queue: string, options?: TellOptions): Promise<Replies> {
    return this.broadcast('cancel_consumer', { queue }, options);
  }

  poolGrow(n = 1, options?: TellOptions): Promise<Replies> {
    return this.broadcast('pool_grow', { n }, options);
  }

  poolShrink(n = 1, options?: TellOptions): Promise<Replies> {
    return this.broadcast('pool_shrink', { n }, options);
  }

  poolRestart(options?: TellOptions): Promise<Replies> {
    return this.broadcast('pool_restart', {}, options);
  }

  autoscale(max: number, min: number, options?: TellOptions): Promise<Replies> {
    return this.broadcast('autoscale', { max, min }, options);
  }

  enableEvents(options?: TellOptions): Promise<Replies> {
    return this.broadcast('enable_events', {}, options);
  }

  disableEvents(options?: TellOptions): Promise<Replies> {
    return this.broadcast('disable_events', {}, options);
  }

  heartbeat(options?: TellOptions): Promise<Replies> {
    return this.broadcast('heartbeat', {}, options);
  }

  /** Stops workers warmly. They never answer. */
  shutdown(options?: Addressing): Promise<Replies> {
    return this.broadcast('shutdown', {}, options);
  }

  /** A revoke is also for workers that are away. */
  private async keepRevoked(method: string, args: CommandArguments): Promise<void> {
    if (method !== 'revoke' && method !== 'terminate') return;
    const { revocations } = await this.parts.broker();
    await revocations?.add(textList(args, 'task_id'), REVOKED_KEPT_MS);
  }

  private async ask(method: string, args: CommandArguments, to: Addressing): Promise<Replies> {
    const replies = await this.gather(method, args, to);
    return Object.fromEntries(replies.map(({ nodename, value }) => [nodename, value]));
  }

  private async broadcaster(): Promise<Broadcaster> {
    const settings = this.parts.settings();
    return new Broadcaster({
      broker: await this.parts.broker(),
      namespace: settings.controlExchange,
      limits: controlQueueLimits(settings),
      clock: this.parts.clock,
      lamport: this.lamport,
      content: controlContent(settings, this.parts.security()),
    });
  }
}

function questionOf(method: string, args: CommandArguments, { destination, pattern, matcher }: Addressing): Question {
  return { method, arguments: args, destination, pattern, matcher };
}
