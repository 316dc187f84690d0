/**
 * The worker's end of remote control: takes requests, decides whether they are meant for it, obeys,
 * answers. Nothing that arrives here can end the worker: whatever is wrong with a request is logged,
 * and answered where an answer was asked for.
 */
import type { Broker, Subscription } from '../broker.js';
import type { Logger } from '../logger.js';
import type { OwnQueueLimits } from '../protocol/own-queue.js';
import { type ControlRequest, decodeRequest, encodeReply, mailboxQueue, replyRoute } from '../protocol/pidbox.js';
import type { Message } from '../protocol/message.js';
import { pythonRepr } from '../protocol/python-repr.js';
import { isRecord } from '../protocol/record.js';
import type { ControlContent } from '../protocol/signing.js';
import { checkCall } from './arguments.js';
import { CommandError, type RemoteCommand, type WorkerView } from './command.js';
import { isAddressed } from './matcher.js';

/** Commands that wait for something, and answers on their way; what comes on top is dropped. */
const MOST_UNDER_WAY = 1000;
/** Longer texts from strangers are cut before they are logged or sent back. */
const LONGEST_TEXT = 1000;
/** After a pattern that took too long, patterns are refused for a while: many of them would be a brake. */
const PATTERN_PENALTY_MS = 5000;

/** In `control_allow`: every command that only looks. */
export const LOOKING = '@inspect';

export interface MailboxOptions {
  readonly broker: Broker;
  readonly worker: WorkerView;
  /** By name and alias. */
  readonly commands: ReadonlyMap<string, RemoteCommand>;
  /** `control_exchange`. */
  readonly namespace: string;
  readonly limits: OwnQueueLimits;
  /** Commands that this worker obeys, {@link LOOKING} for all that change nothing; null: all of them (`control_allow`). */
  readonly allowed: ReadonlySet<string> | null;
  readonly monotonicMs: () => number;
  /** Default plain JSON. */
  readonly content?: ControlContent;
}

export class Mailbox {
  readonly #options: MailboxOptions;
  readonly #logger: Logger;
  #subscription: Promise<Subscription> | undefined;
  #underWay = 0;
  #patternsFromMs = 0;

  constructor(options: MailboxOptions) {
    this.#options = options;
    this.#logger = options.worker.logger;
  }

  /** Resolves once requests sent from now on will arrive. */
  async open(): Promise<void> {
    const { broker, worker, namespace, limits } = this.#options;
    this.#subscription = broker.subscribe(mailboxQueue(worker.nodename, namespace, limits), (message) => this.receive(message));
    await this.#subscription;
  }

  async close(): Promise<void> {
    const opening = this.#subscription;
    this.#subscription = undefined;
    await (await opening?.catch(() => undefined))?.close();
  }

  /** One request, whoever sent it. Never throws. */
  receive(message: Message): void {
    try {
      const request = decodeRequest(message, this.#options.content);
      this.#options.worker.clock.adjust(request.clock);
      if (this.#isForUs(request)) this.#dispatch(request);
    } catch (error) {
      this.#logger.error('Cannot decode message: %s', shorten(reprOf(error)));
    }
  }

  #isForUs(request: ControlRequest): boolean {
    const { worker, monotonicMs } = this.#options;
    if (request.destination === null && request.pattern !== null && monotonicMs() < this.#patternsFromMs) return false;
    try {
      return isAddressed(request, worker.nodename);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
        this.#patternsFromMs = monotonicMs() + PATTERN_PENALTY_MS;
      }
      this.#logger.error('Cannot use the pattern of a control request: %s', shorten(reprOf(error)));
      return false;
    }
  }

  #dispatch(request: ControlRequest): void {
    const { method, replyTo, ticket } = request;
    // What changes something leaves a trace (RELIABILITY S12); Celery writes all of them at debug.
    const level = this.#options.commands.get(method)?.kind === 'control' ? 'info' : 'debug';
    if (this.#logger.isEnabled(level)) {
      this.#logger[level](
        'pidbox received method %s(%s) [reply_to:%s ticket:%s]',
        shorten(method),
        shorten(pythonRepr(request.arguments)),
        replyTo?.routingKey ?? 'None',
        shorten(ticket ?? 'None'),
      );
    }
    if (this.#underWay >= MOST_UNDER_WAY) {
      this.#logger.warning('Too many control requests at once: %s is dropped', shorten(method));
      return;
    }
    const answer = this.#obey(request);
    if (answer instanceof Promise) {
      this.#underWay += 1;
      void answer
        .then((value) => this.#answer(request, value))
        .catch((error: unknown) => this.#logger.error('Cannot answer a control request: %s', shorten(reprOf(error))))
        .finally(() => {
          this.#underWay -= 1;
        });
    } else {
      this.#answer(request, answer);
    }
  }

  #obey(request: ControlRequest): unknown {
    const { commands, worker } = this.#options;
    try {
      const command = commands.get(request.method);
      if (command === undefined) throw new CommandError('KeyError', shorten(request.method));
      if (!this.#isAllowed(command)) {
        const refusal = new CommandError(
          'PermissionError',
          `${command.name} is not allowed by the settings of this worker (control_allow)`,
        );
        // Each worker that starts greets the others, and does not mind.
        if (command.hidden === true) return { error: reprOf(refusal) };
        throw refusal;
      }
      checkCall(command, request.arguments);
      const answer = command.handle(worker, request.arguments);
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failed(error)) : answer;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** A greeting brings the ids along that its sender holds for revoked, so it does not only look. */
  #isAllowed({ name, kind, hidden }: RemoteCommand): boolean {
    const { allowed } = this.#options;
    if (allowed === null || allowed.has(name)) return true;
    return kind === 'inspect' && hidden !== true && allowed.has(LOOKING);
  }

  #failed(error: unknown): { readonly error: string } {
    const text = shorten(reprOf(error));
    this.#logger.error('pidbox command error: %s', text);
    return { error: text };
  }

  #answer({ method, replyTo, ticket }: ControlRequest, value: unknown): void {
    const { broker, worker, commands } = this.#options;
    if (replyTo === null || (commands.get(method)?.silent === true && !isRefusal(value))) return;
    const message = this.#encode(value, ticket);
    this.#underWay += 1;
    void broker
      .publish(message, replyRoute(replyTo))
      .catch((error: unknown) => this.#logger.warning('%s: cannot answer %s: %s', worker.nodename, shorten(method), shorten(reprOf(error))))
      .finally(() => {
        this.#underWay -= 1;
      });
  }

  /** What a command of the user's returns may be anything, such as a function. */
  #encode(value: unknown, ticket: string | null): Message {
    const { worker, content } = this.#options;
    const { nodename, clock } = worker;
    try {
      return encodeReply(nodename, value ?? null, ticket, clock.forward(), content);
    } catch (error) {
      return encodeReply(nodename, this.#failed(error), ticket, clock.value, content);
    }
  }
}

/** Who does not do what was asked says so, also where doing it would be answer enough. */
function isRefusal(value: unknown): boolean {
  return isRecord(value) && typeof value['error'] === 'string';
}

/** Whatever a command threw; printing it may throw again. */
function reprOf(error: unknown): string {
  try {
    return pythonRepr(error);
  } catch {
    return "Exception('an error that cannot be printed')";
  }
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}...`;
}
