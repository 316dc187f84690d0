/** `ctq top` over workers of both kinds: what they do is on the screen, and what is typed happens to them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { ctqOnTerminal, type TestTerminal } from '../support/terminal.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'python'], 'ctq top over a ctq worker and a Celery worker', () => {
  const cwd = tmpFolder();
  const marks = tmpFolder();
  const redis = forSuite(startRedis);
  let ctq: OwnedProcess;
  let celery: CeleryWorker;
  let top: TestTerminal;

  beforeAll(async () => {
    const shared = { broker: redis().url, backend: redis().url };
    [ctq, celery] = await Promise.all([
      startCtqWorker({ ...shared, hostname: 'ctq@here', queues: ['ours'], concurrency: 4, env: { CTQ_TEST_MARKS: marks } }),
      startCeleryWorker({ ...shared, hostname: 'py@here', queues: ['theirs'], concurrency: 2, conf: { result_extended: true } }),
    ]);
    top = ctqOnTerminal(['top', '-b', redis().url, '-d', '0.5'], { cwd, rows: 30, columns: 120 });
    await top.shows(/workers 2 /);
  });

  afterAll(async () => {
    top.type('\u0003');
    await top.ended();
    await Promise.all([ctq.kill(), celery.kill()]);
  });

  async function send(queue: string, task: string, ...args: readonly string[]): Promise<string> {
    const { stdout, stderr, code } = await runCtq(['send', '-b', redis().url, '-Q', queue, task, ...args], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    return stdout.trim();
  }

  /** Takes the filter away. */
  async function showAll(): Promise<void> {
    top.type('\u001b');
    await top.shows(/^(?![\s\S]*only ")/);
  }

  /** As many rows as tasks of this name run. */
  async function running(count: number): Promise<string> {
    return top.shows(new RegExp(`\\[3 tasks ${count}\\]`));
  }

  /** What has become of an order: top waits a second for the answers, and who is late obeys all the same. */
  async function obeyed(said: string): Promise<void> {
    await top.shows(new RegExp(`${said}|no worker has answered within a second; it may still obey`));
  }

  /** All of it on one screen: a worker that does not answer in time is not on each. */
  async function showing(...patterns: readonly RegExp[]): Promise<void> {
    await eventually(async () => {
      const screen = await top.screen();
      for (const pattern of patterns) expect(screen).toMatch(pattern);
    });
  }

  it('shows both workers, and the tasks that run in them with their arguments', async () => {
    await showing(/> ctq@here +up +async +0 +4 /, /^ {2}py@here +up +prefork +0 +2 /m);
    const [ours, theirs] = [await send('ours', 'tasks.sleep', '601'), await send('theirs', 'tasks.sleep', '602')];
    top.type('3');
    await showing(
      /\[3 tasks 2\]/,
      new RegExp(`${ours.slice(0, 20)}\\S* +tasks\\.sleep +\\d+ m?s +ctq@here +ours +\\(601,\\)`),
      new RegExp(`${theirs.slice(0, 20)}\\S* +tasks\\.sleep +\\d+ m?s +py@here +theirs +\\(602,\\)`),
      /^workers 2 +running 2\/6 /m,
    );
  });

  it('shows all of one task on Enter', async () => {
    // With its parenthesis: the id of the other task may well have a 602 in it.
    top.type('/(602\r');
    await top.shows(/only "\(602"/);
    top.type('\r');
    await showing(/^args +\(602,\)$/m, /^worker +py@here, process \d+$/m, /^acknowledged +yes$/m);
    top.type('\u001b');
    await top.shows(/> \S+ +tasks\.sleep/);
    await showAll();
    await running(2);
  });

  it('terminates a Python task: not when the answer is no, and really when it is yes', async () => {
    top.type('/(602\r');
    await top.shows(/> \S+ +tasks\.sleep .*602/);
    top.type('t');
    await top.shows(/Terminate tasks\.sleep\[/);
    top.type('n');
    await top.shows(/1 of 1, 1 row hidden/);
    expect(celery.output).not.toContain('Terminating');
    top.type('t');
    await top.shows(/Terminate tasks\.sleep\[[^\n]*\n *y yes {2}n no/);
    top.type('y');
    await obeyed('ok: ');
    await celery.process.waitForOutput(/Terminating \S+ \(/);
    await showAll();
    await running(1);
  });

  it('revokes a ctq task, which hears it', async () => {
    const id = await send('ours', 'tasks.listen');
    top.type('/listen\r');
    await top.shows(/> \S+ +tasks\.listen/);
    top.type('x');
    await top.shows(/Revoke tasks\.listen/);
    top.type('y');
    await obeyed('ok: 2 workers: |ok: .*flagged as revoked');
    await showAll();
    await running(1);
    const { stdout } = await runCtq(['result', '-b', redis().url, id, '--json', '-w', '--timeout', '20'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ state: 'REVOKED' });
  });

  it('limits how often a task begins', async () => {
    top.type('/(601\r');
    await top.shows(/> \S+ +tasks\.sleep .*601/);
    top.type('l10/m\r');
    await top.shows(/Limit tasks\.sleep to 10\/m on each worker\?/);
    top.type('y');
    await obeyed('ok: .*: new rate limit set successfully');
    for (const worker of [ctq, celery.process]) await worker.waitForOutput(/New rate limit for tasks of type tasks\.sleep: 10\/m\./);
    await showAll();
  });

  it('lets a pool grow and shrink, of the worker that is selected', async () => {
    top.type('1g');
    await top.shows(/> ctq@here/);
    top.type('+');
    await top.shows(/Let the pool of ctq@here grow by one, from 4 to 5\?/);
    top.type('y');
    await top.shows(/> ctq@here +up +async +\d+ +5 /);
    top.type('j');
    await top.shows(/> py@here/);
    top.type('-');
    await top.shows(/Let the pool of py@here shrink by one, from 2 to 1\?/);
    top.type('y');
    await showing(/> py@here +up +prefork +\d+ +1 /, /ctq@here +up +async +\d+ +5 /);
  });

  it('pauses a queue for both kinds, shows it, and resumes it', async () => {
    top.type('2');
    for (const [queue, told] of [
      ['ours', ''],
      ['theirs', '; 1 Python worker told'],
    ] as const) {
      top.type(`/${queue}\r`);
      await top.shows(new RegExp(`only "${queue}"[\\s\\S]*> ${queue} `));
      // A Python worker that does not say within a second that it takes from there is not told: once more, then.
      for (;;) {
        top.type('p');
        await top.shows(new RegExp(`Pause ${queue}\\? Nobody takes from it until it is resumed`));
        top.type('y');
        const isTold = (await top.shows(new RegExp(`${queue} is paused`))).includes(`${queue} is paused${told}`);
        await top.shows(new RegExp(`> ${queue} +paused`));
        if (isTold) break;
        top.type('p');
        await top.shows(new RegExp(`Resume ${queue}\\?`));
        top.type('y');
        await top.shows(new RegExp(`> ${queue} +\\d`));
      }
      await showAll();
    }
    expect(await redis().command('HKEYS', 'ctq:paused')).toEqual(expect.arrayContaining(['ours', 'theirs']) as unknown);
    await ctq.waitForOutput(/Queue ours is paused/);
    await send('ours', 'tasks.marked', '"paused"');
    await send('theirs', 'tasks.add', '1', '2');
    await showing(/ours +paused +1 /, /theirs +paused +1 /, /ready 2 /);
    expect(readdirSync(marks).filter((name) => name.startsWith('paused'))).toEqual([]);
    top.type('/ours\r');
    await top.shows(/only "ours"/);
    top.type('p');
    await top.shows(/Resume ours\?/);
    top.type('y');
    await eventually(() => readdirSync(marks).some((name) => name.startsWith('paused.end')));
    await showAll();
  });

  it('removes what waits, with a copy that brings it back', async () => {
    top.type('/theirs\r');
    await top.shows(/> theirs +paused +1 /);
    top.type('d');
    await top.shows(/Remove 1 message from theirs\?\n *y yes, for good {2}c yes, with a copy {2}n no/);
    top.type('c');
    const [, file = ''] =
      /ctq purge --undo (\S+) brings them back/.exec(await top.shows(/ok: 1 message removed from theirs; .* back/)) ?? [];
    expect(existsSync(join(cwd, file))).toBe(true);
    await top.shows(/> theirs +paused +0 /);
    expect(await redis().command('LLEN', 'theirs')).toBe(0);
    const { code } = await runCtq(['purge', '-b', redis().url, '--undo', file], { cwd });
    expect(code).toBe(0);
    await top.shows(/> theirs +paused +1 /);
    top.type('p');
    await top.shows(/Resume theirs\?/);
    top.type('y');
    await top.shows(/theirs is resumed; 1 Python worker told/);
    await top.shows(/> theirs +0 /);
    await showAll();
  });

  it('shows what failed, why, and runs it again', async () => {
    const id = await send('ours', 'tasks.fail', '"no such customer"');
    top.type('4');
    await top.shows(/> now|> \d+ (s|ms) ago.* tasks\.fail +ours +ctq@here +ValueError: no such customer/);
    top.type('\r');
    await showing(/Traceback \(most recent call last\)/, new RegExp(id), /args +\["no such customer"\]/);
    top.type('r');
    await top.shows(/Run tasks\.fail\[.*again\?/);
    const before = ctq.output.length;
    top.type('y');
    await top.shows(/ok: sent to ours again/);
    await ctq.waitForOutput(new RegExp(`Task tasks\\.fail\\[${id}\\] received`), 20_000, before);
  });

  it('finds failures of Python workers when asked to look through all results', async () => {
    const id = (await runPython('result = fail.apply_async(["from afar"], queue="theirs").id', {
      broker: redis().url,
      backend: redis().url,
    })) as string;
    await celery.process.waitForOutput(new RegExp(`Task tasks\\.fail\\[${id}\\] raised`));
    expect(await top.screen()).not.toContain('from afar');
    top.type('R');
    await top.shows(/ok: \d+ failed tasks found/);
    await top.shows(/tasks\.fail +theirs +py@here +ValueError: from afar +result/);
    top.type('/afar\r');
    await top.shows(/> .*from afar/);
    top.type('r');
    await top.shows(/Run tasks\.fail/);
    const before = celery.output.length;
    top.type('y');
    await celery.process.waitForOutput(new RegExp(`Task tasks\\.fail\\[${id}\\] received`), 20_000, before);
    await showAll();
  });

  it('knows more when events are on: rates, and failures as they happen', async () => {
    expect(await top.screen()).toContain('no task events');
    top.type('1e');
    await top.shows(/Shall all workers tell of their tasks \(events\)\?/);
    top.type('y');
    await obeyed('ok: ');
    await Promise.all([
      send('ours', 'tasks.add', '1', '2'),
      send('theirs', 'tasks.add', '1', '2'),
      send('theirs', 'tasks.fail', '"as it happens"'),
    ]);
    await top.shows(/succeeded 0\.[1-9]\/s +failed 0\.[1-9]\/s/);
    top.type('4');
    await top.shows(/tasks\.fail +\S+ +py@here +ValueError\('as it happens'\) +event/);
    top.type('1E');
    await top.shows(/stop telling/);
    top.type('y');
    await obeyed('ok: ');
  });

  it('tells a worker that is silent from one that has gone', async () => {
    await top.shows(/py@here +up/);
    process.kill(-celery.pid, 'SIGSTOP');
    await showing(/py@here +silent/, /^workers 1 \(1 silent\)/m);
    process.kill(-celery.pid, 'SIGCONT');
    await top.shows(/py@here +up/);
    await celery.kill();
    await top.shows(/py@here +gone/);
  });
});
