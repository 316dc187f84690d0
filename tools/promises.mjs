/**
 * `npm run test:promises [-- word…]`: do the tests notice? Breaks one promise after another in a copy of the tree (a git worktree of
 * HEAD) and runs the tests that should see it; one of them must fail, and its title must say what was promised. With words only the
 * promises that contain one of them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BROKEN_PROMISES } from '../test/promises/broken-promises.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const words = process.argv.slice(2);
const chosen = BROKEN_PROMISES.filter(({ promise }) => words.length === 0 || words.some((word) => promise.includes(word)));
if (chosen.length === 0) {
  console.error(
    `promises: none contains ${words.join(' or ')}; there are:\n  ${BROKEN_PROMISES.map(({ promise }) => promise).join('\n  ')}`,
  );
  process.exit(64);
}

function git(...args) {
  const { status, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
}

/** The titles of the tests that fail; undefined when vitest could not say. */
function failingTests(copy, tests) {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const run = [vitest, 'run', ...tests, '--reporter=json', `--outputFile.json=${report}`];
  spawnSync(process.execPath, run, { cwd: copy, stdio: 'ignore', timeout: 300_000 });
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    return testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    );
  } catch {
    return undefined;
  }
}

/** Those that fail in this tree as it is say nothing. */
const failingAnyway = new Map();
function knownFailures(copy, tests) {
  const key = tests.join(' ');
  if (!failingAnyway.has(key)) failingAnyway.set(key, failingTests(copy, tests));
  return failingAnyway.get(key) ?? [];
}

/** What became of one broken promise: undefined when it was noticed and named. */
function breakOne(copy, { file, find, replace, tests, says }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(find).length !== 2) return `${file} does not hold that text exactly once: the list is out of date`;
  const known = knownFailures(copy, tests);
  if (known.length > 0) console.log(`(failing anyway: ${known.join(' · ').slice(0, 300)})`);
  writeFileSync(path, text.split(find).join(replace));
  try {
    const failing = failingTests(copy, tests)?.filter((title) => !known.includes(title));
    if (failing === undefined) return 'vitest did not get as far as a report';
    if (failing.length === 0) return `NOT NOTICED by ${tests.join(', ')}`;
    const naming = failing.filter((title) => says.test(title));
    if (naming.length === 0) return `noticed, but not by its name: ${failing.join(' · ')}`;
    console.log(`ok    by “${naming[0]}”${failing.length > 1 ? ` and ${failing.length - 1} more` : ''}`);
    return undefined;
  } finally {
    writeFileSync(path, text);
  }
}

const copy = mkdtempSync(join(tmpdir(), 'ctq-promises-'));
let failures = 0;
try {
  git('worktree', 'add', '--quiet', '--detach', '--force', copy, 'HEAD');
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  spawnSync(process.execPath, [join(copy, 'tools', 'build.mjs'), '--quiet'], { cwd: copy, stdio: 'inherit' });
  for (const one of chosen) {
    process.stdout.write(`${one.promise}\n      `);
    const problem = breakOne(copy, one);
    if (problem === undefined) continue;
    failures += 1;
    console.log(`FAILED ${problem}`);
  }
} finally {
  git('worktree', 'remove', '--force', copy);
}
console.log(`${chosen.length - failures} of ${chosen.length} broken promises were noticed by name`);
process.exitCode = failures === 0 && chosen.length > 0 ? 0 : 1;
