/** What happens to tasks, told as events (WIRE 11.4). Nothing is computed while nobody wants them. */
import { constants } from 'node:os';
import type { EventDispatcher } from '../events/dispatcher.js';
import type { RemoteErrorInfo } from '../errors.js';
import type { Outcome } from '../execution/outcome.js';
import { exceptionRepr } from '../protocol/exception.js';
import { safeRepr } from '../protocol/python-repr.js';
import type { Request } from './request.js';

type Of<Kind extends Outcome['kind']> = Extract<Outcome, { kind: Kind }>;

export class TaskEvents {
  readonly #dispatcher: EventDispatcher;

  constructor(dispatcher: EventDispatcher) {
    this.#dispatcher = dispatcher;
  }

  received(request: Request): void {
    if (!this.#wanted(request)) return;
    const { headers } = request.delivery.message;
    const { message } = request;
    this.#dispatcher.send('task-received', {
      uuid: request.id,
      name: request.name,
      args: text(headers['argsrepr']) ?? message?.argsrepr ?? '',
      kwargs: text(headers['kwargsrepr']) ?? message?.kwargsrepr ?? '',
      root_id: text(headers['root_id']) ?? message?.rootId ?? request.id,
      parent_id: text(headers['parent_id']) ?? message?.parentId ?? null,
      retries: typeof headers['retries'] === 'number' ? headers['retries'] : (message?.retries ?? 0),
      eta: text(headers['eta']) ?? message?.eta ?? null,
      expires: text(headers['expires']) ?? message?.expires ?? null,
    });
  }

  started(request: Request): void {
    if (this.#wanted(request)) this.#dispatcher.send('task-started', { uuid: request.id });
  }

  succeeded(request: Request, value: unknown, runtimeMs: number): void {
    if (!this.#wanted(request)) return;
    this.#dispatcher.send('task-succeeded', { uuid: request.id, result: safeRepr(value), runtime: runtimeMs / 1000 });
  }

  failed(request: Request, error: RemoteErrorInfo): void {
    if (!this.#wanted(request)) return;
    this.#dispatcher.send('task-failed', { uuid: request.id, exception: exceptionRepr(error), traceback: error.traceback });
  }

  /** No task of that name, or none that may run: there is no request to speak of. */
  refused(id: string, error: RemoteErrorInfo): void {
    if (this.#dispatcher.sends('task')) this.#dispatcher.send('task-failed', { uuid: id, exception: exceptionRepr(error) });
  }

  retried(request: Request, { error }: Of<'retry'>): void {
    if (!this.#wanted(request)) return;
    const exception = error === null ? 'Retry()' : exceptionRepr(error);
    this.#dispatcher.send('task-retried', { uuid: request.id, exception, traceback: error?.traceback ?? null });
  }

  revoked(request: Request, { reason, signal }: Of<'revoked'>): void {
    if (!this.#wanted(request)) return;
    const terminated = reason === 'terminated';
    const name = (signal ?? request.terminatedBy ?? 'SIGTERM') as NodeJS.Signals;
    const signum = terminated ? (constants.signals[name] ?? constants.signals.SIGTERM) : null;
    this.#dispatcher.send('task-revoked', { uuid: request.id, terminated, signum, expired: reason === 'expired' });
  }

  rejected(request: Request, requeue: Of<'rejected' | 'requeued'>['kind']): void {
    if (this.#wanted(request)) this.#dispatcher.send('task-rejected', { uuid: request.id, requeue: requeue === 'requeued' });
  }

  #wanted(request: Request): boolean {
    return this.#dispatcher.sends('task') && request.plan.task.options.sendEvents !== false;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
