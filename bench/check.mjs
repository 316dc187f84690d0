/**
 * `npm run bench:check [-- <scenario…>]`: measures the scenarios whose ratios are recorded in bench/results/ again, with fewer
 * tasks, and fails where more than a fifth of a ratio is lost. Run by hand, on a machine that has nothing else to do.
 */
import { parseArgs } from 'node:util';
import { prepare } from './lib/prepare.mjs';

/** Those whose ratios compare ctq with something beside it; the others describe ctq itself, or take an hour. */
const USUAL = ['drain', 'enqueue', 'latency', 'io', 'start-up', 'inspect'];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string' } } });
prepare();
const { SCENARIOS, runScenario } = await import('./lib/scenarios.mjs');
const { recorded } = await import('./lib/record.mjs');
const { compareRatios, lostRatios, MOST_LOSS } = await import('./lib/guard.mjs');
const { spread } = await import('./lib/stats.mjs');

const unknown = positionals.filter((name) => !SCENARIOS.includes(name));
if (unknown.length > 0) stopWith(2, `no such scenario: ${unknown.join(', ')} (scenarios: ${SCENARIOS.join(', ')})`);
const asked = positionals.length > 0 ? positionals : USUAL;
const names = asked.filter((name) => recorded(name) !== undefined);
for (const name of asked.filter((name) => !names.includes(name))) console.log(`${name}: nothing is recorded (npm run bench -- ${name})`);
if (names.length === 0) stopWith(2, 'nothing to compare with');

const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
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
stopWith(failed > 0 ? 1 : 0, failed > 0 ? `${failed} ratios lost more than ${limit}` : `no ratio lost more than ${limit}`);

function stopWith(code, text) {
  console.log(`\nbench:check: ${text}`);
  process.exit(code);
}
