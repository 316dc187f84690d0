/**
 * Runs rows of the fault matrix, prints what was sent, executed, lost and repeated and how long it took to recover, and keeps each
 * result in results/. See `npm run test:faults -- --help`.
 */
import { parseArgs } from 'node:util';
import { setMaxListeners } from 'node:events';
import { loadavg } from 'node:os';
import { findCeleryPython } from '../../support/python-celery.js';
import { keepResult, versionOf, writePage } from './report.js';
import { type Engine, missedGoals, NotHere, type Result, type Row, type Scenario, type System } from './row.js';
import { ROWS } from './rows.js';
import { soakRow } from './rows/soak.js';
import { Stage } from './stage.js';

const HELP = `npm run test:faults -- [rows…]      all rows without any; e.g. M1 M6-M12
  --system ctq|celery     only one of the two
  --engine redis|sqlite|rabbitmq
  --patience <seconds>    how long Celery is watched where it does not come back; default 60
  --short                 a tenth of the load; nothing is recorded
  --soak [--minutes n] [--tasks n] [--every s]   the long run (M34): 30 minutes, 500000 tasks, a fault each 5 s
  --report                only write what is recorded into docs/reliability.md
  --list                  the rows`;

const { values, positionals } = commandLine();

function commandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        system: { type: 'string' },
        engine: { type: 'string' },
        short: { type: 'boolean' },
        soak: { type: 'boolean' },
        minutes: { type: 'string' },
        tasks: { type: 'string' },
        every: { type: 'string' },
        report: { type: 'boolean' },
        patience: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return refuse(error);
  }
}

/** One line, and how it is meant. */
function refuse(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}\n`);
  process.exit(64); // oxlint-disable-line unicorn/no-process-exit -- a program of its own
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
setMaxListeners(0);

async function runScenario(row: Row, scenario: Scenario, system: System, short: boolean): Promise<Result> {
  const stage = new Stage({ system, engine: scenario.engine, short, patienceS: Number(values.patience ?? 60) });
  const startedAt = performance.now();
  const about = {
    row: row.id,
    engine: scenario.engine,
    system,
    version: await versionOf(system),
    short,
    at: new Date().toISOString(),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
  const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;
  try {
    const measured = await scenario.run(stage);
    const missed = system === 'ctq' ? missedGoals(scenario.goal ?? row.goal, measured) : [];
    return { ...about, ...measured, seconds: seconds(), missed };
  } catch (error) {
    if (error instanceof NotHere) return { ...about, seconds: seconds(), missed: [], failed: `skipped: ${error.message}` };
    return { ...about, seconds: seconds(), missed: [], failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await stage.close();
  }
}

function line(result: Result): string {
  const { row, engine, system, sent, executed, lost, waiting, repeated, recoveryS, note, missed, failed, seconds } = result;
  if (failed?.startsWith('skipped: ') === true) return `${row} ${engine} ${system}: ${failed}`;
  if (failed !== undefined) return `${row} ${engine} ${system}: could not be run (${seconds} s)\n${failed.slice(0, 3000)}`;
  const figures = [
    sent === undefined ? '' : `sent ${sent}, executed ${executed}, lost ${lost}, waiting ${waiting ?? 0}, repeated ${repeated}`,
    recoveryS === undefined ? '' : `recovery ${recoveryS.toFixed(2)} s`,
    note ?? '',
    missed.length > 0 ? `GOAL MISSED: ${missed.join('; ')}` : system === 'ctq' ? 'goal met' : '',
  ].filter((text) => text !== '');
  return `${row} ${engine} ${system}: ${figures.join('; ')} (${seconds} s)`;
}

/** `M6-M12` is all between. */
function chosen(rows: readonly Row[]): readonly Row[] {
  if (positionals.length === 0) return rows;
  const wanted = new Set<string>();
  for (const word of positionals) {
    const [from = '', to = from] = word.split('-');
    const [first, last] = [rows.findIndex(({ id }) => id === from), rows.findIndex(({ id }) => id === to)];
    if (first < 0 || last < 0) throw new Error(`no row ${word}; --list names them`);
    for (const { id } of rows.slice(first, last + 1)) wanted.add(id);
  }
  return rows.filter(({ id }) => wanted.has(id));
}

async function main(): Promise<number> {
  if (values.help === true) return (say(HELP), 0);
  if (values.list === true) {
    for (const { id, fault, goal } of ROWS) say(`${id.padEnd(4)} ${fault}: ${goal.words}`);
    return 0;
  }
  if (values.report === true) return (await writePage(), 0);
  const short = values.short ?? false;
  const soaking = values.soak === true;
  const rows = soaking
    ? [
        soakRow({
          minutes: Number(values.minutes ?? 30),
          tasks: Number(values.tasks ?? 500_000),
          faultEveryS: Number(values.every ?? 5),
          say,
        }),
      ]
    : chosen(ROWS);
  const withCelery = findCeleryPython() !== undefined;
  if (!withCelery) say('Celery is not measured: no Python here can import it (node tools/setup.mjs --test installs it)');
  let bad = 0;
  for (const row of rows) {
    if (row.scenarios.length > 0) say(`\n${row.id}  ${row.fault}\n     goal: ${row.goal.words}`);
    for (const scenario of row.scenarios) {
      if (values.engine !== undefined && scenario.engine !== (values.engine as Engine)) continue;
      for (const system of scenario.systems ?? (scenario.engine === 'sqlite' ? ['ctq' as const] : ['ctq' as const, 'celery' as const])) {
        if ((values.system !== undefined && system !== values.system) || (system === 'celery' && !withCelery)) continue;
        const result = await runScenario(row, scenario, system, short);
        say(line(result));
        if (result.missed.length > 0 || (result.failed?.startsWith('skipped: ') === false && system === 'ctq')) bad += 1;
        if (!short && result.failed === undefined) keepResult(result);
      }
    }
  }
  if (!short) await writePage();
  return bad === 0 ? 0 : 1;
}

process.exitCode = await main().catch(refuse);
// Handles of killed servers must not keep the report from ending.
process.exit(); // oxlint-disable-line unicorn/no-process-exit -- see above
