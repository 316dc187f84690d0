/**
 * The worker's ear at the broker: hands on what is delivered, and says in the log how the connection
 * fares (WIRE 16.2). The broker's consumer comes back by itself, for as long as it takes.
 */
import type { ConsumerHandler, Delivery, MalformedDelivery } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Settings } from '../config/settings.js';
import type { BrokerError } from '../errors.js';
import type { Logger } from '../logger.js';

/** So many attempts in a row are told one by one; later ones now and then, for we look each second and not each half minute. */
const TOLD_ONE_BY_ONE = 5;
const TELL_EVERY_MS = 30_000;

export interface ConsumerLinkParts {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly displayUrl: string;
  readonly patience: ConnectionPatience;
  readonly deliver: (batch: readonly Delivery[]) => void;
  readonly malformed: (delivery: MalformedDelivery) => void;
  readonly fenced: (deliveries: readonly Delivery[]) => void;
  /** `first` once, when the worker has become ready. */
  readonly stateChanged: (state: 'first' | 'connected' | 'disconnected') => void;
  /** The settings say that it is not looked for any longer. */
  readonly givenUp: (error: BrokerError) => void;
}

/** How often a connection is looked for, one after the other; Infinity for ever. */
export interface ConnectionPatience {
  readonly atStart: number;
  readonly later: number;
}

/** `broker_connection_max_retries` has null and 0 for ever. */
export function patienceOf(
  settings: Pick<Settings, 'brokerConnectionRetry' | 'brokerConnectionRetryOnStartup' | 'brokerConnectionMaxRetries'>,
): ConnectionPatience {
  const most = settings.brokerConnectionMaxRetries || Number.POSITIVE_INFINITY;
  return {
    atStart: (settings.brokerConnectionRetryOnStartup ?? settings.brokerConnectionRetry) ? most : 0,
    later: settings.brokerConnectionRetry ? most : 0,
  };
}

export class ConsumerLink implements ConsumerHandler {
  private readonly parts: ConsumerLinkParts;
  /** Since the start: deliveries, renewals of the leases, attempts to connect. Numbers that stand still tell of trouble. */
  readonly counts = { taken: 0, renewals: 0, attempts: 0 };
  private state: 'never connected' | 'connected' | 'lost' = 'never connected';
  private told = { reason: '', atMs: Number.NEGATIVE_INFINITY };

  constructor(parts: ConsumerLinkParts) {
    this.parts = parts;
  }

  deliver(batch: readonly Delivery[]): void {
    this.counts.taken += batch.length;
    this.parts.deliver(batch);
  }

  renewed(): void {
    this.counts.renewals += 1;
  }

  malformed(delivery: MalformedDelivery): void {
    this.parts.malformed(delivery);
  }

  connected(): void {
    const first = this.state === 'never connected';
    if (this.state === 'connected') return;
    this.state = 'connected';
    this.parts.logger.info('Connected to %s', this.parts.displayUrl);
    this.parts.stateChanged(first ? 'first' : 'connected');
  }

  disconnected(error: BrokerError, attempt: number, retryInMs: number): void {
    const { logger, displayUrl, patience, stateChanged, givenUp } = this.parts;
    this.counts.attempts += 1;
    const most = this.state === 'never connected' ? patience.atStart : patience.later;
    if (attempt >= most && (this.state !== 'connected' || most === 0)) {
      logger.critical('consumer: Cannot connect to %s: %s.\nGiving up, as the settings say.', displayUrl, reasonOf(error, displayUrl));
      givenUp(error);
      return;
    }
    if (this.state === 'connected') {
      this.state = 'lost';
      logger.warning('consumer: Connection to broker lost. Trying to re-establish the connection...\n%s', error.message);
      stateChanged('disconnected');
      return;
    }
    const reason = reasonOf(error, displayUrl);
    if (!this.isNews(reason, attempt)) return;
    const of = Number.isFinite(most) ? `/${most}` : '';
    logger.error(
      'consumer: Cannot connect to %s: %s.\nTrying again in %s seconds... (%d%s)\n',
      displayUrl,
      reason,
      (retryInMs / 1000).toFixed(2),
      attempt,
      of,
    );
  }

  private isNews(reason: string, attempt: number): boolean {
    const nowMs = this.parts.clock.monotonicMs();
    if (attempt > TOLD_ONE_BY_ONE && reason === this.told.reason && nowMs - this.told.atMs < TELL_EVERY_MS) return false;
    this.told = { reason, atMs: nowMs };
    return true;
  }

  fenced(deliveries: readonly Delivery[]): void {
    this.parts.logger.warning('%d message(s) were given to other workers while this one could not be reached', deliveries.length);
    this.parts.fenced(deliveries);
  }
}

/** The line has the URL already: `cannot reach the broker at redis://h: connection refused`. */
function reasonOf({ message }: BrokerError, displayUrl: string): string {
  const [, reason] = message.split(`${displayUrl}: `);
  return reason ?? message;
}
