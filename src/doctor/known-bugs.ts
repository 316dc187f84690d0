/** Versions that are known to go wrong, each with where that is written down. A new one is one row. */

export interface KnownBug {
  readonly software: 'celery' | 'kombu';
  /** The first version that has it; undefined: always had. */
  readonly from?: string;
  /** The first version that does not. */
  readonly fixedIn: string;
  /** Only with this transport. */
  readonly transport?: RegExp;
  readonly weight: 'note' | 'warning' | 'serious';
  readonly what: string;
  /** Issues, pull requests, advisories. */
  readonly source: string;
}

export const knownBugs: readonly KnownBug[] = [
  {
    software: 'kombu',
    from: '5.2.3',
    fixedIn: '5.4.0',
    transport: /^(redis|rediss|sentinel)/,
    weight: 'serious',
    what: 'workers stop taking tasks after the connection to Redis was lost, and look alive',
    source: 'celery#8030, celery#8091, celery#7276; fixed by kombu#2007',
  },
  {
    software: 'kombu',
    fixedIn: '5.2.3',
    transport: /^(redis|rediss|sentinel)/,
    weight: 'note',
    what: 'each reconnection to Redis leaks memory',
    source: 'fixed by kombu#1476',
  },
  {
    software: 'kombu',
    from: '5.5.0',
    fixedIn: '5.5.2',
    transport: /^(py)?amqps?/,
    weight: 'warning',
    what: 'connections to RabbitMQ are made and dropped all the time',
    source: 'kombu#2273',
  },
  {
    software: 'celery',
    fixedIn: '5.2.2',
    weight: 'serious',
    what: 'who can write results can run commands where they are read',
    source: 'CVE-2021-23727, GHSA-q4xr-rc97-m4xx',
  },
  {
    software: 'celery',
    fixedIn: '5.6.3',
    transport: /^sentinel/,
    weight: 'note',
    what: 'a worker may not reconnect after a failover of Redis',
    source: 'celery#10096, celery#10151',
  },
];

/** Whether `version` lies in the range of this bug; a pre-release counts as its release. */
export function hasBug({ from, fixedIn }: Pick<KnownBug, 'from' | 'fixedIn'>, version: string): boolean {
  return (from === undefined || compareVersions(version, from) >= 0) && compareVersions(version, fixedIn) < 0;
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)];
  for (let at = 0; at < 3; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbers(version: string): readonly number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10) || 0);
}
