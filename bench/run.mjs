/**
 * `npm run bench [-- <scenario…>]`: installs the peers beside ctq, never into it, runs the scenarios one after another, and
 * writes bench/results/<scenario>.json with a plot beside it. Only whole runs are written there: those with `--quick`, `--peers`
 * or `--set` go to bench/results/local/.
 *
 *   --rounds 5        how often the peers take turns
 *   --peers ctq,bare  only these
 *   --quick           tiny counts, one round: shows that everything works, and measures nothing
 *   --set tasks=1000  another size; may be repeated
 *   --list            which scenarios there are
 */
import { parseArgs } from 'node:util';
import { prepare } from './lib/prepare.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    peers: { type: 'string' },
    set: { type: 'string', multiple: true },
    quick: { type: 'boolean' },
    list: { type: 'boolean' },
  },
});

prepare();
const { SCENARIOS, loadScenario, runScenario } = await import('./lib/scenarios.mjs');
const { textOf } = await import('./lib/record.mjs');

const unknown = positionals.filter((name) => !SCENARIOS.includes(name));
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (unknown.length > 0 || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
  const wrong = unknown.length > 0 ? `no such scenario: ${unknown.join(', ')}` : '--rounds is a whole number';
  console.error(`bench: ${wrong} (scenarios: ${SCENARIOS.join(', ')})`);
  process.exit(2);
}

if (values.list) {
  for (const name of SCENARIOS) console.log(`${name.padEnd(10)} ${(await loadScenario(name)).title}`);
  process.exit(0);
}

const own = values.peers !== undefined || values.set !== undefined || values.rounds !== undefined;
const failed = [];
for (const name of positionals.length > 0 ? positionals : SCENARIOS) {
  try {
    const { document, file } = await runScenario(name, {
      mode: values.quick ? 'quick' : own ? 'own' : 'full',
      rounds,
      only: values.peers?.split(','),
      overrides: Object.fromEntries((values.set ?? []).map(sizeOf)),
    });
    console.log(`\n${document.title}\n${textOf(document)}\n→ ${file}`);
  } catch (error) {
    // The others may still tell something.
    failed.push(name);
    console.error(`${name} fails: ${error.stack}`);
  }
}
if (failed.length > 0) console.error(`bench: these failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);

function sizeOf(word) {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(word) ?? [];
  if (name === undefined) {
    console.error(`bench: --set ${word}: name=value is expected`);
    process.exit(2);
  }
  if (value.includes(',')) return [name, value.split(',').map(asNumber)];
  return [name, asNumber(value)];
}

function asNumber(text) {
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
