/**
 * What to do with a delivery, decided from its headers: a {@link Request} to run now or later, or a
 * {@link Refusal}. The body is only read where the headers name no task (protocol 1).
 */
import type { Delivery } from '../broker.js';
import type { Clock } from '../clock.js';
import { parseIsoDate } from '../protocol/iso-date.js';
import { acceptedContent } from '../protocol/serializers.js';
import { type DecodeTaskOptions, decodeTaskMessage, peekTask, type TaskMessage, TaskMessageError } from '../protocol/task-message.js';
import { pythonRepr } from '../protocol/python-repr.js';
import { Request, type RequestListener } from './request.js';
import type { TaskPlans } from './task-plan.js';
import type { WorkerParts } from './worker-parts.js';

/** A delivery that will not be run, and why. */
export type Refusal =
  /** Not a task, or one that cannot be read. */
  | { readonly kind: 'faulty'; readonly delivery: Delivery; readonly error: TaskMessageError }
  | { readonly kind: 'unregistered'; readonly delivery: Delivery; readonly id: string; readonly task: string }
  /** Whoever takes it seems to die of it. */
  | { readonly kind: 'delivered-too-often'; readonly delivery: Delivery; readonly id: string; readonly task: string };

export class Strategy {
  private readonly plans: TaskPlans;
  private readonly clock: Clock;
  private readonly maxDeliveries: number;
  private readonly listener: RequestListener;
  readonly decoding: DecodeTaskOptions;

  constructor(
    plans: TaskPlans,
    { settings, clock, security }: Pick<WorkerParts, 'settings' | 'clock' | 'security'>,
    listener: RequestListener,
  ) {
    this.plans = plans;
    this.clock = clock;
    this.maxDeliveries = settings.maxDeliveries;
    this.listener = listener;
    this.decoding = {
      accept: acceptedContent(settings.acceptContent, security?.verifier),
      limits: { maxBytes: settings.maxMessageSize },
      following: settings,
      ...(settings.timezone === null ? {} : { timezone: settings.timezone }),
    };
  }

  /** A promise only for the rare message whose body must be read and unpacked to know what it is. */
  judge(delivery: Delivery): Request | Refusal | Promise<Request | Refusal> {
    const peek = peekTask(delivery.message);
    if (peek !== undefined && peek.id !== '') {
      const { headers } = delivery.message;
      const etaMs = this.date(headers['eta'], 'ETA');
      const expiresMs = this.date(headers['expires'], 'expires');
      if (etaMs instanceof TaskMessageError) return { kind: 'faulty', delivery, error: etaMs };
      if (expiresMs instanceof TaskMessageError) return { kind: 'faulty', delivery, error: expiresMs };
      return this.accept(delivery, peek.id, peek.task, etaMs, expiresMs);
    }
    try {
      const message = decodeTaskMessage(delivery.message, this.decoding);
      if (!(message instanceof Promise)) return this.acceptDecoded(delivery, message);
      return message.then(
        (decoded) => this.acceptDecoded(delivery, decoded),
        (error: unknown) => faulty(delivery, error),
      );
    } catch (error) {
      return faulty(delivery, error);
    }
  }

  private acceptDecoded(delivery: Delivery, message: TaskMessage): Request | Refusal {
    const request = this.accept(delivery, message.id, message.task, message.etaMs, message.expiresMs);
    if (request instanceof Request) request.message = message;
    return request;
  }

  private accept(delivery: Delivery, id: string, task: string, etaMs: number | null, expiresMs: number | null): Request | Refusal {
    const plan = this.plans.get(task);
    if (plan === undefined) return { kind: 'unregistered', delivery, id, task };
    if (delivery.redeliveryCount >= this.maxDeliveries) return { kind: 'delivered-too-often', delivery, id, task };
    const about = { id, receivedMs: this.clock.monotonicMs(), etaMs: etaMs ?? 0, expiresMs: expiresMs ?? Number.POSITIVE_INFINITY };
    return new Request(delivery, plan, about, this.listener);
  }

  /** An eta that cannot be read must never mean "at once" (W5). */
  private date(value: unknown, name: string): number | null | TaskMessageError {
    if (value === undefined || value === null) return null;
    const date = typeof value === 'string' ? parseIsoDate(value, this.decoding.timezone) : undefined;
    return (
      date?.getTime() ??
      new TaskMessageError('invalid', `invalid ${name} value ${pythonRepr(value).slice(0, 200)}: Invalid isoformat string`)
    );
  }
}

export function faulty(delivery: Delivery, error: unknown): Refusal {
  if (error instanceof TaskMessageError) return { kind: 'faulty', delivery, error };
  return { kind: 'faulty', delivery, error: new TaskMessageError('undecodable', String(error), { cause: error }) };
}
