/** What went wrong at an AMQP server, in the words that every broker uses. */
import type { AmqpFailure } from '../../connections/amqp-failure.js';
import { BrokerError } from '../../errors.js';

export function brokerErrorOf(failure: AmqpFailure, displayUrl: string): BrokerError {
  const options = { cause: failure, ...(failure.hint === undefined ? {} : { hint: failure.hint }) };
  switch (failure.kind) {
    case 'unreachable':
      return new BrokerError('CTQ_BROKER_UNREACHABLE', `cannot reach the broker at ${displayUrl}: ${failure.message}`, {
        hint: 'is RabbitMQ running there?',
        ...options,
      });
    case 'refused':
      return new BrokerError('CTQ_BROKER_REFUSED', `the broker at ${displayUrl} refused us: ${failure.message}`, options);
    case 'failed':
    case 'missing':
      return new BrokerError('CTQ_BROKER_FAILED', `the broker at ${displayUrl} failed: ${failure.message}`, options);
    case 'closed':
      return new BrokerError('CTQ_BROKER_CLOSED', `the broker at ${displayUrl} was closed`, options);
    default:
      return failure.kind satisfies never;
  }
}
