/**
 * `npm run bench [-- <scenario…>]`: installs the peers beside ctq, never into it, runs the scenarios one after another, and
 * writes bench/results/<scenario>.json with a plot beside it. Only whole runs are written there: those with `--quick`, `--peers`,
 * `--set` or fewer than five rounds go to bench/results/local/.
 *
 *   --rounds 5        how often the peers take turns
 *   --peers ctq,bare  only these
 *   --quick           tiny counts, one round: shows that everything works, and measures nothing
 *   --set tasks=1000  another size; may be repeated
 *   --list            which scenarios there are
 */
import { checkNames, readOptions, roundsOf, sizesOf } from './lib/options.mjs';
import { prepare } from './lib/prepare.mjs';

const { values, positionals } = readOptions({
  rounds: { type: 'string' },
  peers: { type: 'string' },
  set: { type: 'string', multiple: true },
  quick: { type: 'boolean' },
  list: { type: 'boolean' },
});
const rounds = roundsOf(values.rounds);
const overrides = sizesOf(values.set ?? []);

prepare();
const { SCENARIOS, loadScenario, runScenario } = await import('./lib/scenarios.mjs');
const { peers } = await import('./lib/peers.mjs');
const { textOf } = await import('./lib/record.mjs');

checkNames('scenario', positionals, SCENARIOS);
const only = values.peers?.split(',');
if (only !== undefined) checkNames('peer', only, Object.keys(peers));
const names = positionals.length > 0 ? positionals : SCENARIOS;
for (const name of names) checkNames(`size of ${name}`, Object.keys(overrides), Object.keys((await loadScenario(name)).sizes.full));

if (values.list) {
  for (const name of SCENARIOS) console.log(`${name.padEnd(10)} ${(await loadScenario(name)).title}`);
  process.exit(0);
}

const own = only !== undefined || values.set !== undefined || (rounds !== undefined && rounds < 5);
const failed = [];
for (const name of names) {
  try {
    const mode = values.quick ? 'quick' : own ? 'own' : 'full';
    const { document, file } = await runScenario(name, { mode, rounds, only, overrides });
    console.log(`\n${document.title}\n${textOf(document)}\n→ ${file}`);
  } catch (error) {
    // The others may still tell something.
    failed.push(name);
    console.error(`${name} fails: ${error.stack}`);
  }
}
if (failed.length > 0) console.error(`bench: these failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
