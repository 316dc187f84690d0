/** What the command line says beyond the answer: which task was meant, what to do next, and that long work goes on. */
import { describe, expect, it } from 'vitest';
import { startSpinner } from '../../src/cli/output/spinner.js';
import type { CliContext } from '../../src/cli/context.js';
import { FakeClock } from '../support/fake-clock.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { tmpFolder } from '../support/tmp.js';
import { FakeStream } from './fake-context.js';

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
    const slip = await runCtq(['send', 'tasks.ad', '1', '--wait'], { cwd });
    expect(slip).toMatchObject({ code: 1, stdout: '', stderr: 'ctq: NotRegistered: tasks.ad (did you mean tasks.add?)\n' });
    const other = await runCtq(['send', 'quite.another', '--wait'], { cwd });
    expect(other.stderr).toBe(
      'ctq: NotRegistered: quite.another (no worker has a task of that name; ctq inspect registered lists what they have)\n',
    );
    expect(worker.output).toContain('under this very name? It has tasks.add.\n');
    expect(worker.output).toContain('under this very name?\n');
    // Only for people: nobody at a terminal here.
    expect(worker.output).not.toContain('in another terminal');
    await worker.stop();
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
});
