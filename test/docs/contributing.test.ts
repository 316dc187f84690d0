/** The recipes of CONTRIBUTING.md: in a copy of the sources they compile, are built, and do what they say. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot, washedEnvironment } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { fencesOf, readPage, sectionsOf } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
import { tmpFolder } from '../support/tmp.js';

it('the recipes for a command, a control method and a kind of schedule work as they stand', async () => {
  const house = tmpFolder();
  for (const path of ['src', 'bin', 'tools', 'package.json', 'tsconfig.json', 'biome.json'])
    cpSync(join(projectRoot, path), join(house, path), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(house, 'node_modules'), 'junction');
  const add = (file: string, text: string, index: string, before: string, line: string, imports = ''): void => {
    writeFileSync(join(house, 'src', file), text);
    const table = join(house, 'src', index);
    const old = readFileSync(table, 'utf8');
    expect([index, old.includes(before)]).toEqual([index, true]);
    writeFileSync(table, `${imports}${old.replace(before, `${before}${line}`)}`);
  };
  const registration = /`(\{ name, summary, load: .*? \})`/.exec(readPage('CONTRIBUTING.md'))?.[1] ?? '';
  add(
    ...(['cli/commands/hello.ts', codeOf('A command'), 'cli/commands/index.ts', 'commands: readonly CommandEntry[] = ['] as const),
    `${registration.replace('name, summary', "name: 'hello', summary: 'greet the workers that are up'")},`,
  );
  add(
    ...([
      'remote-control/commands/task-count.ts',
      codeOf('A control method'),
      'remote-control/commands/index.ts',
      '  // control\n',
    ] as const),
    'taskCount,',
    "import { taskCount } from './task-count.js';\n",
  );
  add(
    ...(['beat/once.ts', codeOf('A kind of schedule'), 'beat/schedule-kinds.ts', 'scheduleKinds: readonly ScheduleKind[] = ['] as const),
    'onceKind, ',
    "import { onceKind } from './once.js';\n",
  );
  const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = JSON.parse(readFileSync(join(house, 'tsconfig.json'), 'utf8')) as object;
  writeFileSync(join(house, 'tsconfig.json'), JSON.stringify({ ...options, include: ['src'] }));
  const run = (...argv: string[]): string =>
    execFileSync(process.execPath, argv, { cwd: house, encoding: 'utf8', env: washedEnvironment() });
  expect(run(tsc, '--noEmit', '--pretty', 'false', '-p', '.')).toBe('');
  const biome = join(projectRoot, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  run(biome, 'format', 'src/cli/commands/hello.ts', 'src/remote-control/commands/task-count.ts', 'src/beat/once.ts');
  run('tools/build.mjs');

  const cwd = tmpFolder({
    'tasks.ts': "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks');\napp.task('tasks.add', () => 1);\n",
  });
  writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
  execFileSync('mkdir', ['node_modules'], { cwd });
  symlinkSync(house, join(cwd, 'node_modules', 'ctq'), 'junction');
  const start = (...argv: string[]): OwnedProcess =>
    new OwnedProcess(process.execPath, [join(house, 'bin', 'ctq.js'), ...argv], { cwd, env: washedEnvironment() });
  const ctq = async (...argv: string[]): Promise<string> => {
    const one = start(...argv);
    const { code } = await one.waitForExit();
    expect([argv, code, one.stderr]).toEqual([argv, 0, expect.any(String)]);
    return one.stdout;
  };
  const worker = start('worker', '-A', 'tasks', '-n', 'w1@here', '-l', 'info');
  await worker.waitForOutput(/ready\./);
  // It waits a second for the worker.
  await eventually(async () => expect(await ctq('hello', '--loud')).toBe('Good day, W1@HERE!\n'));
  expect(await ctq('hello', '--help')).toContain('everybody, far away');
  expect(JSON.parse(await ctq('inspect', 'task_count', '--json', '-t', '20'))).toEqual({ 'w1@here': { tasks: expect.any(Number) } });
  await ctq('beat', '-A', 'tasks', 'add', 'party', 'tasks.add', '--once', '2036-12-24T18:00:00Z');
  expect(await ctq('beat', '-A', 'tasks', 'list')).toContain('<once: 2036-12-24T18:00:00.000Z>');
  await worker.stop();
}, 180_000);

function codeOf(heading: string): string {
  const section = sectionsOf(readPage('CONTRIBUTING.md')).find((one) => one.heading === heading);
  return fencesOf(section?.text ?? '').find(({ language }) => language === 'ts')?.text ?? '';
}
