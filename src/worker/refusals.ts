/**
 * Messages that will not be run: said in the log in Celery's words, answered for, and kept among the
 * dead letters where the engine has such (WIRE 5, 9.5; docs/decisions/0009). None may stop the worker.
 */
import { tracebackText } from './log-lines.js';
import { namedError } from '../protocol/exception.js';
import type { Delivery, MalformedDelivery } from '../broker.js';
import { closestName } from '../config/closest-name.js';
import type { RemoteErrorInfo } from '../errors.js';
import { pythonRepr, safeRepr } from '../protocol/python-repr.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import { peekTask } from '../protocol/task-message.js';
import { patiently } from './patience.js';
import type { Settler, SettleParts } from './settle.js';
import type { Refusal } from './strategy.js';

/** A body in a log line is for recognising it, not for reading it. */
const BYTES_SHOWN = 1024;

type RefusedTask = Extract<Refusal, { kind: 'unregistered' | 'delivered-too-often' }>;

type RefusalParts = Pick<SettleParts, 'backend' | 'logger' | 'clock' | 'signals' | 'nodename' | 'events'> & {
  /** Those that are known, by name: one of them may have been meant. */
  readonly tasks?: ReadonlyMap<string, unknown>;
};

export class Refusals {
  private readonly parts: RefusalParts;
  private readonly settler: Settler;

  constructor(parts: RefusalParts, settler: Settler) {
    this.parts = parts;
    this.settler = settler;
  }

  /** Resolves when the delivery is answered for. */
  refuse(refusal: Refusal): Promise<void> {
    switch (refusal.kind) {
      case 'faulty':
        return this.faulty(refusal);
      case 'unregistered':
        return this.unregistered(refusal);
      case 'delivered-too-often':
        return this.deliveredTooOften(refusal);
      default:
        return refusal satisfies never;
    }
  }

  /** Already put aside by the broker: it never was a message. */
  malformed({ queue, raw, error }: MalformedDelivery): void {
    this.parts.logger.critical("Can't decode message from queue %s: %s\n\nbody: %s", queue, error.message, bytesText(raw));
    void this.parts.signals.taskRejected.send({ sender: this.parts.nodename, message: raw, exception: error });
  }

  private async faulty({ delivery, error }: Extract<Refusal, { kind: 'faulty' }>): Promise<void> {
    const { logger, signals, nodename } = this.parts;
    const { message } = delivery;
    switch (error.fault) {
      case 'unknown':
        logger.warning(
          'Received and deleted unknown message.  Wrong destination?!?\n\nThe full contents of the message body was: %s\n' +
            '{content_type:%s content_encoding:%s\n  delivery_info:%s headers=%s}',
          bytesText(message.body),
          pythonRepr(message.contentType),
          pythonRepr(message.contentEncoding),
          deliveryInfoText(delivery),
          safeRepr(message.headers),
        );
        break;
      case 'invalid':
        logger.error(
          'Received invalid task message: %s\nThe message has been taken out of its queue and kept: ctq failed shows it.\n\n' +
            'The full contents of the message body was:\n%s',
          error.message,
          bytesText(message.body),
        );
        break;
      case 'undecodable':
        logger.critical(
          "Can't decode message body: %s [type:%s encoding:%s headers:%s]\n\nbody: %s",
          error.message,
          pythonRepr(message.contentType),
          pythonRepr(message.contentEncoding),
          safeRepr(message.headers),
          bytesText(message.body),
        );
        break;
      default:
        error.fault satisfies never;
    }
    void signals.taskRejected.send({ sender: nodename, message, exception: error });
    const peek = error.code === 'CTQ_PROTOCOL_TOO_LARGE' ? peekTask(message) : undefined;
    // A caller may have meant it well: it hears at once, not never.
    if (peek !== undefined && peek.id !== '') {
      await this.fail({ delivery, ...peek }, namedError('ProtocolError', [error.message]));
    }
    await this.reject(delivery, `${error.fault}: ${error.message}`);
  }

  private async unregistered(refusal: RefusedTask): Promise<void> {
    const { delivery, id, task } = refusal;
    const lookalike = closestName(task, [...(this.parts.tasks?.keys() ?? [])]);
    this.parts.logger.error(
      'Received unregistered task of type %s.\nThe message has been taken out of its queue and kept: ctq failed shows it, ctq retry sends it again.\n\n' +
        'Does this worker load the module that registers the task, and under this very name?%s\n\n' +
        'The full contents of the message body was:\n%s\n\nThe full contents of the message headers:\n%s\n\n' +
        'The delivery info for this task is:\n%s',
      pythonRepr(task),
      lookalike === undefined ? '' : ` It has ${lookalike}.`,
      bytesText(delivery.message.body),
      safeRepr(delivery.message.headers),
      deliveryInfoText(delivery),
    );
    void this.parts.signals.taskUnknown.send({ sender: this.parts.nodename, name: task, id, message: delivery.message });
    await this.fail(refusal, namedError('NotRegistered', [task]));
    // Another worker of this queue may know it: who refused it tells which one has the wrong code.
    await this.reject(delivery, `unregistered task ${task} at ${this.parts.nodename}`);
  }

  private async deliveredTooOften(refusal: RefusedTask): Promise<void> {
    const { delivery, id, task } = refusal;
    const why = `delivered ${delivery.redeliveryCount + 1} times, and no worker has finished it`;
    this.parts.logger.error('Task %s[%s] was %s: it goes to the dead letters', task, id, why);
    await this.fail(refusal, namedError('WorkerLostError', [why]));
    await this.reject(delivery, why);
  }

  /** A task that no worker will run has failed: for its caller, and for the canvas that it was a part of. */
  private async fail({ delivery, id, task }: Pick<RefusedTask, 'delivery' | 'id' | 'task'>, error: RemoteErrorInfo): Promise<void> {
    const { backend, logger, clock } = this.parts;
    const meta: ResultMeta = this.settler.documents.bare(id, 'FAILURE', error, delivery.message.properties);
    this.parts.events?.refused(id, error);
    try {
      await patiently(() => backend.store(meta), { clock, logger, what: `store the result of ${id}`, givenUp: () => false });
    } catch (problem) {
      logger.error('Cannot store the result of %s:\n%s', id, tracebackText(problem));
    }
    try {
      await this.settler.tellOfRefused({ id, name: task, delivery }, error);
    } catch (problem) {
      logger.error('Those who wait for %s cannot be told:\n%s', id, tracebackText(problem));
    }
  }

  private async reject(delivery: Delivery, reason: string): Promise<void> {
    const { logger, clock } = this.parts;
    const patience = { clock, logger, what: `reject the message ${delivery.deliveryTag}`, givenUp: () => delivery.fenced };
    try {
      await patiently(() => delivery.reject(reason), patience);
    } catch (problem) {
      if (!delivery.fenced) logger.critical('%s could not be rejected:\n%s', delivery.deliveryTag, tracebackText(problem));
    }
  }
}

/** `b'…' (16b)`, as Celery shows a body. */
function bytesText(body: Uint8Array): string {
  const shown = pythonRepr(body.subarray(0, BYTES_SHOWN));
  return `${shown}${body.byteLength > BYTES_SHOWN ? '...' : ''} (${body.byteLength}b)`;
}

function deliveryInfoText({ message, queue }: Delivery): string {
  const { exchange = '', routingKey = queue } = message.properties.deliveryInfo ?? {};
  return pythonRepr({ exchange, routing_key: routingKey });
}
