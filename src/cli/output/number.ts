/** Counts for people. `--json` has the plain numbers. */

const THOUSANDS = /\B(?=(?:\d{3})+(?!\d))/g;

/** `200,000`. The same on every machine: a count that changes its look with the locale cannot be compared. */
export function numberText(count: number): string {
  if (!Number.isFinite(count)) return String(count);
  const [whole = '', fraction] = String(Math.abs(count)).split('.');
  const grouped = whole.includes('e') ? whole : whole.replace(THOUSANDS, ',');
  return `${count < 0 ? '-' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** `1 message`, `2,000 messages`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}
