/** A worker's life from outside: background, restart, rotation, what it says when asked, how it ends. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { NOT_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const tasks = {
  'tasks.ts': `import { existsSync } from 'node:fs';
import { Ctq } from 'ctq';
import { word } from './word.js';
export const app = new Ctq('tasks', { workerSoftShutdownTimeout: Number(process.env['SOFT'] ?? '0') });
export const say = app.task('tasks.say', () => word);
export const sleep = app.task({ name: 'tasks.sleep', bind: true }, (task, seconds: number) => new Promise<string>((resolve, reject) => {
  const timer = setTimeout(() => resolve('slept'), seconds * 1000);
  task.signal.addEventListener('abort', () => { clearTimeout(timer); reject(task.signal.reason); });
}));
/** Until the file is gone. */
export const wait = app.task('tasks.wait', (file: string) => new Promise<string>((resolve) => {
  console.log('waiting for the end of', file);
  const timer = setInterval(() => {
    if (existsSync(file)) return;
    clearInterval(timer);
    resolve('waited');
  }, 20);
}));
`,
  'word.ts': `export const word = 'first';\n`,
};

const ready = /celery@\S+ ready\./;
const background: number[] = [];
afterEach(() => {
  for (const pid of background.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // As it should be.
    }
  }
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

function pidIn(file: string): number {
  const pid = Number(readFileSync(file, 'utf8'));
  background.push(pid);
  return pid;
}

const readyCount = (log: string): number => readFileSync(log, 'utf8').match(/ ready\./g)?.length ?? 0;

/** Asked until it does, for what was received has not begun at that moment. */
async function tells(worker: OwnedProcess, patterns: readonly RegExp[]): Promise<void> {
  const look = (): void => {
    worker.signal('SIGUSR1');
    for (const pattern of patterns) expect(worker.output).toMatch(pattern);
  };
  await eventually(look, { intervalMs: 500 });
}

describe('ctq worker -D', { timeout: 60_000 }, () => {
  const detached = ['worker', '-A', 'tasks', '-D', '--pidfile', 'w.pid', '-f', 'w.log', '-l', 'info'];

  it('comes back when the worker is there, and leaves it running in a session of its own', async () => {
    const cwd = tmpFolder(tasks);
    const { code, stderr } = await runCtq(detached, { cwd });
    expect([code, stderr]).toEqual([0, '']);
    const pid = pidIn(join(cwd, 'w.pid'));
    await eventually(() => expect(readyCount(join(cwd, 'w.log'))).toBe(1));
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]).toBe(String(pid));
    expect((await runCtq(['send', 'tasks.say', '-w', '--timeout', '20'], { cwd })).stdout).toBe('first\n');
    process.kill(pid, 'SIGTERM');
    await eventually(() => expect(alive(pid)).toBe(false));
    expect(existsSync(join(cwd, 'w.pid'))).toBe(false);
  });

  it('passes on why there is none, and its exit code', async () => {
    const cwd = tmpFolder(tasks);
    expect((await runCtq(detached, { cwd })).code).toBe(0);
    const pid = pidIn(join(cwd, 'w.pid'));
    const second = await runCtq(detached, { cwd });
    expect([second.code, second.stderr]).toEqual([73, expect.stringContaining(`Seems we're already running? (pid: ${pid})`)]);
    const noFolder = await runCtq(['worker', '-A', 'tasks', '-D', '-f', 'missing/w.log'], { cwd });
    expect([noFolder.code, noFolder.stderr]).toEqual([73, expect.stringContaining('there is no folder')]);
    const noApp = await runCtq(['worker', '-A', 'nothing', '-D'], { cwd });
    expect([noApp.code, noApp.stderr]).toEqual([2, expect.stringContaining('nothing')]);
  });
});

describe('ctq worker', { timeout: 60_000 }, () => {
  it('gives new files the mode bits that --umask leaves', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-f', 'w.log', '-l', 'info', '--umask', '077'], { cwd });
    await eventually(() => expect(readyCount(join(cwd, 'w.log'))).toBe(1));
    expect(statSync(join(cwd, 'w.log')).mode & 0o777).toBe(0o600);
    await worker.stop();
  });

  it('makes nothing that everybody may write, even where it was started with the mask of a daemon', async () => {
    const cwd = tmpFolder({ 'tasks.mjs': "import { writeFileSync } from 'node:fs'; writeFileSync('made', ''); export function f() {}" });
    const before = process.umask(0);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info'], { cwd });
    process.umask(before);
    await worker.waitForOutput(ready);
    expect(statSync(join(cwd, 'made')).mode & 0o777).toBe(0o640);
    await worker.stop();
  });

  testUnless(NOT_ROOT, 'runs as the user and group it is told, with no way back', async () => {
    const cwd = tmpFolder(tasks);
    chmodSync(cwd, 0o777);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info', '--uid', 'nobody'], { cwd });
    await worker.waitForOutput(ready);
    const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8');
    const fields = (name: string): string[] => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/) ?? [];
    expect(new Set(fields('Uid'))).toEqual(new Set(['65534']));
    expect(new Set(fields('Gid')).has('0')).toBe(false);
    expect(fields('Groups')).not.toContain('0');
    await worker.stop();
  });

  it('tells what runs on USR1', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', `sqlite://${cwd}/q.db`, '-l', 'info'], { cwd });
    await worker.waitForOutput(ready);
    await runCtq(['send', 'tasks.sleep', '60', '--task-id', 'long-one', '-b', `sqlite://${cwd}/q.db`], { cwd });
    await worker.waitForOutput(/long-one\] received/);
    await tells(worker, [/1 of 100 slots of the async pool are taken/, / {2}tasks\.sleep\[long-one\] for [\d.]+ s \(60,\) \{\}/]);
    await worker.stop('SIGQUIT');
  });

  it('tells on USR1 where the code of a busy child is', async () => {
    const cwd = tmpFolder({
      ...tasks,
      'busy.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('busy');
function turnRoundAndRound(): never {
  for (;;);
}
export const spin = app.task('busy.spin', () => turnRoundAndRound());
`,
    });
    const worker = startCtq(['worker', '-A', 'busy', '-b', `sqlite://${cwd}/q.db`, '-l', 'info', '-P', 'prefork', '-c', '1'], { cwd });
    await worker.waitForOutput(ready);
    await runCtq(['send', 'busy.spin', '--task-id', 'busy-one', '-b', `sqlite://${cwd}/q.db`], { cwd });
    await worker.waitForOutput(/busy-one\] received/);
    await tells(worker, [
      / {2}busy\.spin\[busy-one\] for [\d.]+ s, in process \d+ \(\) \{\}/,
      / {6}at turnRoundAndRound \(\S+busy\.ts:4:\d+\)/,
    ]);
    await worker.stop('SIGQUIT');
  });

  it('writes to a new file on USR2, when somebody has moved the old one away', async () => {
    const cwd = tmpFolder(tasks);
    const log = join(cwd, 'w.log');
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-f', log, '-l', 'info'], { cwd });
    await eventually(() => expect(readyCount(log)).toBe(1));
    renameSync(log, `${log}.1`);
    worker.signal('SIGUSR2');
    await eventually(() => expect(readFileSync(log, 'utf8')).toContain('The log is open again.'));
    expect(readFileSync(`${log}.1`, 'utf8')).not.toContain('open again');
    await worker.stop();
  });

  it('starts again on HUP, behind the same pid, and ends as that one ends', async () => {
    const cwd = tmpFolder(tasks);
    const log = join(cwd, 'w.log');
    const worker = startCtq(['worker', '-A', 'tasks', '-f', log, '-l', 'info', '--pidfile', 'w.pid'], { cwd });
    await eventually(() => expect(readyCount(log)).toBe(1));
    writeFileSync(join(cwd, 'word.ts'), `export const word = 'second';\n`);
    worker.signal('SIGHUP');
    await eventually(() => expect(readyCount(log)).toBe(2));
    expect(worker.stderr).toContain('Restarting ctq worker (worker -A tasks -f');
    const inner = pidIn(join(cwd, 'w.pid'));
    expect(inner).not.toBe(worker.pid);
    expect((await runCtq(['send', 'tasks.say', '-w', '--timeout', '20'], { cwd })).stdout).toBe('second\n');
    worker.signal('SIGHUP');
    await eventually(() => expect(readyCount(log)).toBe(3));
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(alive(inner)).toBe(false);
    expect(existsSync(join(cwd, 'w.pid'))).toBe(false);
  });

  it('gives what runs Celery’s soft time-out on QUIT', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd, env: { SOFT: '60' } });
    await worker.waitForOutput(ready);
    const file = join(cwd, 'until-it-is-gone');
    writeFileSync(file, '');
    await runCtq(['send', 'tasks.wait', JSON.stringify(file), '--task-id', 'short'], { cwd });
    await worker.waitForOutput(/waiting for the end of/);
    worker.signal('SIGQUIT');
    await worker.waitForOutput(/Initiating Soft Shutdown, terminating in 60 seconds/);
    rmSync(file);
    expect((await worker.waitForExit()).code).toBe(0);
    expect(worker.stderr).toMatch(/Task tasks\.wait\[short\] succeeded/);
    expect(worker.stderr).not.toContain('Cold shutdown');
  });

  it('is cold when the soft time-out is over, and when nothing runs', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd, env: { SOFT: '0.5' } });
    await worker.waitForOutput(ready);
    await runCtq(['send', 'tasks.sleep', '60', '--task-id', 'long'], { cwd });
    await worker.waitForOutput(/long\] received/);
    worker.signal('SIGQUIT');
    await worker.waitForOutput(/worker: Cold shutdown \(MainProcess\)/);
    await worker.exited;
    expect(worker.stderr).toContain('Restoring 1 unacknowledged message(s)');
    const idle = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info'], { cwd, env: { SOFT: '20' } });
    await idle.waitForOutput(ready);
    expect((await idle.stop('SIGQUIT')).code).toBe(0);
    expect(idle.stderr).not.toContain('Soft Shutdown');
  });

  it('takes TERM for QUIT where REMAP_SIGTERM says so', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info'], { cwd, env: { REMAP_SIGTERM: 'SIGQUIT' } });
    await worker.waitForOutput(ready);
    expect((await worker.stop('SIGTERM')).code).toBe(0);
    expect(worker.stderr).toContain('worker: Cold shutdown (MainProcess)');
  });

  it('leaves nothing behind when it is ended while it starts', async () => {
    const cwd = tmpFolder({ 'tasks.ts': `await new Promise((resolve) => setTimeout(resolve, 20_000));\n` });
    const worker = startCtq(['worker', '-A', 'tasks', '--pidfile', 'w.pid'], { cwd });
    await eventually(() => expect(existsSync(join(cwd, 'w.pid'))).toBe(true));
    expect((await worker.stop('SIGTERM')).code).toBe(143);
    expect(existsSync(join(cwd, 'w.pid'))).toBe(false);
  });

  it('tells systemd when it is ready, that it is well, and that it stops', async () => {
    const cwd = tmpFolder(tasks);
    const bin = join(cwd, 'bin');
    mkdirSync(bin);
    const said = join(cwd, 'said.txt');
    writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${said}\n`, { mode: 0o755 });
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, NOTIFY_SOCKET: join(cwd, 'socket'), WATCHDOG_USEC: '1000000' };
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info'], { cwd, env });
    // Each word is a process, so they need not arrive in their order.
    const words = (pattern: RegExp): number => readFileSync(said, 'utf8').match(pattern)?.length ?? 0;
    const READY = /^READY=1 STATUS=celery@\S+ ready\.$/gm;
    const WATCHDOG = /^WATCHDOG=1$/gm;
    await eventually(() => expect([words(READY), words(WATCHDOG) >= 2]).toEqual([1, true]));
    worker.signal('SIGHUP');
    await eventually(() => expect([words(/^RELOADING=1$/gm), words(READY)]).toEqual([1, 2]));
    const before = words(WATCHDOG);
    await eventually(() => expect(words(WATCHDOG)).toBeGreaterThan(before));
    expect(readFileSync(said, 'utf8')).not.toContain('STOPPING');
    await worker.stop();
    await eventually(() => expect(words(/^STOPPING=1$/gm)).toBe(1));
  });

  it('remembers what was revoked in --statedb', async () => {
    const cwd = tmpFolder(tasks);
    const argv = ['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info', '-S', '%n.state'];
    const worker = startCtq(argv, { cwd });
    await worker.waitForOutput(ready);
    await worker.stop();
    expect(JSON.parse(readFileSync(join(cwd, 'celery.state'), 'utf8'))).toMatchObject({ format: 'ctq-worker-state', revoked: {} });
    expect(statSync(join(cwd, 'celery.state')).mode & 0o777).toBe(0o600);
  });
});

describe('ctq worker --watch', { timeout: 120_000 }, () => {
  it('starts again when a module changes, waits for one that does not load, and ends on TERM', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '--watch', '-f', 'w.log', '-l', 'info'], { cwd });
    const log = join(cwd, 'w.log');
    const say = async (): Promise<string> => (await runCtq(['send', 'tasks.say', '-w', '--timeout', '20'], { cwd })).stdout;
    await eventually(() => expect(readyCount(log)).toBe(1));
    writeFileSync(join(cwd, 'word.ts'), `export const word = 'changed';\n`);
    await worker.waitForOutput(/word\.ts has changed: starting again/);
    await eventually(() => expect(readyCount(log)).toBeGreaterThanOrEqual(2));
    await eventually(async () => expect(await say()).toBe('changed\n'), { timeoutMs: 40_000 });
    const ready = readyCount(log);
    writeFileSync(join(cwd, 'word.ts'), 'export const word = ;\n');
    await worker.waitForOutput(/ctq: .*word\.ts/);
    writeFileSync(join(cwd, 'word.ts'), `export const word = 'mended';\n`);
    await eventually(() => expect(readyCount(log)).toBeGreaterThan(ready));
    // It may have been read while it was being written, and once more then.
    await eventually(async () => expect(await say()).toBe('mended\n'), { timeoutMs: 40_000 });
    expect((await worker.stop('SIGTERM')).code).toBe(0);
  });
});
