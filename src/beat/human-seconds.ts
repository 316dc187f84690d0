/** Spans of time in words, exactly as Celery's log has them: `1.99 seconds`, `5.00 minutes`, `now`. */

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** Less than a second is `now`, as in Celery's `humanize_seconds`. */
export function humanSeconds(seconds: number, prefix = ''): string {
  const rounded = Number(seconds.toFixed(2));
  for (const [name, unit] of UNITS) {
    if (rounded < unit) continue;
    const amount = rounded / unit;
    return `${prefix}${amount.toFixed(2)} ${name}${amount > 1 ? 's' : ''}`;
  }
  return 'now';
}
