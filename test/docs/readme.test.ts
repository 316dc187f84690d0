/** The README's own program: its tasks run, its calls give what the comments beside them say. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { fencesOf, readPage } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
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
