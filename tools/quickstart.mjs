/**
 * `npm run quickstart`: from a bare clone to a task that was sent, run by a worker process of its own,
 * and answered. Needs Node and npm and nothing else; every line after a `$` is really run, in a
 * project folder as a user would have it, with no server anywhere.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const ctq = join(root, 'bin', 'ctq.js');
const example = join(root, 'examples', 'quickstart', 'tasks.ts');
const STEP_TIMEOUT_MS = 60_000;

const bold = (text) => (process.stdout.isTTY && !process.env.NO_COLOR ? `\u001b[1m${text}\u001b[0m` : text);
const say = (text = '') => process.stdout.write(`${text}\n`);

/** The reader's own settings would send the example to their servers. Root may run it: the tasks are ours. */
function plainEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(CTQ|CELERY|NODE_OPTIONS)/.test(name));
  return { ...Object.fromEntries(kept), CTQ_ALLOW_ROOT: '1' };
}

/** A project folder: one file of tasks, and ctq among its packages. */
function makeProject() {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-quickstart-'));
  copyFileSync(example, join(folder, 'tasks.ts'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'ctq'), 'junction');
  return folder;
}

/** Starts the worker and resolves when it is ready; its lines are shown as they come. */
async function startWorker(folder) {
  say(bold('$ ctq worker -A tasks &'));
  const worker = spawn(process.execPath, [ctq, 'worker', '-A', 'tasks', '-l', 'info'], {
    cwd: folder,
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let timer;
  await new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the worker was not ready within ${STEP_TIMEOUT_MS / 1000} s`)), STEP_TIMEOUT_MS);
    worker.once('error', reject);
    worker.once('exit', (code, signal) => reject(new Error(`the worker ended (${signal ?? `exit code ${code}`})`)));
    for (const stream of [worker.stdout, worker.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        say(`  worker | ${line}`);
        if (/\bready\.\s*$/.test(line)) resolve();
      });
    }
  })
    .catch((error) => {
      worker.kill('SIGKILL');
      throw error;
    })
    .finally(() => clearTimeout(timer));
  return worker;
}

async function stopWorker(worker) {
  if (worker.exitCode !== null || worker.signalCode !== null) return worker.exitCode;
  const gone = new Promise((resolve) => worker.once('close', resolve));
  const impatience = setTimeout(() => worker.kill('SIGKILL'), STEP_TIMEOUT_MS);
  worker.kill('SIGTERM');
  await gone;
  clearTimeout(impatience);
  return worker.exitCode;
}

/** Runs one ctq command, shows it with its output, and gives its standard output. */
async function ctqCommand(folder, args) {
  say(bold(`$ ctq ${args.join(' ')}`));
  const run = spawn(process.execPath, [ctq, ...args], {
    cwd: folder,
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: STEP_TIMEOUT_MS,
  });
  let stdout = '';
  run.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    process.stdout.write(text);
  });
  const code = await new Promise((resolve, reject) => run.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`ctq ${args[0]} ended with exit code ${code}`);
  return stdout.trim();
}

async function tour(folder) {
  say(bold('$ cat tasks.ts'));
  say(readFileSync(example, 'utf8').trimEnd());
  say();
  const worker = await startWorker(folder);
  const stopWithUs = () => worker.kill('SIGKILL');
  process.once('exit', stopWithUs);
  try {
    say();
    const id = await ctqCommand(folder, ['send', 'tasks.add', '3', '4']);
    const answer = await ctqCommand(folder, ['result', id, '--wait', '--timeout', '30']);
    if (answer !== '7') throw new Error(`3 + 4 should be 7, and the result was ${JSON.stringify(answer)}`);
    say();
    say(bold('$ kill %1'));
    const code = await stopWorker(worker);
    if (code !== 0) throw new Error(`the worker ended with exit code ${code}`);
  } finally {
    await stopWorker(worker);
    process.off('exit', stopWithUs);
  }
}

async function main() {
  setup();
  const { status, stdout } = spawnSync(process.execPath, [ctq, '--version'], { encoding: 'utf8', env: plainEnvironment() });
  if (status !== 0) throw new Error('bin/ctq.js does not start');
  const folder = makeProject();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  say();
  say(`ctq ${stdout.trim()}, in the new folder ${folder}`);
  say();
  await tour(folder);
  say();
  say('That was a task sent by one process, run by another and answered, over a file (.ctq/ctq.db) and no server.');
  say('Next: npm pack makes the package for a project of your own, where npx ctq runs it; docs/tutorial.md goes on from there.');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`quickstart: ${error.message}\n`);
  process.exitCode = 1;
}
