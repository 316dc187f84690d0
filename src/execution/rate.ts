/** Rate limits as people write them: `'10/s'`, `'100/m'`, `'1/h'`, or a number per second. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

export type ParsedRate =
  /** 0 is no limit. */
  | { readonly kind: 'rate'; readonly perSecond: number }
  | { readonly kind: 'unknown unit'; readonly unit: string }
  | { readonly kind: 'no number'; readonly text: string };

export function parseRate(limit: string | number | null | undefined): ParsedRate {
  if (limit === null || limit === undefined || limit === '') return { kind: 'rate', perSecond: 0 };
  if (typeof limit === 'number') return { kind: 'rate', perSecond: clamp(limit) };
  const slash = limit.indexOf('/');
  const number = slash < 0 ? limit : limit.slice(0, slash);
  const unit = slash < 0 || slash === limit.length - 1 ? 's' : limit.slice(slash + 1);
  const seconds = Object.hasOwn(SECONDS, unit) ? SECONDS[unit] : undefined;
  if (seconds === undefined) return { kind: 'unknown unit', unit };
  if (!/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*$/i.test(number)) return { kind: 'no number', text: number };
  return { kind: 'rate', perSecond: clamp(Number(number) / seconds) };
}

/** Less than nothing is nothing; more than every machine can do is no limit either way. */
function clamp(perSecond: number): number {
  return Number.isFinite(perSecond) && perSecond > 0 ? perSecond : 0;
}
