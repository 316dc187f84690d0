/** From a firing to a message, and from the store's answer back to the scheduler. */
import type { Route } from '../broker.js';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { BrokerError, CtqError } from '../errors.js';
import type { Logger } from '../logger.js';
import { encodeEnvelope } from '../protocol/envelope.js';
import type { Message } from '../protocol/message.js';
import { firingId } from './firing-id.js';
import { evaluated } from './schedule-entry.js';
import type { FiringResult, PreparedFiring, ScheduleStore } from './schedule-store.js';
import type { Firing, Scheduler } from './scheduler.js';

/** Makes messages without publishing them (`client/producer.ts`). */
export interface CallPreparer {
  prepareCall(name: string, args: readonly unknown[], options: ApplyAsyncOptions): Promise<PreparedCall>;
}

export interface PreparedCall {
  readonly message: Message;
  readonly route: Route;
  /** To be called when the broker has it: `afterTaskPublish`. */
  published(): void | Promise<void>;
}

export interface SenderParts {
  readonly scheduler: Scheduler;
  readonly producer: CallPreparer;
  readonly store: ScheduleStore;
  /** Part of each task id. */
  readonly scope: string;
  readonly logger: Logger;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export class Sender {
  readonly #parts: SenderParts;
  /** Entry → the moment that was told of last; a firing that is tried again is not told twice. */
  readonly #told = new Map<string, number>();
  /** Entry → how often its message was refused in a row. */
  readonly #refusals = new Map<string, number>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /**
   * Sends what is due and tells the scheduler how it went.
   *
   * @returns How many were done, or `fenced` when somebody else leads.
   * @throws BrokerError when the broker cannot be reached; what may not have been sent is due again then.
   */
  async send(firings: readonly Firing[], nowMs: number): Promise<number | 'fenced'> {
    const { store, scheduler } = this.#parts;
    try {
      const prepared = (await Promise.all(firings.map((firing) => this.#prepare(firing)))).filter((one) => one !== undefined);
      if (prepared.length === 0) return 0;
      const results = await store.fire(prepared.map(toPreparedFiring));
      if (results === 'fenced') return 'fenced';
      let done = 0;
      for (const [index, one] of prepared.entries()) done += await this.#conclude(one, results[index] as FiringResult, nowMs);
      return done;
    } catch (error) {
      // Whether it was sent is known when it is tried again: then the store says that it has it.
      for (const firing of firings) scheduler.postpone(firing, nowMs + FIRST_RETRY_MS);
      throw error;
    }
  }

  /** undefined for a firing that no message can be made of: it counts as done, as in Celery. */
  async #prepare(firing: Firing): Promise<Ready | undefined> {
    const { logger, producer, scheduler, scope } = this.#parts;
    const { entry, slotMs, verdict } = firing;
    if (verdict === 'skip') {
      logger.info('beat: Skipping what %s missed until %s.', entry.name, new Date(slotMs).toISOString());
      return { firing, call: undefined };
    }
    if (this.#told.get(entry.name) !== slotMs) logger.info('Scheduler: Sending due task %s (%s)', entry.name, entry.task);
    this.#told.set(entry.name, slotMs);
    try {
      const { args, kwargs } = evaluated(entry);
      const call = await producer.prepareCall(entry.task, args, { ...entry.options, kwargs, taskId: firingId(scope, entry.name, slotMs) });
      // What cannot be written is found here, where it stops this entry and no other.
      encodeEnvelope(call.message);
      return { firing, call };
    } catch (error) {
      if (error instanceof BrokerError && error.retryable) throw error;
      logger.error("Message Error: Couldn't apply scheduled task %s: %s", entry.name, wordsOf(error));
      scheduler.settle({ ...firing, verdict: 'skip' });
      return undefined;
    }
  }

  async #conclude({ firing, call }: Ready, result: FiringResult, nowMs: number): Promise<number> {
    const { logger, scheduler } = this.#parts;
    const { entry } = firing;
    switch (result.kind) {
      case 'sent':
        scheduler.settle(firing);
        this.#refusals.delete(entry.name);
        if (call !== undefined) {
          logger.debug('%s sent. id->%s', entry.task, String(call.message.headers['id']));
          await call.published();
        }
        return 1;
      case 'duplicate':
        scheduler.overtaken(firing, result.state);
        logger.debug('beat: %s had been sent already.', entry.name);
        return 1;
      case 'failed': {
        const refusals = this.#refusals.get(entry.name) ?? 0;
        this.#refusals.set(entry.name, refusals + 1);
        logger.error("Message Error: Couldn't apply scheduled task %s: %s", entry.name, wordsOf(result.error));
        scheduler.postpone(firing, nowMs + Math.min(FIRST_RETRY_MS * 2 ** refusals, LONGEST_RETRY_MS));
        return 0;
      }
      default:
        return result satisfies never;
    }
  }
}

interface Ready {
  readonly firing: Firing;
  /** undefined for one that is only noted as over. */
  readonly call: PreparedCall | undefined;
}

function toPreparedFiring({ firing, call }: Ready): PreparedFiring {
  return { name: firing.entry.name, slotMs: firing.slotMs, call };
}

/** Message and remedy in one line. */
export function wordsOf(error: unknown): string {
  if (error instanceof CtqError && error.hint !== undefined) return `${error.message} (${error.hint})`;
  return error instanceof Error ? error.message : String(error);
}
