/** What a beat is, for whoever starts it; Celery's form (WIRE 14.8), because people read and scripts match it. */
import { humanSeconds } from '../../beat/human-seconds.js';

export interface BeatBannerFacts {
  readonly version: string;
  readonly startedAtMs: number;
  /** Passwords masked. */
  readonly broker: string;
  /** The module with the app. */
  readonly loader: string;
  /** Where the last runs are kept. */
  readonly database: string;
  readonly logfile: string | undefined;
  readonly level: string;
  readonly maxIntervalS: number;
}

export function beatBanner(facts: BeatBannerFacts): string {
  const { version, startedAtMs, maxIntervalS } = facts;
  return [
    `ctq beat v${version} is starting.`,
    '__    -    ... __   -        _',
    `LocalTime -> ${localTime(new Date(startedAtMs))}`,
    'Configuration ->',
    `    . broker -> ${facts.broker}`,
    `    . loader -> ${facts.loader}`,
    '    . scheduler -> ctq.beat',
    `    . db -> ${facts.database}`,
    `    . logfile -> ${facts.logfile ?? '[stderr]'}@%${facts.level.toUpperCase()}`,
    `    . maxinterval -> ${humanSeconds(maxIntervalS)} (${maxIntervalS}s)`,
    '',
  ].join('\n');
}

function localTime(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
