/** The examples of each command's help, typed as they stand: in one folder, on one Redis, with two workers for those that ask. */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { projectRoot, runCtq, startCtq } from '../support/ctq-process.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { PageShell } from '../support/page-shell.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const ID = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
const TASKS = `
import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
export const mail = app.task('tasks.mail', () => 'sent');
export const clean = app.task('tasks.clean', () => 'cleaned');
export const bounce = app.task('tasks.mail.bounce', () => {
  throw new TypeError('no such address');
});
`;
/** Nobody takes from the queues yet; and at last what ends the workers. */
const BEFORE_WORKERS = ['worker', 'beat', 'queues', 'keys', 'purge', 'migrate', 'doctor', 'completion'];
const LAST = ['control'];

describeWith(['redis', 'bash'], 'the examples in the help', () => {
  const redis = forSuite(startRedis);
  let shell: PageShell;
  let send: (...words: readonly string[]) => Promise<unknown>;
  let startWorkers: () => Promise<void>;
  const workers: OwnedProcess[] = [];

  beforeAll(async () => {
    const add = { task: 'tasks.add', args: [1, 2] };
    const cwd = tmpFolder({
      ...{ 'tasks.ts': TASKS, 'proj/tasks.ts': TASKS, 'package.json': '{"type":"module"}' },
      ...{ 'steps.json': JSON.stringify([add, { task: 'tasks.add', args: [10] }]), 'calls.json': JSON.stringify(add) },
      // What it prints for these examples; not everybody has it.
      'bin/jq': '#!/bin/sh\ncat calls.json\n',
    });
    chmodSync(join(cwd, 'bin', 'jq'), 0o755);
    symlinkSync(join(projectRoot, 'bin', 'ctq.js'), join(cwd, 'bin', 'ctq'));
    for (const folder of ['log', 'run', 'node_modules', '.zfunc', '.config/fish/completions'])
      mkdirSync(join(cwd, folder), { recursive: true });
    symlinkSync(projectRoot, join(cwd, 'node_modules', 'ctq'), 'junction');
    const env = { CTQ_BROKER_URL: redis().url, HOME: cwd, PATH: [join(cwd, 'bin'), process.env['PATH']].join(delimiter) };
    const health = String(await freePort());
    send = (...words) => runCtq(['send', ...words], { cwd, env });
    const here = {
      ...{ '8080': health, '9808': String(await freePort()), 'redis://prod:6379': redis().url, 'sqlite:///srv': `sqlite://${cwd}` },
      ...{ 'redis://old': redis().urlOf(3), 'redis://new': redis().urlOf(4), 'redis://localhost': redis().url },
    };
    // The doctor has something to say; the task of that id failed.
    const codes = { 'ctq doctor': 1, [`ctq result`]: 1 };
    shell = new PageShell({ cwd, env, here, codes, nudge: () => send('tasks.mail.bounce') });
    startWorkers = async () => {
      for (const argv of [
        ['-n', 'celery@web1'],
        ['-n', 'w1@web', '--health', health],
      ])
        workers.push(startCtq(['worker', '-A', 'tasks', '-E', '-l', 'info', ...argv], { cwd, env }));
      await Promise.all(workers.map((worker) => worker.waitForOutput(/ready\./)));
    };
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  const names = commands.map(({ name }) => name);
  const asking = names.filter((name) => ![...BEFORE_WORKERS, ...LAST].includes(name));

  it.each([...BEFORE_WORKERS, ...asking, ...LAST])(
    'work: ctq %s',
    async (name) => {
      const spec = await commands.find((one) => one.name === name)?.load();
      const lines = spec?.examples.map(([line]) => line) ?? [];
      expect(lines.length).toBeGreaterThanOrEqual(3);
      if (BEFORE_WORKERS.includes(name)) await Promise.all([send('tasks.add', '1', '2'), send('tasks.mail', '-Q', 'mail')]);
      else if (workers.length === 0) await startWorkers();
      // There is something that failed, until somebody drops it or runs it again.
      if (name === 'find' || name === 'retry') await send('tasks.mail.bounce', '--task-id', ID, '--wait');
      await shell.type(lines);
    },
    60_000,
  );
});
