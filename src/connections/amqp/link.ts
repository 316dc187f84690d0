/** A link to an AMQP server: see {@link Link}. */
import { type AmqpConnection, Connection } from '../amqp.js';
import { AmqpFailure, toAmqpFailure } from './failure.js';
import type { AmqpAddress } from './url.js';
import { Link, type LinkObserver, type LinkOptions } from '../link.js';

export interface AmqpLinkObserver extends LinkObserver<AmqpConnection, AmqpFailure> {
  /** The server takes no messages for now, and says why; undefined: it does again. */
  blocked?(reason: string | undefined): void;
}

export class AmqpLink extends Link<AmqpAddress, AmqpConnection, AmqpFailure> {
  constructor(options: LinkOptions<AmqpAddress, AmqpLinkObserver>) {
    const { name, clock, observer } = options;
    super(options, {
      connect: (address, attemptLimitMs) =>
        Connection.open(address, { name, clock, attemptLimitMs, onBlocked: (reason) => observer?.blocked?.(reason) }),
      failure: (kind, reason) => new AmqpFailure(kind, reason),
      toFailure: toAmqpFailure,
    });
  }
}
