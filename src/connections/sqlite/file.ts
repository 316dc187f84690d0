/**
 * Makes the database's file before SQLite does: SQLite would follow a symbolic link and use the umask.
 * The write-ahead log and the shared-memory file take the main file's mode from SQLite.
 *
 * An existing database is never opened and closed here: POSIX drops all locks of a process on a file
 * when any descriptor of it is closed, SQLite's own included (sqlite.org/howtocorrupt, 2.2).
 */
import { accessSync, closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BrokerError } from '../../errors.js';

/** The files that belong to a database, by what is added to its name. */
const COMPANIONS = ['-wal', '-shm', '-journal', '-bell'] as const;

/** Raised when the file system does not give us a file that we would use. */
export class SqliteFileError extends Error {
  readonly path: string;
  readonly hint: string;

  constructor(path: string, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SqliteFileError';
    this.path = path;
    this.hint = hint;
  }
}

/** Which file it is, however it is called: to notice that it was deleted or replaced. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** Creates the folder (0700) and the file (0600) where they are missing, and refuses what is no plain file of ours. */
export function prepareDatabaseFile(path: string): FileIdentity {
  makeFolder(dirname(path));
  if (!create(path)) checkExisting(path);
  for (const companion of COMPANIONS) refuseLink(path + companion);
  return identityOf(path) as FileIdentity;
}

/** @throws BrokerError when there is no such file, or nobody lets us look. */
export function assertDatabase(path: string): void {
  try {
    if (identityOf(path) !== undefined) return;
  } catch (error) {
    if (!(error instanceof SqliteFileError)) throw error;
    throw new BrokerError('CTQ_BROKER_REFUSED', error.message, { hint: error.hint, cause: error });
  }
  throw new BrokerError('CTQ_BROKER_UNREACHABLE', `there is no database at ${path}`, {
    hint: 'the first ctq send, or a worker, makes it; --broker names another place',
  });
}

/**
 * undefined when there is no such file.
 *
 * @throws {@link SqliteFileError} when it cannot be known: the folder is closed to us.
 */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && { device: stats.dev, inode: stats.ino };
  } catch (error) {
    throw new SqliteFileError(path, `cannot look at ${path}: ${reasonOf(error)}`, 'check the owner and mode of its folder', {
      cause: error,
    });
  }
}

/** Whether that name still leads to that file; of one that nobody lets us look at any more we cannot say so. */
export function isFile(path: string, { device, inode }: FileIdentity): boolean {
  try {
    const there = identityOf(path);
    return there !== undefined && there.inode === inode && there.device === device;
  } catch {
    return false;
  }
}

/** Opens a small file beside the database for writing, by the same rules. The caller closes it. */
export function openCompanion(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SqliteFileError(folder, `cannot create the folder ${folder}: ${reasonOf(error)}`, 'create it, or name a file elsewhere', {
      cause: error,
    });
  }
}

/** False when it exists already. */
function create(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new SqliteFileError(
      path,
      `cannot create the database ${path}: ${reasonOf(error)}`,
      'check the owner and mode of its folder, or name a file elsewhere',
      { cause: error },
    );
  }
}

function checkExisting(path: string): void {
  const stats = refuseLink(path);
  if (stats !== undefined && !stats.isFile()) {
    throw new SqliteFileError(
      path,
      `${path} is ${stats.isDirectory() ? 'a folder' : 'no plain file'}`,
      'name a file: sqlite:///path/to/ctq.db',
    );
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new SqliteFileError(path, `cannot read and write the database ${path}: ${reasonOf(error)}`, 'check its owner and mode', {
      cause: error,
    });
  }
  // SQLite makes its log beside the database; one that is there already is enough.
  const folder = dirname(path);
  try {
    if (!existsSync(`${path}-wal`)) accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new SqliteFileError(
      folder,
      `cannot write in the folder ${folder}: ${reasonOf(error)}`,
      'SQLite keeps its log beside the database',
      {
        cause: error,
      },
    );
  }
}

function refuseLink(path: string): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) {
    throw new SqliteFileError(path, `${path} is a symbolic link`, 'name the file that it points to, or remove the link');
  }
  return stats;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'a file of that name is in the way',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'symbolic links in a circle',
};

function reasonOf(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
