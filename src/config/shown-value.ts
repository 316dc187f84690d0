/** A wrong value, for the error about it. */

/** A value as people write it, short enough for a line. */
export function showValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle: its kind will do.
  }
  text ??= Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `${value as undefined}`;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
