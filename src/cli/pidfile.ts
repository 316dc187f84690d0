/**
 * `--pidfile`: one worker per file. The content is Celery's, the pid and a line end (WIRE 16.7); what
 * Celery gets wrong is done otherwise (RELIABILITY W10, M25): taking over a stale file is one step
 * that two starters cannot do at once, another user's live process is not called stale, and a pid
 * that was given to a younger process meanwhile is.
 */
import { closeSync, constants, lstatSync, openSync, readFileSync, type Stats, statSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OutputFileError } from '../errors.js';
import { outputFileError } from './log-writer.js';
import { lockFor } from './start-lock.js';

export interface Pidfile {
  readonly path: string;
  /** Removes it, if it is still ours. */
  release(): void;
}

export interface PidfileSetting {
  readonly path: string;
  readonly pid: number;
  /** Hears of a stale or broken file that was replaced. */
  readonly notice: (text: string) => void;
}

/**
 * @throws {@link OutputFileError} when a live process holds it, or it cannot be created.
 */
export async function acquirePidfile(setting: PidfileSetting): Promise<Pidfile> {
  const unlock = await lockFor(canonicalPath(setting.path));
  try {
    removeStale(setting);
    write(setting);
  } finally {
    unlock();
  }
  return { path: setting.path, release: () => release(setting) };
}

/** Two names of one folder must lock the same. */
function canonicalPath(path: string): string {
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) throw outputFileError('pidfile', path, { code: 'ENOENT' });
  return `${folder.dev}:${folder.ino}:${basename(path)}`;
}

function removeStale(setting: PidfileSetting): void {
  const { path, notice } = setting;
  const found = lookAt(path);
  if (found === undefined) return;
  if (found.isSymbolicLink())
    throw new OutputFileError(`the pidfile ${path} is a symbolic link`, { hint: 'remove it, or name its target' });
  if (!found.isFile()) throw new OutputFileError(`the pidfile ${path} is no file`, { hint: 'choose another --pidfile' });
  const pid = readPid(path);
  if (pid === undefined) notice('Broken pidfile found - Removing it.');
  else if (pid !== setting.pid && isOwner(pid, found)) {
    throw new OutputFileError(`Pidfile (${path}) already exists. Seems we're already running? (pid: ${pid})`, {
      hint: 'stop that one first, or choose another --pidfile',
    });
  } else notice('Stale pidfile exists - Removing it.');
  try {
    unlinkSync(path);
  } catch (error) {
    throw outputFileError('pidfile', path, error);
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw outputFileError('pidfile', path, error);
  }
}

/** undefined for text, an empty file, or one without the line end: somebody died while writing it. */
function readPid(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw outputFileError('pidfile', path, error);
  }
  const digits = /^\s*(\d{1,10})[ \t\r]*\n$/.exec(text)?.[1];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}

/** Alive, and older than the file that names it. */
function isOwner(pid: number, file: Stats): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const startedMs = processStartMs(pid);
  return startedMs === undefined || startedMs <= file.mtimeMs + CLOCK_GRAIN_MS;
}

/** The kernel counts starts in hundredths of a second since a boot time given in seconds. */
const CLOCK_GRAIN_MS = 2000;
const TICKS_PER_SECOND = 100;

/** When a process started; undefined where the system does not tell (no /proc). */
function processStartMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(join('/proc', String(pid), 'stat'), 'utf8');
    // Field 22, counted behind the name, which may hold blanks and brackets.
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    const bootS = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    return Number.isFinite(ticks) && Number.isFinite(bootS) ? bootS * 1000 + (ticks / TICKS_PER_SECOND) * 1000 : undefined;
  } catch {
    return undefined;
  }
}

function write({ path, pid }: PidfileSetting): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new OutputFileError(`Pidfile (${path}) already exists.`, { hint: 'another process has just made it' });
    }
    throw outputFileError('pidfile', path, error);
  }
  try {
    writeSync(fd, `${pid}\n`);
  } catch (error) {
    unlinkSync(path);
    throw outputFileError('pidfile', path, error);
  } finally {
    closeSync(fd);
  }
}

function release({ path, pid }: PidfileSetting): void {
  try {
    if (readPid(path) === pid) unlinkSync(path);
  } catch {
    // Gone already, or the folder is: nothing is left to clean.
  }
}
