/** The README's own program: its tasks run, its calls give what the comments beside them say. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { type Fence, fencesOf, readPage, sectionsOf } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
import { PageShell } from '../support/page-shell.js';
import { startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

it('the tasks and the calls of the README do what it says', async () => {
  const [tasks = '', calls = ''] = fencesOf(readPage('README.md'))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text);
  const imports = /^import .*$/m.exec(calls)?.[0] ?? '';
  const sum = /^const sum = .*$/m.exec(calls)?.[0] ?? '';
  const told = [...calls.matchAll(/^await (.+?);\s+\/\/ (\[.*?\]|[^:,\s]+)/gm)].map(([, call = '', value = '']) => ({ call, value }));
  expect(told.map(({ value }) => value)).toEqual(['7', '13', '[3, 7]', '10']);

  const program = `
    import { add, app, sum } from './tasks.mjs';
    ${imports}
    ${told.map(({ call }) => `console.log(JSON.stringify(await ${call}));`).join('\n')}
    await app.close();
  `;
  const module = (await transform(`${tasks}\nexport ${sum}`, { loader: 'ts' })).code;
  const cwd = tmpFolder({ 'tasks.mjs': module, 'program.mjs': program });
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(projectRoot, join(cwd, 'node_modules', 'ctq'), 'junction');

  const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd });
  await worker.waitForOutput(/ready\./);
  expect(await runCtq(['send', 'tasks.add', '3', '4', '--wait'], { cwd })).toMatchObject({ code: 0, stdout: '7\n' });
  const typed = sectionsOf(readPage('README.md')).find(({ heading }) => heading === 'I write tasks in Node');
  const [commands] = fencesOf(typed?.text ?? '').filter(({ language }) => language === 'sh');
  if (commands !== undefined) expect(await new PageShell({ cwd, env: {}, here: {} }).run(commands)).toBe(3);
  const run = new OwnedProcess(process.execPath, ['program.mjs'], { cwd, env: washedEnvironment() });
  await run.waitForExit();
  expect([run.stderr, run.stdout.trim().split('\n')]).toEqual(['', told.map(({ value }) => JSON.stringify(JSON.parse(value)))]);
  await worker.stop();
});

describeWith(['redis', 'python'], 'the commands of the README', () => {
  const blockOf = (heading: string): Fence[] => {
    const section = sectionsOf(readPage('README.md')).find((one) => one.heading === heading);
    return fencesOf(section?.text ?? '').filter(({ language }) => language === 'sh');
  };

  it('work on an estate of Python', async () => {
    const redis = await startRedis();
    const python = await startCeleryWorker({ broker: redis.url, backend: redis.url });
    const cwd = tmpFolder({ 'tasks.mjs': "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks');\n" });
    const env = { CTQ_BROKER_URL: redis.url };
    const id = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
    await runCtq(['send', 'tasks.add', '1', '2', '--task-id', id, '--wait'], { cwd, env });
    // One to purge, one to look for, one that failed.
    await runCtq(['send', 'tasks.add', '1', '2', '-Q', 'mail'], { cwd, env });

    const shell = new PageShell({
      ...{ cwd, env },
      here: {
        ...{ 'redis://old': redis.urlOf(3), 'redis://new': redis.urlOf(4), 'redis://localhost': redis.url, 'redis://prod': redis.url },
        'proj.tasks.add': 'tasks.add',
      },
      // The doctor has something to say about a Redis without persistence; a task that fetchPage is nowhere here.
      codes: { 'ctq doctor': 1, 'ctq control rate_limit': 1 },
    });
    const [forCelery, forOperators] = [blockOf('I have Celery workers'), blockOf('I operate an estate')].map(([block]) => block);
    if (forCelery === undefined || forOperators === undefined) throw new Error('the README has no commands for two of its readers');
    expect((await shell.run(forCelery)) + (await shell.run(forOperators))).toBeGreaterThan(12);
    await python.stop();
    await redis.stop();
  }, 120_000);
});
