/** `ctq worker` as a process: log, pidfile, signals, and the app it finds. The broker is the embedded file. */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { NOT_LINUX, NOT_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const tasks = {
  'tasks.ts': `import { Ctq } from 'ctq';

export const app = new Ctq('tasks');

export const add = app.task('tasks.add', (x: number, y: number): number => x + y);

export const greet = app.task({ name: 'tasks.greet', bind: true }, (task, name: string): string => {
  task.logger.warning('greeting %s', name);
  return 'hello ' + name;
});

interface Erased { readonly a: string }
export const boom = app.task('tasks.boom', (): never => {
  throw new TypeError('boom');
});

export const sleep = app.task({ name: 'tasks.sleep', bind: true }, (task, seconds: number) => new Promise<string>((resolve, reject) => {
  const timer = setTimeout(() => resolve('slept'), seconds * 1000);
  task.signal.addEventListener('abort', () => { clearTimeout(timer); reject(task.signal.reason); });
}));
`,
};

const ready = /celery@\S+ ready\./;

async function result(cwd: string, ...argv: string[]): Promise<string> {
  const { stdout, stderr, code } = await runCtq(['send', ...argv, '--wait', '--timeout', '20'], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

describe('ctq worker', () => {
  it('works with nothing but a module, and its words are Celery’s', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd });
    await worker.waitForOutput(ready);
    expect(await result(cwd, 'tasks.add', '3', '4')).toBe('7\n');
    expect(await result(cwd, 'tasks.greet', 'Ann')).toBe('hello Ann\n');
    expect(existsSync(join(cwd, '.ctq', 'ctq.db'))).toBe(true);
    expect(worker.stdout).toContain('.> app:         tasks');
    await worker.waitForOutput(/Task tasks\.greet\[\S+\] succeeded/);
    const line = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: (INFO|WARNING)\/MainProcess\] (.*)$/gm;
    const messages = [...worker.stderr.matchAll(line)].map((match) => match[2] ?? '').map((text) => text.replace(/[0-9a-f-]{36}/, 'ID'));
    expect(messages).toContain('Task tasks.add[ID] received');
    expect(messages).toContain('tasks.greet[ID]: greeting Ann');
    expect(messages.some((text) => /^Task tasks\.add\[ID\] succeeded in [\d.e-]+s: 7$/.test(text))).toBe(true);
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(worker.stderr).toContain('worker: Warm shutdown (MainProcess)');
  });

  it('shows where in the source a task failed', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd });
    await worker.waitForOutput(ready);
    const { code, stderr } = await runCtq(['send', 'tasks.boom', '-w', '--timeout', '20'], { cwd });
    expect([code, stderr.split(' (')[0]]).toEqual([1, 'ctq: TypeError: boom']);
    await worker.waitForOutput(/tasks\.ts", line 14/);
    await worker.stop();
  });

  it('writes its log as the settings say, tells which of them do nothing, and which task ended its process', async () => {
    const settings = `{ workerLogFormat: '%(levelname)-8s|%(message)s', workerTaskLogFormat: 'of %(task_name)s: %(message)s', workerConsumer: 'a:B' }`;
    const cwd = tmpFolder({
      'bye.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('bye', ${settings});
app.task({ name: 'bye.now', bind: true }, (task) => { task.logger.warning('farewell'); process.exit(3); });`,
    });
    const worker = startCtq(['worker', '-A', 'bye'], { cwd });
    await runCtq(['send', 'bye.now'], { cwd });
    expect(await worker.waitForExit()).toEqual({ code: 3, signal: null });
    const lines = worker.stderr.split('\n');
    expect(lines).toContain("WARNING |new Ctq('bye'), key workerConsumer: worker_consumer has no effect: it is a Python class");
    expect(lines).toContain('of bye.now: farewell');
    expect(worker.stderr).toMatch(/^CRITICAL\|This process was ended in task bye\.now\[[0-9a-f-]{36}\], with exit code 3$/m);
  });

  testUnless(NOT_ROOT, 'says that it runs as root, unless it is told that it may', async () => {
    const cwd = tmpFolder(tasks);
    const words = /WARNING\/MainProcess\] This worker runs as root, and so does every task/;
    for (const [argv, isTold] of [
      [[], true],
      [['--allow-root'], false],
    ] as const) {
      const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info', ...argv], { cwd, env: { CTQ_ALLOW_ROOT: '' } });
      await worker.waitForOutput(ready);
      expect(words.test(worker.stderr)).toBe(isTold);
      await worker.stop();
    }
  });

  for (const command of ['worker', 'beat'] as const) {
    testUnless(NOT_ROOT, `does not even load the app as root where that is forbidden: ${command}`, async () => {
      const cwd = tmpFolder({
        'tasks.mjs': "import { writeFileSync } from 'node:fs'; writeFileSync('loaded', '');",
        '.ctqrc': 'worker_allow_root: false',
      });
      const argv = [command, '-A', 'tasks', '-b', 'memory://', '-f', 'log'];
      const { code, stderr } = await runCtq(argv, { cwd, env: { CTQ_ALLOW_ROOT: '' } });
      const words = new RegExp(`^ctq: this ${command} may not run as root, .*worker_allow_root says so.*\\n$`);
      expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
      expect(['loaded', 'log'].filter((name) => existsSync(join(cwd, name)))).toEqual([]);
    });
  }

  testUnless(NOT_LINUX, 'takes the password of its broker out of the list of processes', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'redis://me:hunter2@127.0.0.1:1/0', '-n', 'w1@h'], { cwd });
    await worker.waitForOutput(/Cannot connect to redis:\/\/me:\*\*@127/);
    const shown = readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8');
    expect([shown.includes('redis://me:**@127.0.0.1:1/0'), shown.includes('hunter2')]).toEqual([true, false]);
    await worker.stop('SIGQUIT');
  });

  it('keeps log and pidfile where it is told', async () => {
    const cwd = tmpFolder({ ...tasks, 'log/.keep': '', 'run/.keep': '' });
    const argv = ['worker', '-A', 'tasks', '-l', 'debug', '-n', 'w1@%h', '-f', 'log/%n%I.log', '--pidfile', 'run/%n.pid', '--workdir', cwd];
    const worker = startCtq(argv, { cwd: '/' });
    const log = join(cwd, 'log', 'w1.log');
    await eventually(() => expect(readFileSync(log, 'utf8')).toMatch(/w1@\S+ ready\./));
    expect(readFileSync(join(cwd, 'run', 'w1.pid'), 'utf8')).toBe(`${worker.pid}\n`);
    expect(statSync(log).mode & 0o007).toBe(0);
    expect(worker.stderr).toBe('');
    const second = await runCtq(argv, { cwd: '/' });
    expect(second.code).toBe(73);
    expect(second.stderr).toContain(`already exists. Seems we're already running? (pid: ${worker.pid})`);
    expect((await worker.stop('SIGTERM')).code).toBe(0);
    expect(existsSync(join(cwd, 'run', 'w1.pid'))).toBe(false);
  });

  it('replaces the pidfile of a worker that was killed', async () => {
    const cwd = tmpFolder(tasks);
    const argv = ['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info', '--pidfile', 'w.pid'];
    const killed = startCtq(argv, { cwd });
    await killed.waitForOutput(ready);
    await killed.kill();
    expect(existsSync(join(cwd, 'w.pid'))).toBe(true);
    const worker = startCtq(argv, { cwd });
    await worker.waitForOutput(/Stale pidfile exists - Removing it\./);
    await worker.waitForOutput(ready);
    await worker.stop();
  });

  it('logs JSON when asked', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info', '--logfile-format', 'json'], { cwd });
    await worker.waitForOutput(ready);
    await worker.stop();
    const lines = worker.stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 'INFO', process: 'MainProcess' });
  });

  it('is set up by the config file and the environment', async () => {
    const cwd = tmpFolder({
      ...tasks,
      'ctq.config.ts': `import { defineConfig } from 'ctq';
        export default defineConfig({ app: 'tasks', workerConcurrency: 3, taskDefaultQueue: 'mail', worker: { loglevel: 'info', hostname: 'cfg@%h' } });`,
    });
    mkdirSync(join(cwd, 'below'));
    const worker = startCtq(['worker', '-A', '../tasks'], { cwd: join(cwd, 'below'), env: { CTQ_APP: 'nothing' } });
    await worker.waitForOutput(/cfg@\S+ ready\./);
    expect(await result(cwd, 'tasks.add', '1', '2')).toBe('3\n');
    await worker.waitForOutput(/\.> mail /);
    expect(worker.stdout).toMatch(/concurrency: 3 \(async\)/);
    expect(worker.stdout).toMatch(/\.> mail /);
    expect(existsSync(join(cwd, '.ctq', 'ctq.db'))).toBe(true);
    expect(existsSync(join(cwd, 'below', '.ctq'))).toBe(false);
    await worker.stop();
  });

  it('takes the app from CTQ_APP, and from CELERY_APP', async () => {
    const cwd = tmpFolder(tasks);
    for (const env of [{ CTQ_APP: 'tasks:app', CELERY_APP: 'nothing' }, { CELERY_APP: 'tasks' }]) {
      const worker = startCtq(['worker', '-b', 'memory://', '-l', 'info'], { cwd, env });
      await worker.waitForOutput(ready);
      await worker.stop();
    }
  });

  it('runs the functions of a module without an app, and the modules of -I', async () => {
    const cwd = tmpFolder({
      'jobs/mail.ts': 'export const send = (to: string): string => `sent to ${to}`;',
      'extra.mjs': 'export function twice(x) { return 2 * x; }',
    });
    const worker = startCtq(['worker', '-A', 'jobs.mail', '-I', 'extra', '-l', 'info'], { cwd });
    await worker.waitForOutput(ready);
    expect(await result(cwd, 'jobs.mail.send', 'ann')).toBe('sent to ann\n');
    expect(await result(cwd, 'extra.twice', '21')).toBe('42\n');
    await worker.stop();
  });

  it('takes gevent and eventlet for async, and says so', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-P', 'gevent', '-l', 'info'], { cwd });
    await worker.waitForOutput(ready);
    expect(worker.stderr).toContain('ctq: note: gevent selects the async pool');
    await worker.stop();
  });
});

describe('a signal to ctq worker', () => {
  async function busyWorker(): Promise<{ worker: ReturnType<typeof startCtq>; cwd: string; id: string }> {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'debug'], { cwd });
    await worker.waitForOutput(ready);
    const { stdout } = await runCtq(['send', 'tasks.sleep', '60'], { cwd });
    await worker.waitForOutput(/Task accepted: tasks\.sleep/);
    return { worker, cwd, id: stdout.trim() };
  }

  it('SIGQUIT stops it at once', async () => {
    const { worker } = await busyWorker();
    expect(await worker.stop('SIGQUIT', 30_000)).toEqual({ code: 0, signal: null });
    expect(worker.stderr).toContain('worker: Cold shutdown (MainProcess)');
  });

  it('SIGINT stops it warm, a second one cold', async () => {
    const { worker } = await busyWorker();
    worker.signal('SIGINT');
    await worker.waitForOutput(/worker: Hitting Ctrl\+C again will initiate cold shutdown, terminating all running tasks!/);
    expect(worker.ending).toBeUndefined();
    expect((await worker.stop('SIGINT', 30_000)).code).toBe(130);
  });

  it('SIGINT on an idle worker is a graceful stop', async () => {
    const worker = startCtq(['worker', '-A', 'tasks', '-b', 'memory://', '-l', 'info'], { cwd: tmpFolder(tasks) });
    await worker.waitForOutput(ready);
    expect((await worker.stop('SIGINT')).code).toBe(0);
  });
});

describe('the real streams', () => {
  it('end a batch quietly when the reader has gone', async () => {
    const cwd = tmpFolder();
    const batch = startCtq(['send', 'tasks.add', '--batch', '-', '-b', 'memory://'], { cwd, input: 'open' });
    batch.write('{"args": [1]}\n');
    batch.closeOutput();
    // Ids are written a page at a time.
    const more = setInterval(() => batch.write('{"args": [1]}\n'.repeat(100)), 5);
    const ending = await batch.waitForExit().finally(() => clearInterval(more));
    expect([ending.code, batch.stderr.includes('EPIPE')]).toEqual([0, false]);
  });

  it('are ended by SIGINT with 130 and by SIGTERM with 143', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const batch = startCtq(['send', 'tasks.add', '--batch', '-', '-b', 'memory://'], { cwd: tmpFolder(), input: 'open' });
      batch.write('{"args": [1]}\n'.repeat(1000));
      await batch.waitForOutput(/[0-9a-f]{8}-/);
      expect(await batch.stop(signal)).toEqual({ code, signal: null });
    }
  });
});
