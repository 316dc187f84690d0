/**
 * Who is told what, in which order, when a worker stops (RELIABILITY (e) 14):
 *
 * 1. the consumer takes nothing more; what had not begun goes back at once
 * 2. what runs may finish, for as long as the grace lasts (a cold stop gives none)
 * 3. what still runs then is cut off and goes back
 * 4. results and acknowledgements on their way arrive; consumer and pool close
 */
import type { Clock } from '../clock.js';
import { answeredWithin, within } from '../time-limit.js';
import type { Consumer } from '../broker.js';
import type { Logger } from '../logger.js';
import type { Pool } from '../pool.js';
import type { Dispatcher } from './dispatcher.js';
import type { EtaTimer } from './eta-timer.js';
import type { Intake } from './intake.js';
import type { Settler } from './settle.js';
import type { Throttle } from './throttle.js';
import type { ExitStatus } from './worker-parts.js';

/** What is left to say to a broker: more than a slow answer, less than a supervisor's patience. */
const LAST_WORDS_MS = 3_000;

export interface ShutdownParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly consumer: Consumer;
  readonly pool: Pool;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly etaTimer: EtaTimer;
  readonly throttle: Throttle;
  readonly settler: Settler;
  readonly graceMs: number;
}

/** @param cold - Resolves when no more grace is to be given; already resolved for a cold stop. */
export async function shutDown(parts: ShutdownParts, cold: Promise<void>): Promise<ExitStatus> {
  const { clock, consumer, pool, intake, dispatcher, etaTimer, throttle, settler } = parts;
  intake.close();
  dispatcher.close();
  const paused = consumer.pause();
  giveBackWaiting(parts);
  await answeredWithin(clock, LAST_WORDS_MS, paused);
  giveBackWaiting(parts);
  tellWhoIsWaitedFor(parts);
  const finished = await Promise.race([within(clock, parts.graceMs, dispatcher.idle()), cold.then(() => false)]);
  const status: ExitStatus = finished || dispatcher.running.size === 0 ? 'clean' : 'forced';
  if (status === 'forced') {
    cutOffRunning(parts);
    await within(clock, LAST_WORDS_MS, dispatcher.idle());
  }
  await answeredWithin(clock, LAST_WORDS_MS, settler.idle());
  etaTimer.clear();
  throttle.close();
  await answeredWithin(clock, LAST_WORDS_MS, consumer.close());
  await within(clock, LAST_WORDS_MS, pool.close(status === 'forced' ? 'terminate' : 'drain'));
  return status;
}

const MOST_NAMED = 10;

function tellWhoIsWaitedFor({ dispatcher, graceMs, logger }: ShutdownParts): void {
  const running = [...dispatcher.running];
  if (running.length === 0 || graceMs <= 0) return;
  const named = running.slice(0, MOST_NAMED).map(({ name, id }) => `${name}[${id}]`);
  const more = running.length > named.length ? ` and ${running.length - named.length} more` : '';
  const limit = Number.isFinite(graceMs) ? `, ${graceMs / 1000} s at most` : '';
  logger.info('Waiting for %s%s%s', named.join(', '), more, limit);
}

function giveBackWaiting({ dispatcher, etaTimer, throttle, intake, logger }: ShutdownParts): void {
  const waiting = [...dispatcher.clear(), ...throttle.clear(), ...etaTimer.clear()].filter((request) => !request.fenced);
  if (waiting.length === 0) return;
  logger.warning('Restoring %d unacknowledged message(s)', waiting.length);
  for (const request of waiting) intake.giveBack(request.delivery);
}

function cutOffRunning({ dispatcher, logger }: ShutdownParts): void {
  const running = [...dispatcher.running];
  const returning = running.filter((request) => !request.acked);
  logger.warning('Restoring %d unacknowledged message(s)', returning.length);
  for (const request of running) {
    if (request.acked) logger.error('Task %s[%s] is cut off, and its message was acknowledged before it ran', request.name, request.id);
    request.cutOff('shutdown');
  }
}
