/**
 * Every process and folder of a benchmark is known here, and gone when the benchmark ends, however it ends: each
 * process leads a group of its own, because the children of a prefork worker outlive a parent that is killed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const BENCH = fileURLToPath(new URL('..', import.meta.url));
export const CTQ = join(BENCH, '..', 'bin', 'ctq.js');
export const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
export const PEERS = join(BENCH, 'peers');

const running = new Set();
const folders = new Set();

process.on('exit', () => {
  for (const child of running) killGroup(child);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.on(signal, () => process.exit(code));
}

/** Starts a program; what it says on stdout and stderr is kept, the last of it, for when something goes wrong. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: options.cwd ?? PEERS,
    env: { ...process.env, CTQ_ALLOW_ROOT: '1', PYTHONDONTWRITEBYTECODE: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      child.said = options.keepAll === true ? child.said + text : (child.said + text).slice(-4000);
    });
  }
  child.on('error', (error) => {
    child.said += error.message;
  });
  child.on('exit', () => running.delete(child));
  return child;
}

/** Waits until a program has said `text`. */
export async function whenSaid(child, text, deadlineMs = 60_000) {
  const giveUpAt = performance.now() + deadlineMs;
  while (!child.said.includes(text)) {
    if (hasEnded(child)) throw new Error(`${child.spawnargs.join(' ')} ended: ${child.said}`);
    if (performance.now() > giveUpAt) throw new Error(`${child.spawnargs.join(' ')} never said "${text}": ${child.said}`);
    await sleep(10);
  }
}

/** Runs a program to its end, or stops it when that takes too long. @returns What it printed. */
export async function finished(child, deadlineMs = 300_000) {
  if (!hasEnded(child)) {
    const deadline = setTimeout(() => {
      child.said += `stopped after ${deadlineMs / 1000} s`;
      killGroup(child);
    }, deadlineMs);
    await once(child, 'close');
    clearTimeout(deadline);
  }
  if (child.exitCode !== 0) throw new Error(`${child.spawnargs.join(' ')}: ${child.said}`);
  return child.said;
}

/** Ends a program and its children at once, or with a signal that lets it tidy up. */
export async function stop(child, signal = 'SIGKILL') {
  if (child === undefined || hasEnded(child)) return;
  const gone = once(child, 'exit');
  if (signal === 'SIGKILL') killGroup(child);
  else child.kill(signal);
  await gone;
  killGroup(child);
}

export function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/** A folder that is gone at the end. */
export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-bench-'));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Gives `use` such a folder, and removes it. */
export async function withFolder(use) {
  const folder = makeFolder();
  try {
    return await use(folder);
  } finally {
    removeFolder(folder);
  }
}

export function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

/** Milliseconds from the call to the end of a program. Some tell what they found by their exit code. */
export function timed(command, args, { anyStatus = false, ...options } = {}) {
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: PEERS, ...options });
  const tookMs = performance.now() - from;
  if (status !== 0 && !(anyStatus && status !== null))
    throw new Error(`${[command, ...args].join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return { tookMs, stdout };
}

/** Resident memory of one process, MB. */
export function residentMb(pid) {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

/** The process and its children. */
export function family(pid) {
  return [pid, ...readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)];
}

/** Proportional set size of the process and its children, MB: pages that are shared count once. */
export function familyMb(pid) {
  const kib = family(pid).map((one) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0));
  return (kib.reduce((sum, one) => sum + one, 0) * 1024) / 1e6;
}

/** Processor time of the process and its children, as the kernel counts it, in hundredths of a second. */
export function familyCpuMs(pid) {
  const fields = family(pid).map((one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  });
  return fields.reduce((sum, own) => sum + (Number(own[11]) + Number(own[12])) * 10, 0);
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
