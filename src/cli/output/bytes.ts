/** Sizes for people. `--json` has bytes. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `512 B`, `1.5 KiB`, `20 MiB`: two or three digits that count. */
export function bytesText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  // 1023.6 KiB would be rounded to 1024 KiB.
  while (Math.round(size) >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 9.95 ? String(Math.round(size)) : size.toFixed(1);
  return `${digits} ${UNITS[unit] ?? ''}`;
}
