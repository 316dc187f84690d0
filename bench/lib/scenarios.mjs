/** The scenarios there are, and how one is run. Each module says its `title`, `sizes` (full, check, quick) and `run(bench)`. */
import { alternate, note } from './rounds.mjs';
import { peers } from './peers.mjs';
import { Record } from './record.mjs';

/** In the order in which they are run and reported. */
export const SCENARIOS = ['drain', 'enqueue', 'latency', 'io', 'cpu', 'start-up', 'inspect', 'desk', 'growth', 'memory', 'eta', 'beat'];

export function loadScenario(name) {
  return import(new URL(`../scenarios/${name}.mjs`, import.meta.url).href);
}

/**
 * Runs one scenario and writes down what it found.
 *
 * @param options.mode `full` is the reference; `check` takes fewer tasks, `quick` shows only that everything works, and
 *   `own` has sizes of its own; none of these is kept in git.
 */
export async function runScenario(name, { mode, rounds, only, overrides = {} }) {
  const { title, sizes, run } = await loadScenario(name);
  const size = { ...sizes.full, ...(mode === 'quick' || mode === 'check' ? sizes[mode] : {}), ...overrides };
  const count = rounds ?? (mode === 'quick' ? 1 : (size.rounds ?? 5));
  delete size.rounds;
  const record = new Record({ scenario: name, title, mode, rounds: count, size });
  note(`\n${name}: ${title}`);
  await run({
    size,
    rounds: count,
    record,
    quick: mode === 'quick',
    names: (list) => present(list, only, record),
    async turns(label, names, measure, unit = '') {
      const { figures, failed } = await alternate({ names, rounds: count, measure, label, unit });
      for (const [peer, reason] of Object.entries(failed)) record.notMeasured(`${peer} (${label})`, reason);
      return figures;
    },
  });
  return record.write();
}

/** Those of the list that are here and asked for; the others are named. */
function present(list, only, record) {
  return list.filter((name) => {
    if (only !== undefined && !only.includes(name)) return false;
    const reason = peers[name]?.missing();
    if (reason !== undefined) record.notMeasured(name, reason);
    else record.peer(name, peers[name]?.version());
    return reason === undefined;
  });
}
