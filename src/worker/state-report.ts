/** What a worker does right now, in words: for the log, when somebody asks with USR1 (WIRE 16.5). */
import type { Clock } from '../clock.js';
import type { Pool } from '../pool.js';
import type { Dispatcher } from './dispatcher.js';
import type { EtaTimer } from './eta-timer.js';
import type { Throttle } from './throttle.js';
import type { Request } from './request.js';

/** More would be a log, not a look. */
const MOST_SHOWN = 200;

export interface ReportedPipeline {
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly etaTimer: EtaTimer;
  readonly throttle: Throttle;
}

export async function stateReport({
  pool,
  dispatcher,
  etaTimer,
  throttle,
  clock,
  nodename,
}: ReportedPipeline & { readonly clock: Clock; readonly nodename: string }): Promise<readonly string[]> {
  const running = [...dispatcher.running];
  const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const lines = new Map(running.slice(0, MOST_SHOWN).map((request) => [request.id, line(request, clock.monotonicMs())]));
  const stacks = await pool.stacks?.();
  const shown: string[] = [];
  for (const [id, text] of lines) {
    shown.push(text);
    for (const frame of stacks?.get(id) ?? []) shown.push(`      at ${frame}`);
  }
  return [
    `${nodename}: ${running.length} of ${pool.size} slots of the ${pool.kind} pool are taken, ${dispatcher.waitingCount} tasks wait for one, ` +
      `${etaTimer.size} for their time, ${throttle.size} for their rate limit; up ${Math.round(process.uptime())} s, ${megabytes} MB`,
    ...shown,
    ...(running.length > lines.size ? [`… and ${running.length - lines.size} more`] : []),
  ];
}

function line(request: Request, nowMs: number): string {
  const since = request.running ? `for ${((nowMs - request.startedMs) / 1000).toFixed(1)} s` : 'about to begin';
  const where = request.pid === 0 || request.pid === process.pid ? '' : `, in process ${request.pid}`;
  const retries = request.message?.retries ?? 0;
  const args = request.message === undefined ? '' : ` ${request.message.argsrepr ?? ''} ${request.message.kwargsrepr ?? ''}`.trimEnd();
  return `  ${request.name}[${request.id}] ${since}${where}${retries === 0 ? '' : `, try ${retries + 1}`}${args}`;
}
