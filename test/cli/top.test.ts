/** `ctq top` and its terminal: taken, drawn on, and given back however it ends. A real pseudo-terminal, and a screen read from it. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { ctqOnTerminal, type TerminalOptions, TestTerminal } from '../support/terminal.js';
import { tmpFolder } from '../support/tmp.js';

const ESCAPE = '\u001b';
/** As a shell wants to find it. */
const USABLE = { echo: true, lines: true };

describeWith(['redis', 'python'], 'ctq top', () => {
  const cwd = tmpFolder();
  const redis = forSuite(startRedis);
  const open: TestTerminal[] = [];

  beforeAll(async () => {
    for (const [queue, count] of [
      ['mail', 3],
      ['video', 1],
    ] as const) {
      for (let sent = 0; sent < count; sent += 1) await runCtq(['send', 'tasks.add', '1', '2', '-Q', queue, '-b', redis().url], { cwd });
    }
  });

  afterEach(async () => {
    // Each only once, so that one that will not end takes no other test with it.
    for (const terminal of open.splice(0)) {
      terminal.type('\u0003');
      await terminal.ended();
    }
  });

  function top(args: readonly string[] = [], options: TerminalOptions = {}): TestTerminal {
    return ctqOnTerminal(['top', '-b', redis().url, '-d', '0.5', ...args], { cwd, ...options });
  }

  /** One that ends by itself or is ended by the afterEach. */
  function kept(terminal: TestTerminal): TestTerminal {
    open.push(terminal);
    return terminal;
  }

  it('takes the other screen, draws on it, and leaves both as they were', async () => {
    const terminal = top();
    const screen = await terminal.shows(/\[1 workers 0\] +2 queues 2/);
    expect(screen).toContain('no worker is listening; ctq worker -A <app> starts one');
    expect(terminal.isAlternate).toBe(true);
    terminal.type('q');
    expect(await terminal.ended()).toEqual({ exit: 0, signal: null, tty: USABLE });
    expect(terminal.isAlternate).toBe(false);
    expect((await terminal.screen()).trim()).toBe('');
    expect(terminal.written).toContain(`${ESCAPE}[?25h`);
  });

  it('shows the queues, and all of one', async () => {
    const terminal = kept(top());
    await terminal.shows(/2 queues 2/);
    terminal.type('2');
    expect(await terminal.shows(/> mail +nobody +3 +0 +0 +0/)).toMatch(/^ {2}video +nobody +1 /m);
    terminal.type(`${ESCAPE}[B`);
    await terminal.shows(/> video/);
    terminal.type('\r');
    await terminal.shows(/queue +video\n/);
    terminal.type(ESCAPE);
    await terminal.shows(/> video/);
    terminal.type('/mai\r');
    expect(await terminal.shows(/only "mai"/)).not.toContain('video');
  });

  it('follows the size of its window, and says when that is too small', async () => {
    const terminal = kept(top(['--view', 'queues']));
    await terminal.shows(/> mail/);
    await terminal.resize(40, 120);
    expect(await terminal.shows(/^-{120}$/m)).toMatch(/BY PRIORITY/);
    await terminal.resize(9, 50);
    await terminal.shows(/^ctq top needs 60x10, this is 50x9; q quits\s*$/);
    await terminal.resize(24, 80);
    const screen = await terminal.shows(/> mail/);
    expect(screen.split('\n').map((line) => line.length <= 80)).not.toContain(false);
  });

  it.each([
    ['q', 'q', 0],
    ['Ctrl-C', '\u0003', 130],
  ])('ends with %s', async (_name, key, exit) => {
    const terminal = top();
    await terminal.shows(/2 queues 2/);
    terminal.type(key);
    expect(await terminal.ended()).toEqual({ exit, signal: null, tty: USABLE });
    expect(terminal.isAlternate).toBe(false);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends with %s', async (signal, exit) => {
    const terminal = top();
    await terminal.shows(/2 queues 2/);
    await terminal.signal(signal);
    expect(await terminal.ended()).toEqual({ exit, signal: null, tty: USABLE });
    expect(terminal.isAlternate).toBe(false);
  });

  it('gives the terminal back when it crashes, and then says why', async () => {
    const crash = "data:text/javascript,setInterval(() => { if (process.stdin.isRaw) throw new Error('a bug of ours'); }, 50)";
    const terminal = new TestTerminal([process.execPath, '--import', crash, `${projectRoot}/bin/ctq.js`, 'top', '-b', redis().url], {
      cwd,
    });
    const { exit, tty } = await terminal.ended();
    expect([exit === 0, tty]).toEqual([false, USABLE]);
    expect(terminal.isAlternate).toBe(false);
    expect(terminal.written).toContain(`${ESCAPE}[?1049h`);
    expect(await terminal.screen()).toContain('a bug of ours');
  });

  it.each([
    ['Ctrl-Z', (terminal: TestTerminal) => terminal.type('\u001a')],
    ['SIGTSTP', (terminal: TestTerminal) => terminal.signal('SIGTSTP')],
  ])('stops with %s like every other program, and comes back', async (_name, stop) => {
    const terminal = kept(top(['--view', 'queues']));
    await terminal.shows(/> mail/);
    for (let round = 0; round < 2; round += 1) {
      const before = terminal.stops;
      await stop(terminal);
      expect(await terminal.stopped(before)).toEqual(USABLE);
      // The news of the stop may be here before the last of what it wrote.
      await eventually(async () => {
        await terminal.screen();
        expect(terminal.isAlternate).toBe(false);
      });
      await terminal.signal('SIGCONT');
      await terminal.shows(/> mail/);
      expect(terminal.isAlternate).toBe(true);
    }
    terminal.type('?');
    await terminal.shows(/Acts, asked about before/);
  });

  it('takes along what has started it, so that the shell gets the terminal', async () => {
    const command = `"${process.execPath}" "${projectRoot}/bin/ctq.js" top -b ${redis().url} --view queues; exit $?`;
    const terminal = new TestTerminal(['sh', '-c', command], { cwd });
    await terminal.shows(/> mail/);
    terminal.type('\u001a');
    expect(await terminal.stopped(0)).toEqual(USABLE);
    await terminal.signal('SIGCONT');
    await eventually(async () => (await terminal.screen()).includes('> mail') && terminal.isAlternate);
    terminal.type('q');
    expect((await terminal.ended()).exit).toBe(0);
  });

  it('draws all of it again when it was stopped without a warning', async () => {
    const terminal = kept(top(['--view', 'queues']));
    await terminal.shows(/> mail/);
    const before = terminal.stops;
    await terminal.signal('SIGSTOP');
    await terminal.stopped(before);
    const drawn = terminal.written.length;
    await terminal.signal('SIGCONT');
    await eventually(() => terminal.written.slice(drawn).includes(`${ESCAPE}[?1049h`));
    await terminal.shows(/> mail/);
  });

  it('ends when its window is closed', async () => {
    const terminal = top();
    await terminal.shows(/2 queues 2/);
    const pid = await terminal.pid();
    terminal.hangUp();
    await eventually(() => {
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    });
  });

  it('uses colours, and none where they are not wanted', async () => {
    const colour = /\u001b\[(3\d|9\d|1|2|7)m/;
    const terminal = top(['--view', 'queues']);
    await terminal.shows(/> mail/);
    terminal.type('q');
    await terminal.ended();
    expect(terminal.written).toMatch(colour);
    const plain = top(['--view', 'queues'], { env: { NO_COLOR: '1' } });
    await plain.shows(/> mail +nobody/);
    plain.type('q');
    await plain.ended();
    expect(plain.written).not.toMatch(colour);
  });

  it('draws what has changed, and not the whole screen every time', async () => {
    const terminal = top(['--view', 'queues']);
    await terminal.shows(/> mail/);
    const from = terminal.written.length;
    const clock = /\d\d:\d\d:\d\d/.exec(await terminal.screen())?.[0] ?? '';
    await eventually(async () => !(await terminal.screen()).includes(clock));
    terminal.type('q');
    await terminal.ended();
    expect(terminal.written.slice(from)).not.toContain('needs nobody');
    expect(terminal.written.slice(from)).not.toContain('READY');
  });

  it('shows no escape sequence that somebody put into a name', async () => {
    const evil = `${ESCAPE}]0;title\u0007${ESCAPE}[2J`;
    await redis().command('HSET', 'ctq:paused', evil, '[]');
    const terminal = top(['--view', 'queues', '--filter', 'title']);
    await terminal.shows(/> \\x1b\]0;title/);
    terminal.type('q');
    await terminal.ended();
    await redis().command('HDEL', 'ctq:paused', evil);
    expect(terminal.written).not.toContain(']0;title\u0007');
  });

  it('holds out while the broker is away, says so, and goes on when it is back', async () => {
    const other = await startRedis();
    await other.command('LPUSH', 'celery', '{}');
    const terminal = ctqOnTerminal(['top', '-b', other.url, '-d', '0.5', '--connect-timeout', '0.5', '--view', 'queues', '-Q', 'celery'], {
      cwd,
    });
    await terminal.shows(/> celery +nobody +1/);
    await other.stop();
    expect(await terminal.shows(/^! .*; trying again/m)).toMatch(/> celery +nobody +1/);
    await other.start();
    await other.command('LPUSH', 'celery', '{}', '{}');
    const screen = await terminal.shows(/> celery +nobody +2/);
    expect(screen).not.toContain('trying again');
    terminal.type('q');
    expect((await terminal.ended()).exit).toBe(0);
  });

  it('does the same on the embedded SQLite file', async () => {
    const lite = tmpFolder();
    for (let sent = 0; sent < 3; sent += 1) await runCtq(['send', 'tasks.add', '1', '2', '-Q', 'mail'], { cwd: lite });
    const terminal = kept(ctqOnTerminal(['top', '-d', '0.5', '--view', 'queues'], { cwd: lite }));
    await terminal.shows(/> mail +nobody +3 /);
    terminal.type('p');
    await terminal.shows(/Pause mail\?/);
    terminal.type('y');
    await terminal.shows(/ok: mail is paused[\s\S]*/);
    await terminal.shows(/> mail +paused +3 /);
    terminal.type('d');
    await terminal.shows(/Remove 3 messages from mail\?/);
    terminal.type('y');
    await terminal.shows(/ok: 3 messages removed from mail/);
    await terminal.shows(/> mail +paused +0 /);
  });

  it('says at once that there is no broker, and leaves the screen alone', async () => {
    const terminal = ctqOnTerminal(['top', '-b', `redis://127.0.0.1:${await freePort()}`, '--connect-timeout', '0.5'], { cwd });
    expect((await terminal.ended()).exit).toBe(69);
    expect(terminal.written).not.toContain(`${ESCAPE}[?1049h`);
    expect(await terminal.screen()).toMatch(/^ctq: .*redis:\/\/127/);
  });

  describe('where nobody can draw', () => {
    it('prints it again and again on a dumb terminal, without an escape sequence', async () => {
      const terminal = top(['-n', '2'], { env: { TERM: 'dumb' } });
      expect((await terminal.ended()).exit).toBe(0);
      expect(terminal.written).not.toContain(ESCAPE);
      expect(terminal.written.match(/^ctq top {2}redis/gm)).toHaveLength(2);
      expect(terminal.written.match(/^ {2}mail +nobody +3/gm)).toHaveLength(2);
    });

    it('prints it once below what is on the terminal', async () => {
      const terminal = top(['--once']);
      expect((await terminal.ended()).exit).toBe(0);
      expect(terminal.written).not.toMatch(/\u001b\[[HJ]/);
      expect(terminal.written).toMatch(/ {2}mail +nobody +3/);
    });

    it('prints it once into a pipe', async () => {
      const { code, stdout, stderr } = await runCtq(['top', '-b', redis().url, '--once'], { cwd });
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^queues 2\n {2}QUEUE .*\n {2}mail +nobody +3 /m);
      expect(stdout).toMatch(/^workers 0\n {2}no worker is listening/m);
    });

    it('prints one document a line with --json', async () => {
      const { code, stdout } = await runCtq(['top', '-b', redis().url, '--json', '-n', '2', '-d', '0.1'], { cwd });
      const documents = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { queues: { name: string; ready: number }[] });
      expect(code).toBe(0);
      expect(documents.map(({ queues }) => queues.map(({ name, ready }) => [name, ready]))).toEqual([
        [
          ['mail', 3],
          ['video', 1],
        ],
        [
          ['mail', 3],
          ['video', 1],
        ],
      ]);
    });

    it('ends quietly when nobody reads any more', async () => {
      const run = startCtq(['top', '-b', redis().url, '--json', '-d', '0.1'], { cwd });
      await run.waitForOutput(/"time"/);
      run.closeOutput();
      expect(await run.waitForExit()).toEqual({ code: 0, signal: null });
      expect(run.stderr).toBe('');
    });

    it.each([
      [['--sort', 'size-of-moon'], '--sort is "size-of-moon" (it must be one of worker, state, pool, running,'],
      [['--view', 'queue'], '--view is "queue" (it must be one of workers, queues, tasks, failures; did you mean queues?)'],
      [['--view', 'tasks', '--sort', 'ready'], '--sort is "ready" (it must be one of id, task, runs-for,'],
      [['-d', '0'], '--interval is "0" (it must be a number of seconds, 0.1 or more)'],
      [['--once', '-n', '3'], '--once is --times 1'],
      [['-n', '0'], '--times is "0"'],
    ])('says what is wrong with %j', async (args, says) => {
      const { code, stderr } = await runCtq(['top', '-b', redis().url, ...args], { cwd });
      expect(code).toBe(2);
      expect(stderr).toContain(says);
      expect(stderr.match(/\n/g)).toHaveLength(1);
    });

    it('sorts as it is told', async () => {
      const { stdout } = await runCtq(['top', '-b', redis().url, '--once', '--sort', '-ready'], { cwd });
      expect(stdout).toMatch(/ {2}video .*\n {2}mail /);
    });
  });
});
