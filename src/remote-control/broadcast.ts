/**
 * The caller's end of remote control: asks all workers, or some, and gathers what they answer. Ends as
 * soon as every worker that got the question has answered; where the broker cannot tell how many those
 * are, when nothing more has come for a while.
 */
import type { Broker } from '../broker.js';
import type { Clock } from '../clock.js';
import type { LamportClock } from '../protocol/lamport-clock.js';
import type { Message } from '../protocol/message.js';
import { newId } from '../protocol/oid.js';
import { type ControlContent, PLAIN_CONTROL } from '../protocol/signing.js';
import type { OwnQueueLimits } from '../protocol/own-queue.js';
import { decodeReply, encodeRequest, replyExchange, replyQueue, requestRoute } from '../protocol/pidbox.js';
import type { CommandArguments } from './command.js';
import { type RunningLimit, timeLimit } from '../time-limit.js';
import { isAddressed } from './matcher.js';

/** As Celery's `inspect`. */
export const DEFAULT_TIMEOUT_MS = 1000;

export interface Question {
  readonly method: string;
  readonly arguments?: CommandArguments;
  /** Only these nodes. */
  readonly destination?: readonly string[] | undefined;
  /** Only nodes whose name matches; not together with `destination`. */
  readonly pattern?: string | undefined;
  /** How the pattern is written; default `glob`. */
  readonly matcher?: 'glob' | 'pcre' | undefined;
}

export interface AskOptions {
  /** How long to wait for the next answer, in milliseconds; begins anew with each. Default 1000. */
  readonly timeoutMs?: number | undefined;
  /** Enough after so many answers. */
  readonly limit?: number | undefined;
  readonly onReply?: ((reply: Reply) => void) | undefined;
  /** The question is out, and so many workers have it, where the broker knows. */
  readonly onSent?: ((reached: number | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Reply {
  readonly nodename: string;
  readonly value: unknown;
}

export interface BroadcasterOptions {
  readonly broker: Broker;
  /** `control_exchange`. */
  readonly namespace: string;
  readonly limits: OwnQueueLimits;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  /** Default plain JSON. */
  readonly content?: ControlContent;
}

export class Broadcaster {
  readonly #options: BroadcasterOptions;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
  }

  /**
   * Tells workers something and waits for no answer.
   *
   * @returns How many have it, where the broker knows.
   * @throws BrokerError when it could not be sent.
   */
  tell(question: Question): Promise<number | undefined> {
    return this.#send(question, null, 0);
  }

  /**
   * Asks workers and gathers their answers, in order of arrival; empty when nobody answered.
   *
   * @throws BrokerError when the question could not be sent.
   */
  async ask(question: Question, options: AskOptions = {}): Promise<Reply[]> {
    const { broker, namespace, limits, lamport, clock } = this.#options;
    const [oid, ticket] = [newId(), newId()];
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const gathering = new Gathering(clock, timeoutMs, options);
    try {
      const expected = await this.#expected(question, options);
      const subscription = await broker.subscribe(replyQueue(oid, namespace, limits), (message) => {
        const heard = readReply(message, { ticket, nowMs: clock.nowMs(), content: this.#options.content ?? PLAIN_CONTROL });
        if (heard === undefined) return;
        lamport.adjust(heard.clock);
        for (const reply of heard.replies) gathering.add(reply);
      });
      try {
        const reached = await this.#send(question, { ticket, oid }, timeoutMs);
        options.onSent?.(reached);
        gathering.expect(Math.min(expected, reached ?? Number.POSITIVE_INFINITY));
        await gathering.complete;
      } finally {
        await subscription.close();
      }
    } finally {
      gathering.end();
    }
    return gathering.replies;
  }

  /** How many answers there will be at most, as far as the question says. */
  async #expected({ destination, pattern, matcher = 'glob' }: Question, { limit, timeoutMs, signal }: AskOptions): Promise<number> {
    const most = limit ?? Number.POSITIVE_INFINITY;
    if (destination !== undefined && destination.length > 0) return Math.min(most, new Set(destination).size);
    if (pattern === undefined || this.#options.broker.broadcast === undefined) return most;
    // Only those that match will answer, so first it takes their names.
    const present = await this.ask({ method: 'ping' }, { timeoutMs, signal });
    return Math.min(most, present.filter(({ nodename }) => isAddressed({ destination: null, pattern, matcher }, nodename)).length);
  }

  async #send(
    { method, arguments: args = {}, destination, pattern, matcher = 'glob' }: Question,
    answer: { readonly ticket: string; readonly oid: string } | null,
    timeoutMs: number,
  ): Promise<number | undefined> {
    const { broker, namespace, lamport, clock } = this.#options;
    const message = encodeRequest(
      {
        method,
        arguments: args,
        destination: destination === undefined || destination.length === 0 ? null : destination,
        pattern: pattern ?? null,
        matcher: pattern === undefined ? null : matcher,
        ticket: answer?.ticket ?? null,
        replyTo: answer === null ? null : { exchange: replyExchange(namespace).name, routingKey: answer.oid },
      },
      lamport.forward(),
      timeoutMs === 0 ? 0 : (clock.nowMs() + timeoutMs) / 1000,
      this.#options.content,
    );
    if (broker.broadcast !== undefined) return broker.broadcast(message, requestRoute(namespace));
    await broker.publish(message, requestRoute(namespace));
    return undefined;
  }
}

/** Answers as they come in, until there are enough or the time is over. */
class Gathering {
  readonly replies: Reply[] = [];
  readonly complete: Promise<void>;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #options: AskOptions;
  #done = (): void => {};
  #failed = (_reason: unknown): void => {};
  #expected: number | undefined;
  #timer: RunningLimit | undefined;
  readonly #abort = (): void => this.#failed(this.#options.signal?.reason);

  constructor(clock: Clock, timeoutMs: number, options: AskOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#options = options;
    this.complete = new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
    });
    this.complete.catch(() => {});
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted === true) this.#abort();
  }

  add(reply: Reply): void {
    this.replies.push(reply);
    this.#options.onReply?.(reply);
    if (this.#expected !== undefined) this.#look();
  }

  /** The question is out; from now on the time counts. */
  expect(count: number): void {
    this.#expected = count;
    this.#look();
  }

  end(): void {
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }

  #look(): void {
    this.#timer?.cancel();
    if (this.replies.length >= (this.#expected ?? Number.POSITIVE_INFINITY)) this.#done();
    else this.#timer = timeLimit(this.#clock, this.#timeoutMs, () => this.#done());
  }
}

/** What is no answer to this question is nobody's business here. */
function readReply(
  message: Message,
  { ticket, nowMs, content }: { readonly ticket: string; readonly nowMs: number; readonly content: ControlContent },
): { readonly clock: unknown; readonly replies: Reply[] } | undefined {
  try {
    const reply = decodeReply(message, content);
    if (reply.ticket !== null && reply.ticket !== ticket) return undefined;
    if (reply.expiresS !== null && nowMs / 1000 > reply.expiresS) return undefined;
    return { clock: reply.clock, replies: [...reply.values].map(([nodename, value]) => ({ nodename, value })) };
  } catch {
    return undefined;
  }
}
