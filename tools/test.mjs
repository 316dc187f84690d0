/**
 * `npm test`: prepares what is missing, checks types, lint, format and what nobody uses, runs all tests, and ends with
 * one line of numbers. `npm test -- test/unit/protocol` hands its words to vitest and runs only that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const filters = process.argv.slice(2);
const inCi = Boolean(process.env.CI);

/** A case that an engine cannot keep says so and why in its title (test/contract), and is no missing test. */
const NOT_APPLICABLE = /\(skipped: .{10,}\)$/;

const checks = () => [
  { name: 'build', command: [join(root, 'tools', 'build.mjs'), '--if-stale', '--quiet'] },
  { name: 'types', command: [binOf('tsc'), '--noEmit', '-p', '.'] },
  { name: 'lint', command: [binOf('oxlint'), '--type-aware', '--deny-warnings', '--format=unix'] },
  { name: 'format', command: [binOf('biome'), 'format'] },
  { name: 'unused', command: [binOf('knip')] },
  { name: 'audit', command: [join(root, 'tools', 'audit.mjs')] },
];

function node(args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 1, 2] }).status === 0;
}

/** The JavaScript file behind `node_modules/.bin/<name>`: no shell, no npx, the same everywhere. */
function binOf(name) {
  const packages = { tsc: 'typescript', biome: '@biomejs/biome', oxlint: 'oxlint', knip: 'knip', vitest: 'vitest' };
  const folder = join(root, 'node_modules', packages[name]);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[name]);
}

/** The build, whose files the others look at, too, and then all others beside one another; told in their order, each with what it says. */
async function runChecks() {
  const [build, ...others] = checks();
  const ran = [await runCheck(build)];
  console.log(ran[0].text);
  for (const check of others.map(runCheck)) {
    ran.push(await check);
    console.log(ran.at(-1).text);
  }
  return ran.filter(({ passed }) => !passed).map(({ name }) => name);
}

async function runCheck({ name, command }) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
  const [code] = await once(child, 'close');
  const passed = code === 0;
  const took = Math.round(performance.now() - startedAt);
  return { name, passed, text: `${Buffer.concat(said)}${passed ? 'ok' : 'FAILED'}  ${name} (${took} ms)` };
}

function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-report-'));
  const file = join(folder, 'vitest.json');
  try {
    const ok = node([binOf('vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...filters]);
    return { ok, ...count(file) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Numbers from vitest's own report; a test file that would not load counts as a failure, an empty run too. */
function count(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
  const tests = report.testResults.flatMap((result) => result.assertionResults);
  const unloadable = report.testResults.filter(
    (result) => result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  );
  const named = (status) => tests.filter((test) => test.status === status);
  return {
    passed: named('passed').length,
    failed: named('failed').length + unloadable.length,
    skipped: tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => test.fullName),
  };
}

async function main() {
  try {
    // The build is one of the checks below: types and tests tell more about a tree that does not build.
    setup({ test: true, build: 'skip' });
  } catch (error) {
    console.error(`setup: ${error.message}`);
    console.log('0 passed, 1 failed, 0 skipped');
    return 1;
  }
  const failedChecks = filters.length === 0 ? await runChecks() : [];
  const tests = runVitest();
  const unexplained = tests.skipped.filter((name) => !NOT_APPLICABLE.test(name));
  let failed = tests.failed + failedChecks.length;
  if (failedChecks.length > 0) console.log(`these checks failed: ${failedChecks.join(', ')}`);
  // An error outside of any test, an interrupted run, or no test at all.
  if (!tests.ok && failed === 0) failed = 1;
  if (inCi && unexplained.length > 0) console.log(`skipped, which is not accepted in CI:\n  ${unexplained.join('\n  ')}`);
  console.log(`${tests.passed} passed, ${failed} failed, ${tests.skipped.length} skipped`);
  return failed > 0 || (inCi && unexplained.length > 0) ? 1 : 0;
}

process.exitCode = await main();
