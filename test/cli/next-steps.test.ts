/** What the command line says beyond the answer: which task was meant, what to do next, and that long work goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/ctq.js';
import { startSpinner } from '../../src/cli/output/spinner.js';
import type { CliContext } from '../../src/cli/context.js';
import { systemClock } from '../../src/clock.js';
import { FakeClock } from '../support/fake-clock.js';
import { projectRoot, runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/requires.js';
import { TestTerminal } from '../support/terminal.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext, FakeStream } from './fake-context.js';

const tasks = {
  'tasks.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
`,
};

describe('a task that no worker has', () => {
  it('is answered with the one that was probably meant, by the command and in the worker’s log', async () => {
    const cwd = tmpFolder(tasks);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info'], { cwd });
    await worker.waitForOutput(/ ready\./, 30_000);
    // Workers are asked for a moment only, and one that is slow gives nobody a hint.
    const isTold = (task: string, stderr: string | RegExp): Promise<void> =>
      eventually(async () => {
        const slip = await runCtq(['send', task, '1', '--wait'], { cwd });
        expect(slip).toMatchObject({ code: 1, stdout: '' });
        if (stderr instanceof RegExp) expect(slip.stderr).toMatch(stderr);
        else expect(slip.stderr).toBe(`${stderr}\n`);
      });
    await isTold('tasks.ad', 'ctq: NotRegistered: tasks.ad (did you mean tasks.add?)');
    await isTold(
      'quite.another',
      'ctq: NotRegistered: quite.another (no worker has a task of that name; ctq inspect registered lists what they have)',
    );
    // Another worker has it, and takes from another queue; then from the same one, too.
    writeFileSync(join(cwd, 'other.ts'), tasks['tasks.ts'].replaceAll('tasks', 'other'));
    const knower = startCtq(['worker', '-A', 'other', '-l', 'info', '-n', 'js2@vm', '-Q', 'js'], { cwd });
    await knower.waitForOutput(/ ready\./, 30_000);
    await isTold('other.add', 'ctq: NotRegistered: other.add (js2@vm knows it and takes from js: -Q js)');
    await runCtq(['control', 'add_consumer', 'celery', '-d', 'js2@vm', '-t', '20'], { cwd });
    await isTold('other.add', /js2@vm knows it and takes from .*; celery@\S+ takes from there, too, and does not know it\)\n$/);
    // Who is too busy to answer is named.
    process.kill(knower.pid, 'SIGSTOP');
    await eventually(async () =>
      expect((await runCtq(['status', '-t', '0.5'], { cwd })).stderr).toBe('ctq: note: 1 of 2 workers did not answer in time: js2@vm\n'),
    );
    process.kill(knower.pid, 'SIGCONT');
    await knower.stop();
    await worker.waitForOutput(/under this very name\? It has tasks\.add\.\n/);
    await worker.waitForOutput(/under this very name\?\n/);
    // Only for people: nobody at a terminal here.
    expect(worker.output).not.toContain('in another terminal');
    await worker.stop();
  });
});

describe('a slip of the one who writes a schedule', () => {
  it('is answered with the action, and with the task of the app, that was probably meant', async () => {
    const cwd = tmpFolder(tasks);
    const beat = async (...words: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await runCtq(['beat', '-A', 'tasks', ...words], { cwd });
      return stdout + stderr;
    };
    expect(await beat('ad', 'nightly')).toBe('ctq: ctq beat knows no "ad" (did you mean ctq beat add?)\n');
    expect(await beat('add', 'nightly', 'tasks.ad', '--every', '60')).toContain('it is sent by its name; did you mean tasks.add?)\n');
    expect(await beat('add', 'other', 'quite.another', '--every', '60')).toContain('(this app has no such task; it is sent by its name)\n');
  });
});

describeWith('python', 'a worker at a terminal', () => {
  it('says below its log what to type in another one, with what leads to the same broker', async () => {
    const cwd = tmpFolder({
      'tasks.ts': tasks['tasks.ts'].replace("('tasks')", "('tasks', { brokerUrl: 'sqlite://' + process.cwd() + '/own.db' })"),
    });
    const ctq = join(projectRoot, 'bin', 'ctq.js');
    const terminal = new TestTerminal([process.execPath, ctq, 'worker', '-A', 'tasks', '-l', 'info'], { cwd, columns: 120, rows: 40 });
    await terminal.shows(/ ready\.\s+ctq: ready; in another terminal: ctq send -A tasks tasks\.add …, ctq top -A tasks \(/);
    await terminal.signal('SIGTERM');
    await terminal.ended();
  });
});

describe('ctq send', () => {
  const send = async (...argv: readonly string[]): Promise<readonly [code: number, stdout: string, stderr: string]> => {
    const context = fakeContext({ cwd: tmpFolder() });
    return [await main(['send', 'tasks.add', ...argv], context), context.stdout.text, context.stderr.text];
  };
  const broker = `sqlite://${tmpFolder()}/ctq.db`;

  it('says of words that look like JSON and are none that they go as texts', async () => {
    const note = (word: string): string => `ctq: note: ${word} is no JSON and goes as a text; JSON quotes names and texts with "\n`;
    expect((await send("{'a':1}", '[1]', 'plain', '-k', "x=['y']", '-b', broker))[2]).toBe(note("{'a':1}") + note("['y']"));
    expect((await send("{'a':1}", '-q', '-b', broker))[2]).toBe('');
  });

  it('does not pass the result of a namesake off as its own', async () => {
    const app = new Ctq('ctq', { brokerUrl: broker });
    const meta = { taskId: 'same', status: 'SUCCESS', result: 3, traceback: null, children: [], dateDone: null };
    await (await app.backend()).store(meta);
    await app.close();
    const note = 'ctq: note: a task same has ended before, SUCCESS: what is printed may be its result\n';
    expect(await send('5', '6', '--task-id', 'same', '--wait', '-b', broker)).toEqual([0, '3\n', note]);
    expect((await send('5', '6', '--task-id', 'same', '-b', broker))[2]).toBe('');
  });
});

describe('long work without a terminal', () => {
  const world = (isTerminal: boolean) => {
    const stderr = new FakeStream(isTerminal, 0);
    const clock = new FakeClock();
    return { stderr, clock, context: { stderr, clock, env: {} } as unknown as CliContext };
  };

  it('says a line every five seconds, where that was asked for', async () => {
    const { stderr, clock, context } = world(false);
    const spinner = startSpinner(context, 'sending', { quiet: false, noColor: true, elsewhere: 'lines' });
    for (let n = 1; n <= 120; n += 1) {
      spinner.say(`sent ${n}`);
      await clock.advance(100);
    }
    spinner.stop();
    expect(stderr.text).toBe('ctq: sent 51\nctq: sent 101\n');
  });

  it('is silent with --quiet, and where nobody asked', async () => {
    for (const setting of [
      { quiet: true, noColor: true, elsewhere: 'lines' as const },
      { quiet: false, noColor: true },
    ]) {
      const { stderr, clock, context } = world(false);
      const spinner = startSpinner(context, 'sending', setting);
      await clock.advance(10_000);
      spinner.say('sent 1');
      expect(stderr.text).toBe('');
    }
  });

  it('is told of by send --batch, keys, migrate, purge and its undo', async () => {
    const line = JSON.stringify({ task: 'tasks.add', args: [1, 2], options: { queue: 'mail' } });
    const cwd = tmpFolder({ 'tasks.jsonl': `${line}\n`.repeat(1_200) });
    const [from, to] = [`sqlite://${join(cwd, 'from.db')}`, `sqlite://${join(cwd, 'to.db')}`];
    // Each look at the clock is six seconds later: everything takes long.
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => (nowMs += 6_000) };
    const told = async (...argv: readonly string[]): Promise<string> => {
      const context = { ...fakeContext({ cwd }), clock };
      expect([argv, await main(argv, context)]).toEqual([argv, 0]);
      return context.stderr.text;
    };
    expect(await told('send', '--batch', 'tasks.jsonl', '-b', from)).toMatch(/^ctq: sent [1-9][\d,]*$/m);
    expect(await told('keys', '-b', from)).toMatch(/^ctq: looking at keys: [1-9]/m);
    expect(await told('migrate', from, to)).toMatch(/^ctq: [1-9][\d,]* of 1,200 moved \(mail\)$/m);
    expect(await told('purge', '-f', '-Q', 'mail', '--keep-copy', 'copy.jsonl', '-b', to)).toMatch(/^ctq: mail: [1-9][\d,]* removed$/m);
    expect(await told('purge', '--undo', 'copy.jsonl', '-b', to)).toMatch(/^ctq: bringing back: [1-9][\d,]* of 1,200$/m);
  });
});
