/** Compares the ratios of two runs: single figures change with the machine, ratios with the code. */

export const MOST_LOSS = 0.2;

/**
 * One line for each ratio that both have.
 *
 * @returns `loss` is the part of the recorded ratio that is gone, negative where it got better.
 */
export function compareRatios(recorded, measured) {
  return Object.entries(recorded.ratios)
    .filter(([name]) => name in measured.ratios)
    .map(([name, before]) => {
      const now = measured.ratios[name];
      const kept = before.better === 'more' ? now.median / before.median : before.median / now.median;
      return { name, before, now, loss: 1 - kept, failed: 1 - kept > MOST_LOSS };
    });
}

/** Ratios that were recorded and could not be measured now, and why that can be. */
export function lostRatios(recorded, measured) {
  return Object.keys(recorded.ratios).filter((name) => !(name in measured.ratios));
}
