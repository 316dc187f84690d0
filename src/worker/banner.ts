/** The banner: what a worker is, for whoever starts it; Celery's form (WIRE 16.3), because people read and scripts match it. */
import type { Queue } from '../broker.js';

export interface BannerFacts {
  readonly nodename: string;
  readonly version: string;
  readonly platform: string;
  readonly startedAt: Date;
  readonly appName: string;
  /** Passwords masked. */
  readonly transport: string;
  readonly results: string;
  /** A number, or Celery's `{min=1, max=3}`. */
  readonly concurrency: string;
  readonly pool: string;
  readonly taskEvents: 'on' | 'off';
  readonly queues: readonly Queue[];
  /** Listed where the log is at INFO or below; undefined leaves them out. */
  readonly tasks: readonly string[] | undefined;
}

export function bannerText(facts: BannerFacts): string {
  const events = facts.taskEvents === 'on' ? 'ON' : 'OFF (enable -E to monitor tasks in this worker)';
  const lines = [
    ` -------------- ${facts.nodename} v${facts.version} (ctq)`,
    '--- ***** ----- ',
    `-- ******* ---- ${facts.platform} ${localTime(facts.startedAt)}`,
    '- *** --- * --- ',
    '- ** ---------- [config]',
    `- ** ---------- .> app:         ${facts.appName}`,
    `- ** ---------- .> transport:   ${facts.transport}`,
    `- ** ---------- .> results:     ${facts.results}`,
    `- *** --- * --- .> concurrency: ${facts.concurrency} (${facts.pool})`,
    `-- ******* ---- .> task events: ${events}`,
    '--- ***** ----- ',
    ' -------------- [queues]',
    ...facts.queues.map(queueLine),
    '',
  ];
  if (facts.tasks !== undefined) lines.push('', '[tasks]', ...[...facts.tasks].sort().map((name) => `  . ${name}`), '');
  return lines.join('\n');
}

function queueLine({ name, exchange, routingKey }: Queue): string {
  return `                .> ${name.padEnd(16)} exchange=${exchange.name}(${exchange.type}) key=${routingKey}`;
}

function localTime(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
