/** What people meet at `ctq beat`: its lines, its exit codes, its desk. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openBroker } from '../../src/brokers/index.js';
import { main } from '../../src/cli/main.js';
import { beatApp, launchCtqBeat } from '../support/ctq-beat.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { NOT_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

const running: OwnedProcess[] = [];
afterAll(() => Promise.all(running.map((beat) => beat.kill())));

const EVERY_SECOND =
  "app.task('tasks.add', (x, y) => x + y); app.conf.beatSchedule = { each: { task: 'tasks.add', schedule: 1, args: [1, 2] } };";

interface Place {
  readonly folder: string;
  readonly broker: string;
  file(name: string): string;
}

function place(body = EVERY_SECOND): Place {
  const folder = beatApp(body);
  return { folder, broker: `sqlite://${folder}/ctq.db`, file: (name) => join(folder, name) };
}

/** A beat that has said that it leads. */
async function startBeat({ folder, broker }: Place, args: readonly string[] = []): Promise<OwnedProcess> {
  const beat = launchCtqBeat({ folder, broker, args });
  running.push(beat);
  await beat.waitForOutput(/from now on/);
  return beat;
}

/** The command line in this process: for all that answers and ends. */
async function beatCommand(
  { folder, broker }: Place,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const context = fakeContext({ cwd: folder });
  const code = await main(['beat', '-A', 'tasks', '-b', broker, ...args], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

/** The same as a process of its own, for what takes a pidfile, goes into the background, or becomes somebody else. */
function beatProcess({ folder, broker }: Place, args: readonly string[]): ReturnType<typeof runCtq> {
  return runCtq(['beat', '-A', 'tasks', '-b', broker, ...args], { cwd: folder });
}

async function depth({ broker }: Place): Promise<number> {
  const open = await openBroker(broker, { transportOptions: {}, connectTimeoutMs: 5_000 });
  try {
    return await open.depth('celery');
  } finally {
    await open.close();
  }
}

describe('ctq beat', () => {
  it('says what it is as Celery’s does, sends, and ends with 0 on TERM and on INT', async () => {
    const here = place();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const beat = await startBeat(here, ['--max-interval', '5']);
      await beat.waitForOutput(/Scheduler: Sending due task each \(tasks\.add\)/);
      await beat.waitForOutput(/tasks\.add sent\. id->[0-9a-f-]{36}/);
      expect(await beat.stop(signal)).toEqual({ code: 0, signal: null });
      expect(beat.stdout).toMatch(
        /^ctq beat v[\d.]+ is starting\.\n__ {4}- {4}\.\.\. __ {3}- {8}_\nLocalTime -> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\nConfiguration ->\n {4}\. broker -> sqlite:\/\/.*\n {4}\. loader -> .*tasks\.mjs\n {4}\. scheduler -> ctq\.beat\n {4}\. db -> .*ctq\.db\n {4}\. logfile -> \[stderr\]@%DEBUG\n {4}\. maxinterval -> 5\.00 seconds \(5s\)\n$/,
      );
      expect(beat.stderr).toMatch(/^\[.*: INFO\/MainProcess\] beat: Starting\.\.\.\n/);
    }
    expect(await depth(here)).toBeGreaterThanOrEqual(2);
  });

  it('warns of a task that the app does not have, and goes on', async () => {
    const beat = await startBeat(
      place("app.task('tasks.add', () => 1); app.conf.beatSchedule = { slip: { task: 'tasks.ad', schedule: 1 } };"),
    );
    await beat.waitForOutput(
      /WARNING\/MainProcess\] beat: The entry slip names the task tasks\.ad, which this app does not have \(did you mean tasks\.add\?/,
    );
    await beat.waitForOutput(/tasks\.ad sent/);
    expect((await beat.stop()).code).toBe(0);
  });

  it.each([
    [
      'a crontab in the code',
      "app.conf.beatSchedule = { nightly: { task: 'x', schedule: crontab({ minute: 61 }) } };",
      /^ctq: tasks\.mjs failed while it was loaded: crontab: the minute is 61 \(it must be from 0 to 59; at tasks\.mjs:4:\d+\)\n$/,
    ],
    [
      'a crontab in a text',
      "app.conf.beatSchedule = { nightly: { task: 'x', schedule: '0 25 * * *' } };",
      /^ctq: app\.conf\.beatSchedule\.nightly\.schedule: crontab: the hour is "25" \(it must be from 0 to 23\)\n$/,
    ],
    [
      'a crontab that never fires',
      "app.conf.beatSchedule = { nightly: { task: 'x', schedule: '0 0 30 2 *' } };",
      /never fires \(no such month has a day 30\)\n$/,
    ],
    [
      'an entry without a schedule',
      "app.conf.beatSchedule = { nightly: { task: 'x' } };",
      /^ctq: app\.conf\.beatSchedule\.nightly has no schedule \(/,
    ],
    [
      'a periodic task that is none',
      "app.addPeriodicTask('soon', 'tasks.x', { name: 'x' });",
      /^ctq: addPeriodicTask\.x\.schedule: "soon" is no interval \(/,
    ],
  ])('refuses %s with its place and exit code 2', async (_, body, words) => {
    const { code, stdout, stderr } = await beatCommand(place(body), []);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(words);
  });

  it('wants to know the app', async () => {
    const { code, stderr } = await runCtq(['beat'], { cwd: tmpFolder() });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^ctq: no app was named \(did you forget -A\? .*\)\n$/)]);
  });

  it('takes its schedule from a config file alone, and its options, too', async () => {
    const folder = tmpFolder();
    const config = {
      beatSchedule: { each: { task: 'proj.python_task', schedule: '1s', options: { queue: 'python' } } },
      beat: { loglevel: 'info' },
    };
    writeFileSync(join(folder, '.ctqrc.json'), JSON.stringify(config));
    const beat = startCtq(['beat', '-b', `sqlite://${folder}/ctq.db`], { cwd: folder });
    running.push(beat);
    await beat.waitForOutput(/INFO\/MainProcess\] Scheduler: Sending due task each \(proj\.python_task\)/);
    expect((await beat.stop()).code).toBe(0);
  });

  it('waits for a broker that is away, saying so, and can be stopped meanwhile', async () => {
    const beat = launchCtqBeat({ folder: beatApp(EVERY_SECOND), broker: 'redis://:secret@127.0.0.1:1/0' });
    running.push(beat);
    await beat.waitForOutput(
      /ERROR\/MainProcess\] beat: Connection error: cannot reach the broker at redis:\/\/:\*\*@127\.0\.0\.1:1\/0: connection refused\. Trying again in 1\.0 seconds\.\.\./,
    );
    expect((await beat.stop()).code).toBe(0);
    expect(beat.output).not.toContain('secret');
  });
});

describe('the pidfile of ctq beat', () => {
  it('holds the pid, and is removed at the end', async () => {
    const here = place();
    const beat = await startBeat(here, ['--pidfile', 'beat.pid']);
    expect(readFileSync(here.file('beat.pid'), 'utf8')).toBe(`${beat.pid}\n`);
    expect((await beat.stop()).code).toBe(0);
    expect(existsSync(here.file('beat.pid'))).toBe(false);
  });

  it('of a process that is gone is taken over, saying so', async () => {
    const here = place();
    writeFileSync(here.file('beat.pid'), '999999999\n');
    const beat = await startBeat(here, ['--pidfile', 'beat.pid']);
    expect(beat.stderr).toMatch(/^Stale pidfile exists - Removing it\.\n/);
    expect(readFileSync(here.file('beat.pid'), 'utf8')).toBe(`${beat.pid}\n`);
    await beat.stop();
  });

  it('of a live one ends with 73 and names it', async () => {
    const here = place();
    const beat = await startBeat(here, ['--pidfile', 'beat.pid']);
    const { code, stdout, stderr } = await beatProcess(here, ['--pidfile', 'beat.pid']);
    expect([code, stdout]).toEqual([73, '']);
    expect(stderr).toBe(
      `ctq: Pidfile (${here.file('beat.pid')}) already exists. Seems we're already running? (pid: ${beat.pid}) (stop that one first, or choose another --pidfile)\n`,
    );
    await beat.stop();
  });

  it('without permission ends with 73 and says what to change', async () => {
    const here = place();
    mkdirSync(here.file('closed'));
    chmodSync(here.file('closed'), 0o500);
    chmodSync(here.folder, 0o755);
    // Root may write anywhere, so root becomes nobody first; --uid is there for that.
    const asNobody = process.getuid?.() === 0 ? ['--uid', 'nobody'] : [];
    const { code, stderr } = await beatProcess(here, ['--pidfile', 'closed/beat.pid', ...asNobody]);
    expect(code).toBe(73);
    expect(stderr).toMatch(
      /^ctq: cannot (?:create|look at) the pidfile .*closed\/beat\.pid: permission denied \(let this user write in .*closed, or choose another --pidfile\)\n$/,
    );
  });
});

describe('the file of last runs', () => {
  it('is set aside when it is corrupt, and beat goes on', async () => {
    for (const garbage of [
      '\x13\x57\x9a\xce not a database',
      '',
      '{"format":"ctq-beat-schedule","version":1,"entries":{"each":{"last_run_at":5}}}',
      '{}',
    ]) {
      const here = place();
      writeFileSync(here.file('schedule'), garbage, { mode: 0o600 });
      const beat = await startBeat(here, ['-s', 'schedule']);
      await beat.waitForOutput(
        /ERROR\/MainProcess\] Removing corrupted schedule file '.*schedule': .+ \(kept as '.*schedule\.corrupt-[\dTZ]+'\)/,
      );
      expect((await beat.stop()).code).toBe(0);
      const aside = readdirSync(here.folder).find((name) => name.startsWith('schedule.corrupt-')) ?? '';
      expect(readFileSync(here.file(aside), 'utf8')).toBe(garbage);
      expect(JSON.parse(readFileSync(here.file('schedule'), 'utf8'))).toMatchObject({
        format: 'ctq-beat-schedule',
        version: 1,
        timezone: 'UTC',
      });
      expect(statSync(here.file('schedule')).mode & 0o777).toBe(0o600);
    }
  });

  it('carries runs over to the next beat, also to one on another broker', async () => {
    const here = place("app.conf.beatSchedule = { hourly: { task: 'tasks.x', schedule: 3600 } };");
    const ago = new Date(Date.now() - 3_598_000).toISOString();
    const entries = { hourly: { last_run_at: ago, total_run_count: 41 } };
    writeFileSync(here.file('schedule'), JSON.stringify({ format: 'ctq-beat-schedule', version: 1, timezone: 'UTC', entries }), {
      mode: 0o600,
    });
    const beat = await startBeat(here, ['-s', 'schedule']);
    await beat.waitForOutput(/Sending due task hourly/);
    expect((await beat.stop()).code).toBe(0);
    expect(JSON.parse(readFileSync(here.file('schedule'), 'utf8'))).toMatchObject({
      entries: { hourly: { last_run_at: new Date(Date.parse(ago) + 3_600_000).toISOString(), total_run_count: 42 } },
    });
  });

  it('is refused when others may write it', async () => {
    const here = place();
    writeFileSync(here.file('schedule'), '{}');
    chmodSync(here.file('schedule'), 0o620);
    const { code, stderr } = await beatCommand(here, ['-s', 'schedule']);
    expect([code, stderr]).toEqual([
      2,
      `ctq: others may write the schedule file ${here.file('schedule')} (chmod go-w ${here.file('schedule')})\n`,
    ]);
  });

  it('ends with 73 when it cannot be written', async () => {
    const here = place();
    const { code, stderr } = await beatCommand(here, ['-s', 'nowhere/schedule']);
    expect(code).toBe(73);
    expect(stderr).toMatch(
      /ctq: cannot write the schedule file .*nowhere\/schedule: there is no such folder \(let this user write in .*nowhere, or name another file with -s\)\n/,
    );
  });

  it('is made where the broker has no place of its own', async () => {
    const here = place();
    const beat = await startAlone(here.folder);
    expect((await beat.stop()).code).toBe(0);
    expect(JSON.parse(readFileSync(here.file('celerybeat-schedule'), 'utf8'))).toMatchObject({
      entries: { each: { total_run_count: expect.any(Number) as number } },
    });
  });

  async function startAlone(folder: string): Promise<OwnedProcess> {
    const beat = launchCtqBeat({ folder, broker: 'memory://' });
    running.push(beat);
    await beat.waitForOutput(/tasks\.add sent/);
    return beat;
  }
});

describe('ctq beat -D', () => {
  it('comes back when the beat in the background is ready', async () => {
    const here = place();
    const { code, stdout, stderr } = await beatProcess(here, [
      '-D',
      '--pidfile',
      'beat.pid',
      '-f',
      'beat.log',
      '-l',
      'info',
      '--umask',
      '027',
    ]);
    expect([code, stdout, stderr]).toEqual([0, '', '']);
    const pid = Number(readFileSync(here.file('beat.pid'), 'utf8'));
    try {
      await eventually(() => expect(readFileSync(here.file('beat.log'), 'utf8')).toMatch(/Sending due task each/));
      const second = await beatProcess(here, ['-D', '--pidfile', 'beat.pid']);
      expect([second.code, second.stderr]).toEqual([73, expect.stringMatching(/already exists.*pid: \d+/)]);
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await eventually(() => expect(existsSync(here.file('beat.pid'))).toBe(false));
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow());
  });

  it('tells in the foreground why it could not start', async () => {
    const { code, stderr } = await beatProcess(place("app.conf.beatSchedule = { a: { task: 'x', schedule: 0 } };"), ['-D']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^ctq: app\.conf\.beatSchedule\.a\.schedule: an interval of 0 is too short/)]);
  });
});

describe('ctq worker -B', () => {
  it('runs a beat beside the worker, and stops it first', async () => {
    const here = place();
    const worker = startCtq(['worker', '-A', 'tasks', '-b', here.broker, '-B', '-s', 'schedule', '-l', 'info'], { cwd: here.folder });
    running.push(worker);
    await worker.waitForOutput(/Scheduler: Sending due task each/);
    await worker.waitForOutput(/Task tasks\.add\[[0-9a-f-]{36}\] succeeded in .*: 3/);
    expect((await worker.stop()).code).toBe(0);
    expect(worker.stderr).toMatch(/beat: Shutting down\.\.\./);
    expect(JSON.parse(readFileSync(here.file('schedule'), 'utf8'))).toMatchObject({ format: 'ctq-beat-schedule' });
  });

  it('refuses a wrong entry before the worker takes anything', async () => {
    const { folder, broker } = place("app.conf.beatSchedule = { a: { task: 'x', schedule: 'soon' } };");
    const { code, stderr } = await runCtq(['worker', '-A', 'tasks', '-b', broker, '-B'], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^ctq: app\.conf\.beatSchedule\.a\.schedule: "soon" is no interval/)]);
  });
});

describe('ctq beat --uid, --gid, --umask', () => {
  it.each([
    [['--uid', 'no-such-user'], '--uid: there is no user "no-such-user"'],
    [['--gid', 'no-such-group'], '--gid: there is no group "no-such-group"'],
    [['--umask', '999'], '--umask is "999"'],
  ])('refuses %o', async (args, words) => {
    const { code, stderr } = await beatCommand(place(), args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  testUnless(NOT_ROOT, 'runs as somebody else, who cannot come back', async () => {
    const here = place(
      `${EVERY_SECOND}\nprocess.stderr.write('ids ' + JSON.stringify([process.getuid(), process.getgid(), process.getgroups(), process.umask()]) + '\\n');`,
    );
    chmodSync(here.folder, 0o777);
    const beat = await startBeat(here, ['--uid', 'nobody', '--umask', '027']);
    const [, ids = ''] = /ids (\[.*\])/.exec(beat.stderr) ?? [];
    const [uid, gid, groups, umask] = JSON.parse(ids) as [number, number, number[], number];
    expect([uid > 0, gid > 0, groups.includes(0), umask]).toEqual([true, true, false, 0o027]);
    expect((await beat.stop()).code).toBe(0);
  });
});

describe('ctq beat --next', () => {
  const body = `
    app.conf.timezone = 'America/New_York';
    app.conf.beatSchedule = {
      gap: { task: 'a', schedule: '30 2 * * *' },
      tokyo: { task: 'b', schedule: '0 9 * * *', timezone: 'Asia/Tokyo' },
      off: { task: 'c', schedule: 1, enabled: false },
    };`;

  it('prints the coming firings in local time and UTC, without a broker', async () => {
    const here = place(body);
    const { code, stdout } = await beatCommand(here, ['--next', '4']);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect([code, rows.length]).toEqual([0, 4]);
    for (const [local = '', utc = '', entry = '', task = '', zone = ''] of rows) {
      expect(new Date(local.replace(' ', 'T')).toISOString().slice(0, 19)).toBe(utc.replace(' ', 'T'));
      expect(entry === 'gap' ? [task, zone, local.slice(11, 16)] : [task, zone, local.slice(11, 16)]).toEqual(
        entry === 'gap' ? ['a', 'America/New_York', '02:30'] : ['b', 'Asia/Tokyo', '09:00'],
      );
    }
    expect(rows.map(([, utc = '']) => utc)).toEqual(rows.map(([, utc = '']) => utc).sort());
    expect(existsSync(here.file('ctq.db'))).toBe(false);
  });

  it('prints them as JSON, ten when no number is given', async () => {
    const { code, stdout } = await beatCommand(place(body), ['--next', '--json']);
    const firings = JSON.parse(stdout) as Record<string, string>[];
    expect([code, firings.length]).toEqual([0, 10]);
    for (const { name, task, at, local, timezone } of firings) {
      expect([name === 'gap' ? 'a' : 'b', name === 'gap' ? 'America/New_York' : 'Asia/Tokyo']).toEqual([task, timezone]);
      expect(new Date(local ?? '').toISOString()).toBe(at);
    }
  });

  it('says when nothing is going to fire', async () => {
    const { code, stdout, stderr } = await beatCommand(place(''), ['--next']);
    expect([code, stdout, stderr]).toEqual([0, '', 'ctq: nothing is going to fire\n']);
  });

  it.each(['0', '-1', 'many'])('refuses %s of them', async (count) => {
    const { code, stderr } = await beatCommand(place(body), [`--next=${count}`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--next is')]);
  });
});

describe('the desk of ctq beat', () => {
  it('edits the entries of a beat that runs', { timeout: 60_000 }, async () => {
    const here = place("app.task('tasks.add', () => 1); app.conf.beatSchedule = { code: { task: 'tasks.add', schedule: 3600 } };");
    const beat = await startBeat(here);
    const say = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await beatCommand(here, args);
      expect([args.join(' '), code]).toEqual([args.join(' '), 0]);
      return stdout + stderr;
    };
    expect(
      await say('add', 'mine', 'tasks.add', '1', 'two', '-k', 'z=3', '--every', '1', '-Q', 'mine', '--options', '{"expires": 60}'),
    ).toBe('added mine: tasks.add <freq: 1.00 second>\n');
    await beat.waitForOutput(/Sending due task mine/);
    expect(await say('pause', 'mine')).toBe('paused mine\n');
    expect(await say('pause', 'mine')).toBe('mine was paused already\n');
    // It is counted when it has been sent, a moment after the line in the log.
    const listed = await eventually(async () => {
      const all = JSON.parse(await say('list', '--json')) as Record<string, unknown>[];
      expect(all[1]?.['total_run_count']).toBeGreaterThan(0);
      return all;
    });
    expect(listed.map(({ name, source, paused }) => [name, source, paused])).toEqual([
      ['code', 'code', false],
      ['mine', 'store', true],
    ]);
    expect(listed[1]).toMatchObject({
      task: 'tasks.add',
      schedule: { every: 1 },
      args: [1, 'two'],
      kwargs: { z: 3 },
      options: { queue: 'mine', expires: 60 },
      catch_up: 'once',
      timezone: 'UTC',
      next_run_at: null,
    });
    expect(await say('run-now', 'mine')).toMatch(/^[0-9a-f-]{36}\n$/);
    const from = beat.output.length;
    expect(await say('resume', 'mine')).toBe('resumed mine\n');
    await beat.waitForOutput(/Sending due task mine/, 20_000, from);
    expect(await say('add', 'mine', 'tasks.add', '--crontab', '0 3 * * mon-fri', '--timezone', 'Europe/Berlin', '--catch-up', 'all')).toBe(
      'replaced mine: tasks.add <crontab: 0 3 * * mon-fri (m/h/dM/MY/d)>\n',
    );
    expect((await say('list')).split('\n').map((line) => line.split('\t').slice(0, 5))).toEqual([
      ['code', 'tasks.add', '<freq: 1.00 hour>', 'code', 'on'],
      ['mine', 'tasks.add', '<crontab: 0 3 * * mon-fri (m/h/dM/MY/d)>', 'store', 'on'],
      [''],
    ]);
    expect(await say('rm', 'mine')).toBe('removed mine\n');
    expect(JSON.parse(await say('list', '--json'))).toHaveLength(1);
    await beat.stop();
  });

  it.each([80, 120])('lists each entry with its whole schedule and times on %d columns', async (columns) => {
    const { folder, broker } = place("app.conf.beatSchedule = { code: { task: 'reports.of.the.month', schedule: 3600 } };");
    const context = fakeContext({ cwd: folder, terminal: true, columns });
    await main(['beat', '-A', 'tasks', '-b', broker, 'add', 'nightly', 'tasks.clean', '--crontab', '0 3 * * mon-fri'], context);
    expect(await main(['beat', '-A', 'tasks', '-b', broker, 'list'], context)).toBe(0);
    const lines = context.stdout.text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.join('\n')).toContain('<crontab: 0 3 * * mon-fri (m/h/dM/MY/d)>');
    expect(lines.join('\n').match(/\d{4}-\d\d-\d\d 03:00:00\+00:00/g)).toHaveLength(1);
  });

  it.each([
    [['rm', 'cod'], 'there is no entry "cod" (did you mean code?)'],
    [['rm', 'code'], 'the entry code comes from the code, and would come back (remove it there; ctq beat pause code stops it)'],
    [['add', 'code', 'x', '--every', '1'], 'the entry code comes from the code (change it there, or add this one under another name)'],
    [['add', 'x', 'tasks.x'], 'no schedule was given (give one of --every, --crontab, --solar)'],
    [['add', 'x', 'tasks.x', '--every', '1', '--crontab', '* * * * *'], 'more than one schedule was given'],
    [['add', 'x', 'tasks.x', '--crontab', '* * * *'], 'crontab: "* * * *" has 4 fields, not 5'],
    [['add', 'x', 'tasks.x', '--solar', 'noon,1,2'], 'solar: there is no event "noon"'],
    [['add', 'x', 'tasks.x', '--every', '1', '--options', '{"queu": 1}'], 'x.options: unknown option "queu" (did you mean queue?)'],
    [['add', 'x', 'tasks.x', '1', '--every', '5', 'minutes'], '--every 5 is in seconds, and "minutes" an argument of the task (--every 5m'],
    [['add', 'x'], 'too few words for ctq beat add (usage: ctq beat add <entry> <task> [args...])'],
    [['list', 'x'], 'too many words for ctq beat list'],
    [['remove', 'x'], 'ctq beat knows no "remove"'],
  ])('refuses %o with exit code 2', async (args, words) => {
    const { code, stdout, stderr } = await beatCommand(place("app.conf.beatSchedule = { code: { task: 'x', schedule: 5 } };"), args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`ctq: ${words}`);
  });

  it('has nothing to edit where the broker keeps no entries', async () => {
    const { code, stderr } = await runCtq(['beat', '-A', 'tasks', '-b', 'memory://', 'pause', 'x'], { cwd: place().folder });
    expect([code, stderr]).toEqual([69, expect.stringContaining('this broker keeps no schedule entries')]);
  });
});
