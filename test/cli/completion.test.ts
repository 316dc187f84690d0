/** Completion in the real shells, with the scripts as they stand in completions/. */
import { spawnSync } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectRoot, runCtq, washedEnvironment } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { findOnPath } from '../support/find-on-path.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { TestTerminal } from '../support/terminal.js';
import { tmpFolder } from '../support/tmp.js';

const scripts = join(projectRoot, 'completions');
const cwd = tmpFolder({
  'tasks.mjs': 'export const add = (x, y) => x + y;\nexport const mail = () => 1;\n',
  'tales/one.txt': '',
  'zsh/.zshrc': `PROMPT='%% '\nautoload -Uz compinit\ncompinit -u -D\nsource ${scripts}/_ctq\n`,
  'zsh-fpath/.zshrc': `PROMPT='%% '\nfpath=(${scripts} $fpath)\nautoload -Uz compinit\ncompinit -u -D\n`,
});
const bin = tmpFolder();
symlinkSync(join(projectRoot, 'bin', 'ctq.js'), join(bin, 'ctq'));
const env = washedEnvironment({ PATH: [bin, process.env['PATH']].join(delimiter), HOME: cwd, LC_ALL: 'C.UTF-8' });

/** What a shell offers at the end of the line; of fish and bash, without a keyboard. */
function offered(shell: 'bash' | 'fish', line: string): string[] {
  const argv = shell === 'bash' ? ['--norc', '--noprofile', '-c', BASH, 'bash', line, ...bashWords(line)] : ['-N', '-c', FISH, line];
  const { stdout, stderr, status } = spawnSync(shell, argv, { cwd, env, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter((offer) => offer !== '')
    .map((offer) => offer.replace(/\t.*/, '').replace(/\/$/, ''))
    .sort();
}

const FISH = `source ${scripts}/ctq.fish; complete -C $argv[1]`;
const BASH = `source ${scripts}/ctq.bash
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=("\${@:2}") COMP_CWORD=$(($# - 2))
_ctq
printf '%s\\n' "\${COMPREPLY[@]}"`;

/** As bash splits a line, by its COMP_WORDBREAKS. */
function bashWords(line: string): string[] {
  const words = line.match(/[:=]+|[^\s:=]+/g) ?? [];
  return /\s$/.test(line) ? [...words, ''] : words;
}

const INTERACTIVE = { zsh: ['-d', '-i'], bash: ['--norc', '--noprofile', '-i'] } as const;

/** An interactive shell that has the completion: in bash and `zsh` sourced, in `zsh-fpath` found by compinit. */
async function terminal(name: keyof typeof INTERACTIVE, folder = 'zsh'): Promise<TestTerminal> {
  const onTerminal = new TestTerminal([findOnPath(name) ?? name, ...INTERACTIVE[name]], {
    cwd,
    columns: 120,
    env: { PATH: env['PATH'] ?? '', ZDOTDIR: join(cwd, folder), HOME: cwd, LC_ALL: 'C.UTF-8', PS1: '% ' },
  });
  await onTerminal.shows(/[%$#] *$/m);
  if (name === 'bash') onTerminal.type(`source ${scripts}/ctq.bash; echo loa''ded\r`);
  else onTerminal.type("echo loa''ded\r");
  await onTerminal.shows(/^loaded/m);
  return onTerminal;
}

/** What both tell of the same lines; in bash without what it keeps of the word. */
const LINES: readonly (readonly [line: string, offers: readonly string[]])[] = [
  ['ctq que', ['queues']],
  ['ctq re', ['result', 'retry']],
  ['ctq -A tasks que', ['queues']],
  ['ctq help wo', ['worker']],
  ['ctq queues ', ['pause', 'peek', 'resume']],
  ['ctq keys cl', ['clean']],
  ['ctq failed ', ['rm', 'show']],
  ['ctq beat -A tasks r', ['resume', 'rm', 'run-now']],
  ['ctq inspect act', ['active', 'active_queues']],
  ['ctq control pool', ['pool_grow', 'pool_restart', 'pool_shrink']],
  ['ctq control terminate SIGK', ['SIGKILL']],
  ['ctq completion ', ['bash', 'fish', 'powershell', 'zsh']],
  ['ctq worker --conc', ['--concurrency']],
  ['ctq worker -A tasks --conn', ['--connect-timeout']],
  ['ctq send --retr', ['--retry', '--retry-policy']],
  ['ctq send --no-r', ['--no-retry']],
  ['ctq queues peek celery --off', ['--offset']],
  ['ctq worker -P pre', ['prefork']],
  ['ctq keys --sort m', ['members']],
  ['ctq -A ta', ['tales', 'tasks.mjs']],
  ['ctq --workdir ta', ['tales']],
  ['ctq send tasks.add -- --retr', []],
  ['ctq nonsense ', []],
  ['ctq worker --nonsense ', []],
  ['ctq queues nonsense --nonsense=', []],
];

for (const shell of ['bash', 'fish'] as const) {
  describeWith(shell, `completion in ${shell}`, () => {
    it.each(LINES)('of "%s" offers %j', (line, offers) => {
      expect(offered(shell, line)).toEqual(offers);
    });

    it('completes a value behind =, and a kind of key of two words', () => {
      const kept = shell === 'bash' ? '' : '--pool=';
      expect(offered(shell, 'ctq worker --pool=thr')).toEqual([`${kept}threads`]);
      expect(offered(shell, 'ctq keys --kind dead')).toEqual([shell === 'bash' ? 'dead\\ letters' : 'dead letters']);
    });
  });
}

/** As long as nobody gives up, with room for a machine that stands still: a tenth of a second and the start of the program where it is idle. */
const SOON_MS = 8_000;
/** A busy machine may take longer than somebody who types would wait, and then there is no answer. */
const IN_THE_END = { timeoutMs: 50_000 };

const EVIL = ['$(touch evil)', '-evil', "evil'", 'evil;ls', '\u001b[2J'];

describeWith(['redis', 'bash', 'fish', 'zsh', 'python'], 'names that only the broker knows', () => {
  const redis = forSuite(startRedis);
  beforeAll(async () => {
    await startCtqWorker({ broker: redis().url, hostname: 'w1@here', queues: ['mail', 'video'] });
    for (const queue of EVIL) await redis().command('SADD', '_kombu.binding.celery', `celery\u0006\u0016\u0006\u0016${queue}`);
    for (const [task, id] of [
      ['tasks.listen', 'runs-still'],
      ['tasks.unheard_of', 'nobody-knows'],
    ] as const)
      await runCtq(['send', task, '--task-id', id, '-Q', 'video', '-b', redis().url]);
  });
  it.each(['bash', 'fish'] as const)('are offered by %s: queues, tasks, workers, ids', { timeout: 180_000 }, async (shell) => {
    const offers = (line: string, expected: readonly string[]): Promise<void> =>
      eventually(() => expect(offered(shell, line)).toEqual(expected), IN_THE_END);
    await offers(`ctq -b ${redis().url} queues pause m`, ['mail']);
    await offers(`ctq queues pause video -b ${redis().url} m`, ['mail']);
    await offers(`ctq purge -b ${redis().url} -Q video,m`, ['video,mail']);
    await offers(`ctq purge --broker=${redis().url} --exclude-queues=vi`, [shell === 'bash' ? 'video' : '--exclude-queues=video']);
    await offers(`ctq send -b ${redis().url} tasks.pro`, ['tasks.progress']);
    await offers(`ctq control -b ${redis().url} rate_limit tasks.mu`, ['tasks.mul']);
    await offers(`ctq inspect -b ${redis().url} active -d w`, ['w1@here']);
    await offers(`ctq control -b ${redis().url} terminate SIGTERM ru`, ['runs-still']);
    await offers(`ctq control -b ${redis().url} revoke one runs`, ['runs-still']);
    await offers(`ctq failed -b ${redis().url} show no`, ['nobody-knows']);
    await offers(`ctq retry -b ${redis().url} no`, ['nobody-knows']);
  });

  it('are offered by zsh', { timeout: 180_000 }, async () => {
    const zsh = await terminal('zsh');
    for (const [typed, completed] of [
      [`ctq queues pause -b ${redis().url} m`, / mail/],
      [`ctq purge -b ${redis().url} -Q video,m`, /video,mail/],
      [`ctq inspect -b ${redis().url} active --destination=w`, /--destination=w1@here/],
      [`ctq send -b ${redis().url} tasks.pro`, /tasks\.progress/],
    ] as const) {
      await eventually(async () => {
        zsh.type(`\u0015clear\r${typed}\t`);
        await zsh.shows(completed, 2_000);
      }, IN_THE_END);
    }
    zsh.type('\u0015');
    zsh.type('exit\r');
    await zsh.ended();
  });

  it('are not waited for where the broker has stopped', async () => {
    process.kill(redis().pid, 'SIGSTOP');
    try {
      const startedAt = performance.now();
      const { stdout, stderr, code } = await runCtq(['__complete', 'node', '-b', redis().url, '']);
      expect([code, stdout, stderr]).toEqual([0, '', '']);
      expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
    } finally {
      process.kill(redis().pid, 'SIGCONT');
    }
  });

  it('leave out what a shell would take for more than a name', async () => {
    const listed = await runCtq(['queues', '--json', '-b', redis().url]);
    for (const queue of EVIL) expect(listed.stdout).toContain(JSON.stringify(queue));
    await eventually(async () => {
      const { stdout, stderr, code } = await runCtq(['__complete', 'queue', '-b', redis().url, '']);
      expect([code, stderr, stdout]).toEqual([0, '', 'celery\nmail\nvideo\n']);
    }, IN_THE_END);
  });
});

describe('the question behind them', () => {
  it.each([
    { words: ['queue', '-b', 'redis://127.0.0.1:1', 'no'] },
    { words: ['node', '-b', 'redis://192.0.2.1', ''] },
    { words: ['task', '-b', 'nonsense://', ''] },
    { words: ['task', '--config', '/there/is/none', ''] },
    { words: ['queue', '--workdir', '/there/is/none', '-b'] },
    { words: ['nonsense', ''] },
    { words: [] },
  ])('answers nothing, soon and without a word, to $words', async ({ words }) => {
    const startedAt = performance.now();
    const { stdout, stderr, code } = await runCtq(['__complete', ...words], { cwd: tmpFolder() });
    expect([code, stdout.replace('celery\n', ''), stderr]).toEqual([0, '', '']);
    expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
  });

  it('makes no broker file', async () => {
    const folder = tmpFolder();
    await runCtq(['__complete', 'queue', ''], { cwd: folder });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describeWith(['zsh', 'bash', 'python'], 'the Tab key', () => {
  it.each(['zsh', 'bash'] as const)('completes commands, options, values and files in %s', async (shell) => {
    const one = await terminal(shell);
    const cases: readonly (readonly [typed: string, line: RegExp])[] = [
      ['ctq que', /ctq queues $/m],
      ['ctq queues pa', /ctq queues pause $/m],
      ['ctq worker --conc', /ctq worker --concurrency/m],
      ['ctq worker -P pre', /ctq worker -P prefork/m],
      ['ctq worker --pool=thr', /ctq worker --pool=threads/m],
      ['ctq -b redis://localhost:1/0 send --no-r', /redis:\/\/localhost:1\/0 send --no-retry/m],
      ['ctq -A task', /ctq -A tasks\.mjs/m],
      ['ctq --config=task', /ctq --config=tasks\.mjs/m],
      ['ctq keys --kind dead', /ctq keys --kind dead\\ letters/m],
      ['ctq help wo', /ctq help worker/m],
    ];
    for (const [typed, line] of cases) {
      one.type(`${typed}\t`);
      await one.shows(new RegExp(line.source.replace(/ \$$/, ''), 'm'));
      one.type('\u0015clear\r');
      await one.shows(/^[%$#] *$/m);
    }
    one.type('exit\r');
    await one.ended();
  });

  it('lists summaries in zsh, with the script in a folder of fpath', async () => {
    const zsh = await terminal('zsh', 'zsh-fpath');
    zsh.type('ctq queues \t');
    await zsh.shows(/peek +-- +show the next messages, decoded/);
    zsh.type('\u0015exit\r');
    await zsh.ended();
  });
});
