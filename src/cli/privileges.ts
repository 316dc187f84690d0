/**
 * `--uid`, `--gid`, `--umask`: become somebody else before anything is opened, and make sure that there is no way
 * back (RELIABILITY S19, CVE-2011-4356: Celery once kept the group list of root).
 */
import { readFileSync } from 'node:fs';
import { maskUrlsIn } from '../config/masking.js';
import type { Environment } from '../config/resolve.js';
import { UsageError } from '../errors.js';
import { Expected, type ReadValue } from './command.js';

export interface Identity {
  /** User name or number. */
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly umask?: number | undefined;
}

export interface RootQuestion {
  readonly env: Environment;
  /** `--allow-root`: the last word. */
  readonly allowed: boolean;
  /** `worker_allow_root`. */
  readonly setting: boolean | null;
}

/**
 * What to say to a worker that runs as root; undefined when it does not, or somebody has said that it may. Celery refuses only
 * when pickle is accepted as well (`C_FORCE_ROOT`), which no worker of ours does, and warns otherwise: so do we, because in a
 * container root is what everybody is (docs/decisions/0022).
 *
 * @throws {@link UsageError} where somebody has said that it may not: `worker_allow_root = False`, or `CTQ_ALLOW_ROOT=0`.
 */
export function rootWarning({ env, allowed, setting }: RootQuestion): string | undefined {
  const [uid, euid] = [process.getuid?.(), process.geteuid?.()];
  if ((uid !== 0 && euid !== 0) || allowed || (env['C_FORCE_ROOT'] ?? '') !== '') return undefined;
  const named = env['CTQ_ALLOW_ROOT'] ?? '';
  const isRefused = named === '' ? setting === false : /^(?:0|no|false|off)$/i.test(named);
  if (isRefused) {
    throw new UsageError('this worker may not run as root, and neither may its tasks', {
      hint: `${named === '' ? 'worker_allow_root' : 'CTQ_ALLOW_ROOT'} says so: name another user with --uid, or say --allow-root`,
    });
  }
  if (named !== '' || setting === true) return undefined;
  return `This worker runs as root, and so does every task: name another user with --uid, or say --allow-root (uid=${uid} euid=${euid})`;
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
  if (umask !== undefined) process.umask(umask);
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
