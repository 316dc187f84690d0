/** Which place a command works on: the app's own where `-A` names it, and none that this user may not use. */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/ctq.js';
import { beatApp, launchCtqBeat } from '../support/ctq-beat.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ctq(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const context = fakeContext({ cwd, env: { CTQ_ALLOW_ROOT: '1', ...env } });
  const code = await main([...argv], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

describe('the app behind -A', () => {
  it('says where tasks are sent to and by which route, below flags and environment', async () => {
    const other = tmpFolder();
    const theirs = join(other, 'theirs.db');
    const folder = beatApp(`app.conf.brokerUrl = 'sqlite://${theirs}'; app.conf.taskRoutes = { 'tasks.mail': { queue: 'mail' } };`);
    const files = tmpFolder({ 'chain.json': '[{"task": "tasks.mail"}]', 'calls.jsonl': '{"task": "tasks.mail"}\n' });

    expect((await ctq(['send', '-A', 'tasks', 'tasks.mail'], folder)).code).toBe(0);
    expect((await ctq(['-A', 'tasks', 'send', '--chain', join(files, 'chain.json')], folder)).code).toBe(0);
    expect((await ctq(['send', '-A', 'tasks', '--batch', join(files, 'calls.jsonl')], folder)).code).toBe(0);
    expect((await ctq(['queues', '-b', `sqlite://${theirs}`], folder)).stdout).toMatch(/^mail\t3\t/);
    // Its results are where it keeps them.
    expect((await ctq(['result', '-A', 'tasks', 'some-id'], folder)).stderr).toContain('some-id is PENDING');
    expect(existsSync(join(folder, '.ctq'))).toBe(false);

    const stronger = `sqlite://${join(other, 'stronger.db')}`;
    await ctq(['send', '-A', 'tasks', 'tasks.mail'], folder, { CTQ_BROKER_URL: stronger });
    await ctq(['send', '-A', 'tasks', 'tasks.mail', '-b', stronger], folder, { CTQ_BROKER_URL: 'redis://localhost:1' });
    expect((await ctq(['queues', '-b', stronger], folder)).stdout).toMatch(/^mail\t2\t/);
    expect(await ctq(['send', '-A', 'taskz', 'tasks.mail'], folder)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a file that this user may not use', () => {
  it.each(['worker', 'beat'])('ends ctq %s at its start, for it becomes no other by waiting', async (command) => {
    const folder = beatApp('');
    const said = await ctq([command, '-A', 'tasks', '-b', `sqlite://${folder}`], folder);
    expect(said).toEqual({ code: 69, stdout: '', stderr: `ctq: ${folder} is a folder (name a file: sqlite:///path/to/ctq.db)\n` });
  });

  // Root is refused nothing, but it cannot walk in circles either.
  it('is not told of as missing', async () => {
    const folder = beatApp('');
    const round = join(folder, 'round');
    symlinkSync('round', round);
    for (const argv of [['queues'], ['result', 'some-id'], ['doctor'], ['-A', 'tasks', 'beat', 'list']]) {
      expect(await ctq([...argv, '-b', `sqlite://${round}/ctq.db`], folder)).toMatchObject({
        code: 69,
        stderr: `ctq: cannot look at ${round}/ctq.db: symbolic links in a circle (check the owner and mode of its folder)\n`,
      });
    }
  });
});

describe('the schedules of a broker', () => {
  it('are listed, paused and resumed without the apps that made them', async () => {
    const folder = beatApp("app.conf.beatSchedule = { code: { task: 'tasks.tidy', schedule: 3600 } };");
    writeFileSync(join(folder, 'mail.mjs'), readFileSync(join(folder, 'tasks.mjs'), 'utf8').replaceAll("'tasks'", "'mail'"));
    const broker = `sqlite://${join(folder, 'ctq.db')}`;
    const beat = (...words: readonly string[]): Promise<Said> => ctq(['beat', '-b', broker, ...words], folder);
    expect(await beat('list')).toMatchObject({ code: 69, stderr: expect.stringContaining('there is no database') });
    for (const app of ['tasks', 'mail']) {
      const running = launchCtqBeat({ folder, broker, args: ['-A', app] });
      await running.waitForOutput(/from now on/);
      await running.stop();
    }
    await beat('-A', 'mail', 'add', 'nightly', 'mail.digest', '--crontab', '0 3 * * *', '--timezone', 'Europe/Berlin');
    const listed = async (): Promise<unknown> => (await beat('list')).stdout.split('\n').map((line) => line.split('\t').slice(0, 6));
    expect(await beat('pause', 'nightly')).toMatchObject({ code: 0, stderr: 'paused nightly\n' });
    expect(await listed()).toEqual([
      ['mail', 'code', 'tasks.tidy', '<freq: 1.00 hour>', 'code', 'on'],
      ['mail', 'nightly', 'mail.digest', '<crontab: 0 3 * * * (m/h/dM/MY/d)>', 'store', 'paused'],
      ['tasks', 'code', 'tasks.tidy', '<freq: 1.00 hour>', 'code', 'on'],
      [''],
    ]);
    expect((await beat('resume', 'nightly')).stderr).toBe('resumed nightly\n');
    const document = JSON.parse((await beat('list', '--json')).stdout) as unknown[];
    expect(document[1]).toMatchObject({ app: 'mail', name: 'nightly', timezone: 'Europe/Berlin', paused: false });
    // Two apps have it, and what the code says is not known here.
    for (const [words, said] of [
      [['pause', 'code'], 'several apps have an entry "code": mail, tasks (name the app: -A <module>)'],
      [['pause', 'nightl'], 'there is no entry "nightl" (did you mean nightly?)'],
      [['run-now', 'nightly'], 'no app was named'],
    ] as const) {
      const { code, stderr } = await beat(...words);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`ctq: ${said}`)]);
    }
    expect((await beat('rm', 'nightly')).stderr).toBe('removed nightly\n');
    expect((await ctq(['beat', '-b', 'memory://', 'list'], folder)).stderr).toContain('ctq beat -A <app> list');
  });
});

describe('results that nobody looks into', () => {
  it('are asked for the one that is sought, and told of where a list leaves them out', async () => {
    const folder = beatApp('');
    const places = { brokerUrl: `sqlite://${join(folder, 'ctq.db')}`, resultBackend: `db+sqlite:///${join(folder, 'results.db')}` };
    const app = new Ctq('tasks', places);
    const { id, published } = app.sendTask('tasks.gone', [1]);
    await published;
    const meta = { status: 'SUCCESS', result: 42, traceback: null, children: [], dateDone: '2026-11-22T02:00:00+00:00' };
    const taskId = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
    const backend = await app.backend();
    await backend.store({ taskId, ...meta });
    await app.close();
    const urls = ['-b', places.brokerUrl, '--result-backend', places.resultBackend];
    const found = await ctq(['find', taskId, ...urls], folder);
    expect(found.stdout).toMatch(/^where +done$[^]*^result +42$/m);
    // For how long it is kept is not known there.
    expect(found.stdout).not.toContain('kept');
    expect(JSON.parse((await ctq(['find', taskId, '--json', ...urls], folder)).stdout)).toMatchObject({ result: 42, result_ttl_ms: null });
    expect((await ctq(['find', id, ...urls], folder)).stdout).toContain('queued in celery');
    const note = `ctq: note: results are kept at ${backend.displayUrl}, which is not looked into; ctq result <id> asks it for one\n`;
    for (const command of ['keys', 'failed', 'doctor']) {
      expect([command, (await ctq([command, ...urls], folder)).stderr]).toEqual([command, expect.stringContaining(note)]);
      expect((await ctq([command, '-b', places.brokerUrl, '--result-backend', 'disabled://'], folder)).stderr).not.toContain('note');
    }
  });
});
