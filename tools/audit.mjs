/**
 * `npm run audit`, and a step of `npm test`: known weaknesses in what is installed. Fails for any in a package that users get, and
 * for a high one in a package that only the workshop uses. Where the registry does not answer that question (offline, a mirror
 * that only hands out packages) it says so and fails nothing: a test run must not depend on somebody's network.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SEVERE = new Set(['high', 'critical']);

/** What npm says, or why it cannot. */
function askNpm(...args) {
  const npm = /npm-cli\.c?js$/.test(process.env.npm_execpath ?? '') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const quickly = ['--fetch-retries=0', '--fetch-timeout=10000'];
  const { stdout, error } = spawnSync(npm[0], [...npm.slice(1), 'audit', '--json', ...quickly, ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error !== undefined) return { why: error.message };
  return judge(stdout);
}

function judge(stdout) {
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    return { why: 'npm gave no answer' };
  }
  if (typeof answer.vulnerabilities !== 'object' || answer.vulnerabilities === null) {
    return { why: String(answer.message ?? answer.error?.summary ?? 'npm gave another answer').split('\n', 1)[0] };
  }
  return {
    found: Object.values(answer.vulnerabilities).map(({ name, severity, via }) => ({
      name,
      severity,
      title: via.find((one) => typeof one === 'object')?.title ?? `through ${via.join(', ')}`,
    })),
  };
}

/** The findings that count. */
function findings(forUsers, forAll) {
  const users = new Set(forUsers.map(({ name }) => name));
  return [...forUsers, ...forAll.filter(({ name, severity }) => !users.has(name) && SEVERE.has(severity))];
}

function main() {
  const forUsers = askNpm('--omit=dev');
  const forAll = forUsers.why === undefined ? askNpm() : forUsers;
  const why = forUsers.why ?? forAll.why;
  if (why !== undefined) {
    console.log(`audit: not done, for the registry does not answer it: ${why}`);
    return 0;
  }
  const bad = findings(forUsers.found, forAll.found);
  for (const { name, severity, title } of bad) console.log(`audit: ${severity}: ${name}: ${title}`);
  if (bad.length === 0) console.log(`audit: nothing known against what is installed (${forAll.found.length} below what counts)`);
  return bad.length === 0 ? 0 : 1;
}

process.exitCode = main();
