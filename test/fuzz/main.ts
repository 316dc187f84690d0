/**
 * `npm run fuzz -- --count 1000000`: mutated messages, and everything else that strangers or hurried people write, in processes of
 * their own with little memory: one that dies, hangs or grows is a finding. The same seed makes the same cases.
 */
import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Finding, inputOf, runCases } from './run.js';
import { MESSAGES, TARGETS } from './targets.js';

/** What one process reads; then it ends, and takes with it what it may have kept. */
const PER_PROCESS = 20_000;
/** A process that has not finished a case for so long hangs. */
const PATIENCE_MS = 60_000;
/** More than a worker needs for any of it. */
const HEAP_MIB = 512;

const OPTIONS = {
  count: { type: 'string', default: '100000' },
  seed: { type: 'string' },
  target: { type: 'string' },
  from: { type: 'string', default: '0' },
  /** Where findings are written. */
  out: { type: 'string', default: 'node_modules/.cache/ctq-fuzz/findings' },
  show: { type: 'string' },
  child: { type: 'boolean' },
} as const;

const values = readWords();
if (values.target !== undefined && !(values.target in TARGETS))
  refuse(`there is no target ${values.target}; there are ${Object.keys(TARGETS).join(', ')}`);
const seed = values.seed ?? String(Date.now());
const count = number(values.count, '--count');
const from = number(values.from, '--from');

function readWords() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(why: string): never {
  process.stderr.write(`fuzz: ${why}; see the top of test/fuzz/main.ts\n`);
  process.exit(64); // oxlint-disable-line unicorn/no-process-exit -- a program of its own
}

function number(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) refuse(`${name} must be a whole number, not ${text}`);
  return value;
}

function targetNamed(name: string): ReturnType<(typeof TARGETS)[string]['make']> {
  const entry = TARGETS[name];
  if (entry === undefined) throw new TypeError(`no target ${name}`);
  return entry.make();
}

type Report = { readonly at: number } | { readonly findings: readonly Finding[] };

async function beChild(name: string): Promise<void> {
  let told = 0;
  const findings = await runCases(targetNamed(name), { seed, from, count }, (at) => {
    const now = performance.now();
    // Often enough for the patience of the parent; each case would cost more than the case.
    if (now - told < 200) return;
    told = now;
    process.send?.({ at } satisfies Report);
  });
  await new Promise<void>((resolve) => process.send?.({ findings } satisfies Report, () => resolve()));
  process.exitCode = 0;
  process.disconnect();
}

/** One process; what becomes of it is the answer. */
function runChild(name: string, begin: number, cases: number): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    const args = ['--child', '--target', name, '--seed', seed, '--from', String(begin), '--count', String(cases)];
    const child = fork(process.argv[1] ?? '', args, {
      execArgv: [`--max-old-space-size=${HEAP_MIB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let [at, stderr] = [begin, ''];
    let findings: readonly Finding[] | undefined;
    let timer: NodeJS.Timeout;
    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    };
    watch();
    child.stderr?.on('data', (text: Buffer) => {
      stderr = (stderr + String(text)).slice(-4000);
    });
    child.on('message', (report: Report) => {
      watch();
      if ('at' in report) ({ at } = report);
      else ({ findings } = report);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (findings !== undefined && code === 0) return resolve(findings);
      const why = signal === 'SIGKILL' ? 'it hung' : `it ended with ${code ?? signal}`;
      const what = `${why} at case ${at} or a little later\n${stderr}`;
      resolve([...(findings ?? []), { target: name, seed, number: at, what, input: '' }]);
    });
  });
}

async function beParent(): Promise<void> {
  const names = values.target === undefined ? Object.keys(TARGETS) : [values.target];
  const found: Finding[] = [];
  let [messages, others] = [0, 0];
  for (const name of names) {
    const share = values.target === undefined ? (TARGETS[name]?.share ?? 0) : 1;
    const cases = Math.round(count * share);
    const startedAt = performance.now();
    const before = found.length;
    for (let begin = 0; begin < cases; begin += PER_PROCESS) {
      found.push(...(await runChild(name, from + begin, Math.min(PER_PROCESS, cases - begin))));
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (MESSAGES.has(name)) messages += cases;
    else others += cases;
    say(`${name.padEnd(10)} ${String(cases).padStart(8)} cases  ${seconds.toFixed(1).padStart(6)} s  ${found.length - before} findings`);
  }
  for (const finding of found) tell(finding);
  say(`${messages} messages and ${others} other inputs, seed ${seed}: ${found.length} findings`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

function tell(finding: Finding): void {
  const folder = values.out;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${finding.target}-${finding.seed}-${finding.number}.json`);
  writeFileSync(file, `${JSON.stringify(finding, null, 2)}\n`);
  say(`\n${finding.target} case ${finding.number} (${file}):\n${finding.what.slice(0, 2000)}`);
  say(`  again: npm run fuzz -- --target ${finding.target} --seed ${finding.seed} --from ${finding.number} --count 1`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (values.show !== undefined) say(inputOf(targetNamed(values.target ?? 'worker'), seed, number(values.show, '--show')));
else await (values.child === true ? beChild(values.target ?? 'worker') : beParent());
