/** Taking turns: a shared machine drifts, so what is compared is measured in the same round. */

import { figure } from './stats.mjs';

/**
 * Measures every name once a round.
 *
 * @param measure Gets a name and the round; its figure is kept. A peer that fails is left out from then on and named; the
 *   benchmark of ctq itself must not fail.
 * @returns Lists of figures by name, and what went wrong.
 */
export async function alternate({ names, rounds, measure, label = '', unit = '', log = note }) {
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  const failed = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      if (name in failed) continue;
      try {
        const value = await measure(name, round);
        figures[name].push(value);
        if (typeof value === 'number') log(`${label} ${round + 1}/${rounds}  ${name.padEnd(14)} ${figure(value)} ${unit}`);
      } catch (error) {
        if (name.startsWith('ctq')) throw error;
        failed[name] = error.message.split('\n')[0].slice(0, 300);
        delete figures[name];
        log(`${label} ${round + 1}/${rounds}  ${name.padEnd(14)} fails: ${failed[name]}`);
      }
    }
  }
  return { figures, failed };
}

export function note(text) {
  process.stderr.write(`${text}\n`);
}
