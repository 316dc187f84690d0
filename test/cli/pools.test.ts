/** Pools as users meet them: options, refusals, prints in the log, a restart with new sources, and the library without `ctq worker`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { OwnedProcess } from '../support/owned-process.js';
import { tmpFolder } from '../support/tmp.js';

const tasks = `import { Ctq } from 'ctq';
export const app = new Ctq('tasks', { workerPoolRestarts: true });
export const add = app.task('tasks.add', (x: number, y: number): number => x + y);
export const say = app.task('tasks.say', (text: string) => { console.log(text); process.stderr.write('bare\\n'); return process.pid; });
export const fan = app.task('tasks.fan', async () => (await add.delay(2, 3)).id);
`;

async function result(cwd: string, ...argv: string[]): Promise<string> {
  const { stdout, stderr, code } = await runCtq(['send', ...argv, '--wait', '--timeout', '20'], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trim();
}

describe('what a task prints', () => {
  it.each(['async', 'solo', 'threads', 'prefork'])('is a line of the log in %s, with the task on it', async (pool) => {
    const cwd = tmpFolder({ 'tasks.ts': tasks });
    const worker = startCtq(['worker', '-A', 'tasks', '-P', pool, '-c', '1'], { cwd });
    await worker.waitForOutput(/\.> concurrency/);
    const pid = Number(await result(cwd, 'tasks.say', 'hello there'));
    expect(pid === worker.pid).toBe(pool !== 'prefork');
    const process = pool === 'prefork' ? 'ForkPoolWorker-\\d' : 'MainProcess';
    await worker.waitForOutput(new RegExp(`WARNING/${process}\\] tasks\\.say\\[[0-9a-f-]{36}\\]: hello there\\n`));
    await worker.waitForOutput(new RegExp(`WARNING/${process}\\] tasks\\.say\\[[0-9a-f-]{36}\\]: bare\\n`));
    expect(worker.stdout).not.toContain('hello there');
    await worker.stop();
  });

  it('has the task’s fields in a log of JSON', async () => {
    const cwd = tmpFolder({ 'tasks.ts': tasks });
    const worker = startCtq(['worker', '-A', 'tasks', '-P', 'prefork', '-c', '1', '--logfile-format', 'json', '-f', 'ctq.log'], { cwd });
    await worker.waitForOutput(/\.> concurrency/);
    await result(cwd, 'tasks.say', 'hello');
    await worker.stop();
    const lines = readFileSync(join(cwd, 'ctq.log'), 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(records).toContainEqual({
      ...{ time: expect.any(String) as string, level: 'WARNING', process: expect.stringMatching(/^ForkPoolWorker-/) as string },
      ...{ task_id: expect.any(String) as string, task_name: 'tasks.say', message: 'hello' },
    });
  });

  it('is left alone with workerRedirectStdouts: false', async () => {
    const cwd = tmpFolder({ 'tasks.ts': tasks, '.ctqrc.json': '{"workerRedirectStdouts": false}' });
    const worker = startCtq(['worker', '-A', 'tasks'], { cwd });
    await worker.waitForOutput(/\.> concurrency/);
    await result(cwd, 'tasks.say', 'hello');
    await worker.waitForOutput(/^hello$/m);
    expect(worker.stderr).not.toContain('hello');
    await worker.stop();
  });
});

describe('ctq control pool_restart', () => {
  it('lets children load what the sources are now, and keeps the old ones while they do not load', { timeout: 60_000 }, async () => {
    const cwd = tmpFolder({ 'tasks.ts': tasks });
    const worker = startCtq(['worker', '-A', 'tasks', '-P', 'prefork', '-c', '1', '-l', 'info', '-n', 'w@test'], { cwd });
    await worker.waitForOutput(/ready\./);
    expect(await result(cwd, 'tasks.add', '1', '2')).toBe('3');
    writeFileSync(join(cwd, 'tasks.ts'), tasks.replace('x + y', 'x +'));
    expect((await runCtq(['control', 'pool_restart', '-t', '25'], { cwd })).stdout).toMatch(/Unexpected|Expected/);
    expect(await result(cwd, 'tasks.add', '1', '2')).toBe('3');
    writeFileSync(join(cwd, 'tasks.ts'), `${tasks}\nthrow new Error('not today');`);
    expect((await runCtq(['control', 'pool_restart', '-t', '25'], { cwd })).stdout).toContain('not today');
    expect(await result(cwd, 'tasks.add', '1', '2')).toBe('3');
    writeFileSync(join(cwd, 'tasks.ts'), tasks.replace('x + y', 'x * 100 + y'));
    expect((await runCtq(['control', 'pool_restart', '-t', '25'], { cwd })).stdout).toContain('reload started');
    await eventually(async () => expect(await result(cwd, 'tasks.add', '1', '2')).toBe('102'));
    await worker.stop();
  });

  it('is refused where there are no children', async () => {
    const cwd = tmpFolder({ 'tasks.ts': tasks });
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd });
    await worker.waitForOutput(/ready\./);
    expect((await runCtq(['control', 'pool_restart', '-t', '25'], { cwd })).stdout).toContain('The async pool has nothing to restart');
    await worker.stop();
  });
});

describe('pools without children', () => {
  it.each(['async', 'solo'])('say what of the configuration %s cannot do', async (pool) => {
    const files = { '.ctqrc.json': '{"workerMaxTasksPerChild": 3, "taskTimeLimit": 10, "workerConcurrency": 3}' };
    const cwd = tmpFolder({ 'tasks.ts': tasks, ...files });
    const worker = startCtq(['worker', '-A', 'tasks', '-P', pool], { cwd });
    await worker.waitForOutput(new RegExp(`WARNING/MainProcess\\] worker_max_tasks_per_child and .* the ${pool} pool has no children`));
    await worker.waitForOutput(new RegExp(`Time limits in the ${pool} pool .* a task that never awaits cannot be stopped`));
    if (pool === 'solo') await worker.waitForOutput(/The solo pool runs one task at a time; a concurrency of 3 is not to be had/);
    await worker.stop();
  });
});

describe('children', () => {
  it('have the settings of flags and config files: a task that a task sends goes where they say', async () => {
    const cwd = tmpFolder({ 'tasks.ts': tasks, '.ctqrc.json': '{"taskRoutes": {"tasks.add": {"queue": "sums"}}}' });
    const worker = startCtq(['worker', '-A', 'tasks', '-b', `sqlite://${cwd}/other.db`, '-P', 'prefork', '-c', '1', '-l', 'info'], { cwd });
    await worker.waitForOutput(/ready\./);
    const send = ['-b', `sqlite://${cwd}/other.db`, '--wait', '--timeout', '20'];
    const fan = await runCtq(['send', 'tasks.fan', ...send], { cwd });
    expect(fan.code).toBe(0);
    // Nobody takes from that queue.
    const pending = await runCtq(['result', '-b', `sqlite://${cwd}/other.db`, fan.stdout.trim()], { cwd });
    expect(pending.code).toBe(75);
    expect(worker.output).not.toContain('Task tasks.add[');
    await worker.stop();
  });

  it('do not come up when the app does not load in them, and the worker says why', async () => {
    const cwd = tmpFolder({ 'tasks.ts': `${tasks}\nif (process.send !== undefined) throw new Error('not in a child');` });
    const { code, stderr } = await runCtq(['worker', '-A', 'tasks', '-P', 'prefork'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ctq: tasks\.ts failed while it was loaded: Error: not in a child \(at tasks\.ts:\d+:\d+\)$/m);
  });

  it.each([
    ['memory://', ['-b', 'memory://'], {}, /ctq: the prefork pool cannot work with memory:\/\/.* \(use -P async or solo/],
    [
      'a function in a config file',
      [],
      { 'ctq.config.mjs': "export default { taskRoutes: [() => ({ queue: 'q' })] };" },
      /ctq: file ctq\.config\.mjs, key taskRoutes: taskRoutes cannot be handed to the children of a pool \(set it where the app is made/,
    ],
  ])('are refused with %s', async (_what, args, files, says) => {
    const cwd = tmpFolder({ 'tasks.ts': tasks, ...files });
    const { code, stderr } = await runCtq(['worker', '-A', 'tasks', '-P', 'prefork', ...args], { cwd });
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});

describe('the library without ctq worker', () => {
  it('runs tasks in children that load the module it names', { timeout: 60_000 }, async () => {
    const index = join(projectRoot, 'dist', 'index.js');
    const cwd = tmpFolder({
      'app.mjs': `import { Ctq } from ${JSON.stringify(index)};
        export const app = new Ctq('lib', { brokerUrl: 'sqlite://' + process.cwd() + '/lib.db' });
        export const pid = app.task('lib.pid', () => process.pid);`,
      'main.mjs': `import { app, pid } from './app.mjs';
        const worker = await app.worker({ pool: 'prefork', concurrency: 1, module: new URL('./app.mjs', import.meta.url) });
        const running = worker.start();
        const there = await (await pid.delay()).get({ timeout: 20 });
        console.log(typeof there, there !== process.pid);
        await worker.stop('warm');
        await running;
        await app.close();`,
    });
    const script = new OwnedProcess(process.execPath, ['main.mjs'], { cwd, env: washedEnvironment() });
    expect(await script.waitForExit(30_000)).toEqual({ code: 0, signal: null });
    expect(script.output).toBe('number true\n');
  });
});
