import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquirePidfile } from '../../../src/cli/pidfile.js';
import { OutputFileError } from '../../../src/errors.js';
import { asNobody } from '../../support/as-nobody.js';
import { atExit } from '../../support/cleanup.js';
import { NOT_LINUX, testUnless } from '../../support/requires.js';
import { tmpFolder } from '../../support/tmp.js';

function pathWith(content?: string): string {
  const path = join(tmpFolder(), 'w.pid');
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

/** A process that lives, and is not ours. */
function sleeper(): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  atExit(() => child.kill('SIGKILL'));
  return pidOf(child);
}

/** A pid that nobody has any more. */
async function deadPid(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' });
  await once(child, 'exit');
  return pidOf(child);
}

/** Not 0 for one that did not start: that is nobody's, and a test about it would say nothing. */
function pidOf({ pid, spawnfile }: ChildProcess): number {
  if (pid === undefined) throw new Error(`${spawnfile} did not start`);
  return pid;
}

async function acquire(path: string, pid = process.pid): Promise<{ notices: string[]; release(): void }> {
  const notices: string[] = [];
  const pidfile = await acquirePidfile({ path, pid, notice: (text) => notices.push(text) });
  return { notices, release: () => pidfile.release() };
}

describe('acquirePidfile', () => {
  it('writes the pid and a line end, for owner and group only', async () => {
    const path = pathWith();
    const { notices } = await acquire(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    expect(statSync(path).mode & 0o137).toBe(0);
    expect(notices).toEqual([]);
  });

  it('refuses while the process in it lives, in Celery’s words', async () => {
    const pid = sleeper();
    const path = pathWith(`${pid}\n`);
    const error = await acquire(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutputFileError);
    expect((error as Error).message).toBe(`Pidfile (${path}) already exists. Seems we're already running? (pid: ${pid})`);
    expect(readFileSync(path, 'utf8')).toBe(`${pid}\n`);
  });

  it('refuses a live process of another user', async () => {
    // pid 1 is root's; for root it is simply alive.
    await expect(acquire(pathWith('1\n'))).rejects.toThrow('already running');
  });

  it('replaces the file of a process that is gone, and says so', async () => {
    const path = pathWith(`${await deadPid()}\n`);
    expect((await acquire(path)).notices).toEqual(['Stale pidfile exists - Removing it.']);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('replaces its own from an earlier life', async () => {
    expect((await acquire(pathWith(`${process.pid}\n`))).notices).toEqual(['Stale pidfile exists - Removing it.']);
  });

  testUnless(NOT_LINUX, 'replaces a file older than the process that has its pid now', async () => {
    const path = pathWith(`${sleeper()}\n`);
    const before = new Date(Date.now() - 3600_000);
    utimesSync(path, before, before);
    expect((await acquire(path)).notices).toEqual(['Stale pidfile exists - Removing it.']);
  });

  it.each(['', 'abc\n', '123', '0\n', '-5\n', '12 13\n', '99999999999999\n', '\u0000\u0000'])(
    'replaces the broken content %j',
    async (content) => {
      const path = pathWith(content);
      expect((await acquire(path)).notices).toEqual(['Broken pidfile found - Removing it.']);
      expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    },
  );

  it('follows no symbolic link', async () => {
    const folder = tmpFolder({ target: 'precious' });
    symlinkSync(join(folder, 'target'), join(folder, 'w.pid'));
    await expect(acquire(join(folder, 'w.pid'))).rejects.toThrow('is a symbolic link');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling.pid'));
    await expect(acquire(join(folder, 'dangling.pid'))).rejects.toThrow('is a symbolic link');
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('precious');
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  it('names the folder that is missing', async () => {
    const path = join(tmpFolder(), 'no', 'w.pid');
    await expect(acquire(path)).rejects.toThrow(/cannot create the pidfile .*: there is no folder .*no$/);
  });

  it('is no folder', async () => {
    const path = join(tmpFolder(), 'w.pid');
    mkdirSync(path);
    await expect(acquire(path)).rejects.toThrow('is no file');
  });

  it('says where permission is missing', async () => {
    const folder = tmpFolder();
    chmodSync(folder, 0o500);
    await asNobody(folder, () => expect(acquire(join(folder, 'w.pid'))).rejects.toThrow('permission denied'));
  });

  it('lets exactly one of many take over a stale file', async () => {
    const stale = await deadPid();
    for (let round = 0; round < 10; round += 1) {
      const path = pathWith(`${stale}\n`);
      const pids = Array.from({ length: 4 }, sleeper);
      const outcomes = await Promise.allSettled(pids.map((pid) => acquire(path, pid)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(pids.map((pid) => `${pid}\n`)).toContain(readFileSync(path, 'utf8'));
    }
  });

  it('removes the file at the end, unless it is another’s by then', async () => {
    const path = pathWith();
    const own = await acquire(path);
    own.release();
    own.release();
    expect(existsSync(path)).toBe(false);
    const lost = await acquire(path);
    writeFileSync(path, '1\n');
    lost.release();
    expect(readFileSync(path, 'utf8')).toBe('1\n');
  });
});
