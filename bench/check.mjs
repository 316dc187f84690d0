/**
 * `npm run bench:check [-- <scenario…>]`: measures the scenarios whose ratios are recorded in bench/results/ again, with fewer
 * tasks, and fails where more than a fifth of a ratio is lost. Run by hand, on a machine that has nothing else to do.
 */
import { checkNames, readOptions, roundsOf, stopWith } from './lib/options.mjs';
import { prepare } from './lib/prepare.mjs';

/** Those whose ratios compare ctq with something beside it; the others describe ctq itself, or take an hour. */
const USUAL = ['drain', 'enqueue', 'latency', 'io', 'start-up', 'inspect'];

const { values, positionals } = readOptions({ rounds: { type: 'string' } });
const rounds = roundsOf(values.rounds);
prepare();
const { SCENARIOS, runScenario } = await import('./lib/scenarios.mjs');
const { recorded } = await import('./lib/record.mjs');
const { compareRatios, lostRatios, MOST_LOSS } = await import('./lib/guard.mjs');
const { spread } = await import('./lib/stats.mjs');

checkNames('scenario', positionals, SCENARIOS);
const asked = positionals.length > 0 ? positionals : USUAL;
const names = asked.filter((name) => recorded(name) !== undefined);
for (const name of asked.filter((name) => !names.includes(name))) console.log(`${name}: nothing is recorded (npm run bench -- ${name})`);
if (names.length === 0) stopWith(2, 'bench:check: nothing to compare with');

let failed = 0;
for (const name of names) {
  const before = recorded(name);
  const { document } = await runScenario(name, { mode: 'check', rounds });
  const lines = compareRatios(before, document);
  const width = Math.max(...lines.map((line) => line.name.length), 5);
  console.log(`\n${name}, recorded ${before.date.slice(0, 10)} on ${before.cores} cores, Node ${before.node.slice(1)}`);
  console.log(`  ${'ratio'.padEnd(width)}  ${'recorded'.padEnd(22)}  ${'now'.padEnd(22)}  change`);
  for (const { name, before, now, loss, failed } of lines) {
    const change = `${loss > 0 ? '-' : '+'}${Math.abs(loss * 100).toFixed(0)} %${failed ? '  LOST' : ''}`;
    console.log(`  ${name.padEnd(width)}  ${spread(before).padEnd(22)}  ${spread(now).padEnd(22)}  ${change}`);
  }
  for (const ratio of lostRatios(before, document)) console.log(`  ${ratio.padEnd(width)}  not measured now`);
  failed += lines.filter((line) => line.failed).length;
}
const limit = `${MOST_LOSS * 100} %`;
if (failed > 0) stopWith(1, `\nbench:check: ${failed} ratios lost more than ${limit}`);
stopWith(0, `\nbench:check: no ratio lost more than ${limit}`);
