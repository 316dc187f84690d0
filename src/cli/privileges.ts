/**
 * `--uid`, `--gid`, `--umask`: become somebody else before anything is opened, and make sure that there is no way
 * back (RELIABILITY S19, CVE-2011-4356: Celery once kept the group list of root).
 */
import { readFileSync } from 'node:fs';
import { maskUrlsIn } from '../config/masking.js';
import { UsageError } from '../errors.js';
import { Expected, type ReadValue } from './command.js';

export interface Identity {
  /** User name or number. */
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly umask?: number | undefined;
}

/**
 * A password in a URL on the command line is for everybody on the machine to read, for as long as the process runs (`ps`): so a
 * process that stays takes it out of there (RELIABILITY S11).
 */
export function hideSecrets(): void {
  const shown = process.argv.join(' ');
  const masked = maskUrlsIn(shown);
  if (masked !== shown) process.title = masked;
}

/** `022`, `0o22`: octal, as everybody writes it. */
export const octal: ReadValue<number> = (raw) => {
  const digits = /^(?:0o?)?([0-7]{1,3})$/i.exec(raw)?.[1];
  if (digits === undefined) throw new Expected('it must be an octal number such as 027');
  return Number.parseInt(digits, 8);
};

/**
 * @throws {@link UsageError} when there is no such user or group, or this user may not become another.
 */
export function takeIdentity({ uid, gid, umask }: Identity): void {
  setUmask(umask);
  if (uid === undefined && gid === undefined) return;
  const { getuid, setuid, setgid, setgroups } = process;
  const { initgroups } = process as { readonly initgroups?: (user: string, extraGroup: number) => void };
  if (getuid === undefined || setuid === undefined || setgid === undefined || initgroups === undefined || setgroups === undefined) {
    throw new UsageError('--uid and --gid are not available on this system', { hint: 'start it as that user' });
  }
  const user = uid === undefined ? undefined : findUser(uid);
  const group = gid === undefined ? user?.gid : findGroup(gid);
  if (isAlready(user?.uid, group)) return;
  if (getuid() !== 0) {
    throw new UsageError(`${uid === undefined ? '--gid' : '--uid'}: only root may become somebody else`, {
      hint: 'start it as root, or as that user',
    });
  }
  // Groups first: afterwards we may not change them.
  if (group !== undefined) setgid(group);
  if (user !== undefined && group !== undefined) initgroups(user.name, group);
  else if (group !== undefined) setgroups([group]);
  if (user !== undefined) {
    setuid(user.uid);
    verify(user.uid);
  }
}

/** Without `--umask` it stays what it was, unless everybody might write what is made: the mask of a daemon, 0 (CELERYSA-0002), becomes 027. */
function setUmask(wanted: number | undefined): void {
  const before = process.umask(wanted ?? 0o027);
  if (wanted === undefined && (before & 0o002) !== 0) process.umask(before);
}

function isAlready(uid: number | undefined, gid: number | undefined): boolean {
  return (uid === undefined || uid === process.getuid?.()) && (gid === undefined || gid === process.getgid?.()) && process.getuid?.() !== 0;
}

function verify(uid: number): void {
  if (uid === 0) return;
  let cameBack = true;
  try {
    process.setuid?.(0);
  } catch {
    cameBack = false;
  }
  if (cameBack || process.getuid?.() !== uid) throw new Error('the process could become root again after --uid');
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function findUser(wanted: string): User {
  const line = findLine('/etc/passwd', wanted);
  if (line !== undefined) return { name: line[0] ?? wanted, uid: Number(line[2]), gid: Number(line[3]) };
  throw new UsageError(`--uid: there is no user ${JSON.stringify(wanted)}`, { hint: 'name a user of /etc/passwd, or its number' });
}

function findGroup(wanted: string): number {
  const line = findLine('/etc/group', wanted);
  if (line !== undefined) return Number(line[2]);
  if (/^\d{1,9}$/.test(wanted)) return Number(wanted);
  throw new UsageError(`--gid: there is no group ${JSON.stringify(wanted)}`, { hint: 'name a group of /etc/group, or its number' });
}

/** The fields of the line with this name or number. */
function findLine(file: string, wanted: string): readonly string[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const lines = text.split('\n').map((line) => line.split(':'));
  return lines.find(([name]) => name === wanted) ?? lines.find(([, , id]) => id === wanted);
}
