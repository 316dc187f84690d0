/** docs/migration.md names all that Celery has, and every ctq command on it does what it says. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { namesOf } from '../../src/cli/command-line.js';
import { globalOptions } from '../../src/cli/global-options.js';
import { main } from '../../src/cli/main.js';
import { fakeContext } from '../cli/fake-context.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { codeIn, fencesOf, readPage, sectionsOf, shellWords, tableRows } from '../support/markdown.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { runPython } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

interface Row {
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
}

interface Chapter {
  /** `celery`, `celery worker` … */
  readonly celery: string;
  /** `worker`, or '' for the options of all; undefined where ctq has no such command. */
  readonly ctq: string | undefined;
  readonly rows: readonly Row[];
  readonly lines: readonly string[];
}

const chapters: Chapter[] = sectionsOf(readPage('docs/migration.md')).flatMap(({ heading, text }) => {
  const [celery, ctq] = codeIn(heading);
  const rows = tableRows(text).map(([theirs = '', ours = '']) => ({ theirs: codeIn(theirs), ours: codeIn(ours) }));
  const lines = fencesOf(text)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n').filter((line) => line !== ''));
  return celery?.startsWith('celery') === true
    ? [{ celery, ctq: ctq?.replace(/^ctq ?/, ''), rows, lines }]
    : lines.length > 0
      ? [{ celery: '', ctq: undefined, rows, lines }]
      : [];
});
const lines = chapters.flatMap((chapter) => chapter.lines);

/** What came after the oldest Celery that the tests may meet, 5.2: https://github.com/celery/celery, celery/bin at 5.6.2. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  celery: ['--skip-checks'],
  'celery worker': ['--optimization', '--disable-prefetch'],
  'celery inspect': ['--list'],
  'celery control': ['--list', 'revoke_by_stamped_headers'],
};

/** Options, subcommands and methods of a command of Celery's. */
const CELERY_TREE = `
    import click
    from celery.bin.celery import celery as program
    from celery.bin.multi import MultiTool
    from celery.worker.control import Panel
    def words(command):
        return [name for one in command.params if isinstance(one, click.Option) for name in one.opts if name != "--help"]
    def below(command):
        context = click.Context(command)
        return [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    result = {"celery": words(program)}
    for name, command in below(program):
        inner = below(command) if isinstance(command, click.MultiCommand) else []
        result["celery " + name] = words(command) + [one for one, _ in inner] + [word for _, one in inner for word in words(one)]
    for name, meta in Panel.meta.items():
        if meta.visible: result["celery " + meta.type].append(name)
    multi = MultiTool()
    result["celery multi"] = list(multi.commands) + [name for name, _ in multi.reserved_options]
`;

describeWith('python', 'the page from celery to ctq', () => {
  it('has a chapter for every command of Celery, with every option, and nothing that Celery does not have', async () => {
    const tree = (await runPython(CELERY_TREE, { broker: 'memory://' })) as Record<string, string[]>;
    const page = new Map(chapters.map(({ celery, rows }) => [celery, rows.flatMap(({ theirs }) => theirs)]));
    page.delete('');
    expect([...page.keys()].sort()).toEqual(Object.keys(tree).sort());
    for (const [command, words] of page) {
      const known = tree[command] ?? [];
      // Celery's version is that of the machine.
      const later = LATER[command] ?? [];
      expect([command, sorted([...words, ...later])]).toEqual([command, sorted([...known, ...later])]);
      expect([command, later.filter((word) => !words.includes(word))]).toEqual([command, []]);
    }
  });
});

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}

describe('the page from celery to ctq', () => {
  it('names only options and methods that ctq has, and shows each in a command', async () => {
    const shown = new Set(lines.flatMap((line) => shellWords(line)));
    for (const { ctq, rows } of chapters) {
      const entry = commands.find(({ name }) => name === ctq);
      const spec = await entry?.load();
      const options = Object.values({
        ...spec?.options,
        ...(ctq === 'worker' || spec === undefined || hasJson(rows) ? globalOptions : {}),
      });
      for (const { ours } of rows) {
        if (ours.length === 0) continue;
        const isOption = ours.every((word) => word.startsWith('-'));
        const known = !isOption || ours.every((word) => options.some((option) => namesOf(option).includes(word)));
        expect([ctq, ours, known, ours.some((word) => shown.has(word))]).toEqual([ctq, ours, true, true]);
      }
    }
  });

  it('tells of each option that is not there what the program tells, too', async () => {
    const typed = chapters.flatMap(({ celery, ctq, rows }) => {
      if (celery === 'celery' || celery === '') return [];
      const name = celery.slice('celery '.length);
      const own = ctq === undefined || name === 'multi' || name === 'report' || name === 'list' ? [[name]] : [];
      const absent =
        ctq === undefined || own.length > 0 ? [] : rows.filter(({ ours }) => ours.length === 0).flatMap(({ theirs }) => theirs);
      return [...own, ...absent.map((option) => [ctq ?? '', option, 'x'])];
    });
    const answers: { readonly code: number; readonly stderr: string }[] = [];
    for (const argv of typed) {
      const context = fakeContext({ cwd: tmpFolder() });
      answers.push({ code: await main(argv, context), stderr: context.stderr.text });
    }
    expect(answers.length).toBeGreaterThan(25);
    for (const { code, stderr } of answers) {
      expect(code).toBe(2);
      expect(stderr).toMatch(/^ctq: (unknown|--[\w-]+ is not available) .*\(.+\)\n$/);
      expect(stderr).not.toMatch(/see ctq|there are|did you mean/);
    }
  });
});

function hasJson(rows: readonly Row[]): boolean {
  return rows.some(({ ours }) => ours.includes('--json'));
}

const TASKS = `
import { Ctq } from 'ctq';
export const app = new Ctq('tasks', { workerPoolRestarts: true, taskQueues: ['celery', 'mail', 'empty'] });
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
app.conf.beatSchedule = { hourly: { task: 'tasks.add', schedule: 3600, args: [1, 2] } };
`;

describeWith('redis', 'every command of the page from celery to ctq', () => {
  const redis = forSuite(startRedis);
  let cwd: string;
  let env: Record<string, string>;
  let worker: OwnedProcess;

  const start = async (argv: readonly string[], ready: RegExp): Promise<OwnedProcess> => {
    const started = startCtq(argv, { cwd, env });
    await started.waitForOutput(ready);
    return started;
  };
  const startMain = (): Promise<OwnedProcess> =>
    start(['worker', '-A', 'tasks', '-n', 'w1@example', '-Q', 'celery', '-P', 'threads', '-c', '2', '-E', '-l', 'info'], /ready\./);

  beforeAll(async () => {
    cwd = tmpFolder({ 'tasks.ts': TASKS, 'more.ts': 'export const more = 1;\n', 'ctq.config.js': 'module.exports = {};\n' });
    env = { CTQ_BROKER_URL: redis().url };
    worker = await startMain();
  });
  afterAll(async () => {
    await worker.stop();
  });

  /** A worker or a beat that stays, and what it says when it works. */
  const stays = (words: readonly string[]): RegExp | undefined => {
    if (words.includes('worker')) return /ready\./;
    return words[0] === 'beat' && !/--next|-D\b| add | rm /.test(words.join(' ')) ? /beat: Starting/ : undefined;
  };

  // Questions change nothing, and several may be asked at once.
  const questions = /^ctq (inspect|status|keys|queues$|--version)/;

  it.each(
    chapters
      .filter(({ lines }) => lines.length > 0)
      .map(({ celery, lines }) => [celery === '' ? 'what Celery does not have' : celery, lines] as const),
  )(
    'works: %s',
    async (_celery, lines) => {
      const asked = lines.filter((line) => questions.test(line));
      for (let from = 0; from < asked.length; from += 4) await Promise.all(asked.slice(from, from + 4).map(run));
      for (const line of lines) if (!questions.test(line)) await run(line);
    },
    120_000,
  );

  async function run(line: string): Promise<void> {
    const [program, ...words] = shellWords(withServers(line));
    expect(program).toBe('ctq');
    if (worker.ending !== undefined) worker = await startMain();
    const ready = stays(words);
    if (words.includes('-D')) {
      expect([line, await runCtq(words, { cwd, env })]).toMatchObject([line, { code: 0, stderr: '' }]);
      await endDetached(words);
      return;
    }
    if (ready !== undefined) {
      const verbose = words.some((word) => /^info$/i.test(word)) ? [] : ['-l', 'info'];
      const started = startCtq([...words, ...verbose], { cwd, env });
      if (!words.includes('-f')) await started.waitForOutput(ready);
      else await eventually(() => expect(readFileSync(join(cwd, words[words.indexOf('-f') + 1] ?? ''), 'utf8')).toMatch(ready));
      expect([line, await started.stop()]).toEqual([line, { code: 0, signal: null }]);
      return;
    }
    // So that there is something to bring back, and to hear of.
    if (words.includes('--keep-copy')) await runCtq(['send', 'tasks.add', '1', '2', '-Q', 'mail'], { cwd, env });
    const scaled =
      words[1] === 'autoscale'
        ? await start(['worker', '-A', 'tasks', '-n', 'auto@example', '--autoscale', '3,1', '-l', 'info'], /ready\./)
        : undefined;
    // More patience costs nothing: all of them end as soon as everybody has answered.
    const patience = /^(inspect|control|status)$/.test(words[0] ?? '') && !words.includes('-t') ? ['-t', '15'] : [];
    const running = startCtq([...words, ...patience], { cwd, env });
    if (words[0] === 'events') await runCtq(['control', 'heartbeat'], { cwd, env });
    const { code } = await running.waitForExit(60_000);
    // The doctor's 1 says that something could be better here.
    expect([line, code, running.stderr]).toEqual([line, words[0] === 'doctor' ? 1 : 0, expect.not.stringContaining('internal error')]);
    await scaled?.stop();
    if (line === 'ctq control shutdown') await worker.waitForExit();
  }

  /** The page's servers are databases of ours. */
  function withServers(line: string): string {
    const names = {
      'redis://old': redis().urlOf(3),
      'redis://new': redis().urlOf(4),
      'redis://localhost': redis().url.replace(/\/0$/, ''),
    };
    return Object.entries(names).reduce((text, [name, url]) => text.replaceAll(name, url), line);
  }

  async function endDetached(words: readonly string[]): Promise<void> {
    const name = /^\w+/.exec(words[words.indexOf('-n') + 1] ?? '')?.[0] ?? '';
    const file = join(cwd, (words[words.indexOf('--pidfile') + 1] ?? '').replace('%n', name));
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGTERM');
    await eventually(() => !existsSync(file));
  }
});
