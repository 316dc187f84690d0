/** The README's own program: its tasks run, its calls give what the comments beside them say. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { fencesOf, readPage, sectionsOf, shellWords } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
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
  const run = new OwnedProcess(process.execPath, ['program.mjs'], { cwd, env: washedEnvironment() });
  await run.waitForExit();
  expect([run.stderr, run.stdout.trim().split('\n')]).toEqual(['', told.map(({ value }) => JSON.stringify(JSON.parse(value)))]);
  await worker.stop();
});

describeWith(['redis', 'python'], 'the commands of the README', () => {
  const blockOf = (heading: string): string[] => {
    const section = sectionsOf(readPage('README.md')).find((one) => one.heading === heading);
    const [block] = fencesOf(section?.text ?? '').filter(({ language }) => language === 'sh');
    return block?.text.split('\n').filter((line) => line !== '') ?? [];
  };
  /** Until somebody ends them. */
  const stays = /^ctq (top|queues --watch|exporter|worker)/;

  it('work on an estate of Python', async () => {
    const redis = await startRedis();
    const python = await startCeleryWorker({ broker: redis.url, backend: redis.url });
    const cwd = tmpFolder({ 'tasks.mjs': "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks');\n" });
    const env = { CTQ_BROKER_URL: redis.url };
    const id = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
    await runCtq(['send', 'tasks.add', '1', '2', '--task-id', id, '--wait'], { cwd, env });
    // One to purge, one to look for, one that failed.
    await runCtq(['send', 'tasks.add', '1', '2', '-Q', 'mail'], { cwd, env });

    const lines = [...blockOf('I have Celery workers'), ...blockOf('I operate an estate')];
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) {
      const urls = {
        'redis://old': redis.urlOf(3),
        'redis://new': redis.urlOf(4),
        'redis://localhost': redis.url,
        'redis://prod': redis.url,
      };
      const here = Object.entries(urls).reduce(
        (text, [name, url]) => text.replaceAll(name, url),
        line.replace('proj.tasks.add', 'tasks.add'),
      );
      const words = shellWords(here).slice(1);
      const answer = words[0] === 'purge' || words.includes('--failed') ? ['-f'] : [];
      // More patience costs nothing: they end as soon as everybody has answered.
      if (words[0] === 'inspect' || words[0] === 'control') answer.push('-t', '15');
      if (stays.test(line)) {
        const running = startCtq([...words, ...(words[0] === 'exporter' ? ['--port', '0'] : [])], { cwd, env });
        await running.waitForOutput(/\w/);
        running.signal('SIGINT');
        const ending = await running.waitForExit();
        expect([line, ending.code === 0 || ending.code === 130]).toEqual([line, true]);
        continue;
      }
      const { code, stderr } = await runCtq([...words, ...answer], { cwd, env });
      // The doctor has something to say about a Redis without persistence; a task that fetchPage is nowhere here.
      const expected = words[0] === 'doctor' || words.includes('rate_limit') ? 1 : 0;
      expect([line, code, stderr]).toEqual([line, expected, expect.not.stringContaining('internal error')]);
    }
    await python.stop();
    await redis.stop();
  }, 120_000);
});
