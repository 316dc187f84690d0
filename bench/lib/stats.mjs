/** Medians and what belongs to them. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that `share` of all are not above. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Four significant digits: more would be noise in the diff of a recorded file. */
export function rounded(value) {
  return Number(value.toPrecision(4));
}

/** What a list of measurements comes down to. */
export function summary(values) {
  return {
    median: rounded(median(values)),
    least: rounded(Math.min(...values)),
    most: rounded(Math.max(...values)),
    count: values.length,
  };
}

/** Ratios of pairs: what was measured in one round is compared with what was measured in the same round. */
export function ratioOf(ours, theirs) {
  return summary(ours.slice(0, theirs.length).map((value, index) => value / theirs[index]));
}

/** A figure for people: thousands apart where it is large, three digits where it is small. */
export function figure(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-GB');
  return String(Number(value.toPrecision(3)));
}

/** `12,345 (11,900–12,800)`: median, then the least and the most. */
export function spread({ median, least, most }) {
  return `${figure(median)} (${figure(least)}–${figure(most)})`;
}
