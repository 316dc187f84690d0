/** What went wrong, in our words: SQLite's result codes (sqlite.org/rescode) and the file system's. */
import { BrokerError, type BrokerErrorCode, ResultBackendError } from '../../errors.js';
import { SqliteFileError } from './file.js';

/**
 * `busy`: somebody else writes just now. `lost`: the handle is of no more use and has to be opened again.
 * `too-big`: this one value is too large, others are not. `bug`: our own statement is wrong.
 */
export type SqliteFailureKind = 'busy' | 'full' | 'refused' | 'lost' | 'too-big' | 'bug';

const KINDS: ReadonlyMap<number, SqliteFailureKind> = new Map([
  [5, 'busy'],
  [6, 'busy'],
  [3, 'refused'],
  [8, 'refused'],
  [23, 'refused'],
  [13, 'full'],
  [18, 'too-big'],
  [10, 'lost'],
  [11, 'lost'],
  [14, 'lost'],
  [15, 'busy'],
  [26, 'lost'],
]);

/** The primary result code; undefined for an error that is not SQLite's. Both drivers set `errcode`, which may be an extended code. */
function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

export function failureKind(error: unknown): SqliteFailureKind {
  if (error instanceof SqliteFileError) return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC' ? 'full' : 'refused';
  return KINDS.get(resultCode(error) ?? -1) ?? 'bug';
}

interface Explanation {
  readonly code: BrokerErrorCode;
  readonly message: string;
  readonly hint: string;
}

function explain(error: unknown, path: string): Explanation {
  if (error instanceof SqliteFileError) {
    return { code: failureKind(error) === 'full' ? 'CTQ_BROKER_FAILED' : 'CTQ_BROKER_REFUSED', message: error.message, hint: error.hint };
  }
  switch (resultCode(error)) {
    case 5:
    case 6:
    case 15:
      return { code: 'CTQ_BROKER_FAILED', message: `another program keeps ${path} locked`, hint: 'let it finish, or close it' };
    case 3:
    case 23:
      return {
        code: 'CTQ_BROKER_REFUSED',
        message: `no permission to use ${path}`,
        hint: 'check the owner and mode of the file and its folder',
      };
    case 8:
      return {
        code: 'CTQ_BROKER_REFUSED',
        message: `${path} cannot be written`,
        hint: 'check the owner and mode of the file and its folder, and that the disk is not read-only',
      };
    case 13:
      return {
        code: 'CTQ_BROKER_FAILED',
        message: `no space left for ${path}`,
        hint: 'free some space on that disk; what was accepted before is safe',
      };
    case 18:
      return {
        code: 'CTQ_BROKER_FAILED',
        message: 'too large for the database',
        hint: 'SQLite keeps values up to 1 GB; pass a reference instead',
      };
    case 11:
      return {
        code: 'CTQ_BROKER_FAILED',
        message: `${path} is damaged`,
        hint: 'put a copy of it back, or move it away with its -wal and -shm files to begin with an empty one',
      };
    case 26:
      return {
        code: 'CTQ_BROKER_REFUSED',
        message: `${path} is no SQLite database`,
        hint: 'name another file: --broker sqlite:///path/to/ctq.db',
      };
    case 10:
      return { code: 'CTQ_BROKER_FAILED', message: `reading or writing ${path} failed`, hint: 'check the disk' };
    case 14:
      return { code: 'CTQ_BROKER_UNREACHABLE', message: `cannot open ${path}`, hint: 'check that its folder exists and may be written to' };
    default:
      return {
        code: 'CTQ_BROKER_FAILED',
        message: `SQLite refused a statement on ${path}: ${error instanceof Error ? error.message : String(error)}`,
        hint: 'please report this',
      };
  }
}

export function toBrokerError(error: unknown, path: string): BrokerError {
  if (error instanceof BrokerError) return error;
  const { code, message, hint } = explain(error, path);
  return new BrokerError(code, message, { hint, cause: error });
}

export function toResultBackendError(error: unknown, path: string): ResultBackendError {
  if (error instanceof ResultBackendError) return error;
  const { code, message, hint = '' } = toBrokerError(error, path);
  return new ResultBackendError(
    message,
    { hint, cause: error },
    code === 'CTQ_BROKER_UNREACHABLE' ? 'CTQ_BACKEND_UNREACHABLE' : 'CTQ_BACKEND_FAILED',
  );
}
