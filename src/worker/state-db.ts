/**
 * `--statedb`: what was revoked, kept over a restart of this worker (WIRE 9.7). Celery keeps a pickle there, which
 * whoever can write the file can make run anything; this is JSON, written beside and renamed into place, for its
 * owner alone, and refused when others may write it (RELIABILITY S17, S18).
 */
import { closeSync, fsyncSync, lstatSync, openSync, readFileSync, renameSync, type Stats, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, TimerHandle } from '../clock.js';
import { ConfigError, OutputFileError } from '../errors.js';
import type { Logger } from '../logger.js';
import { isRecord } from '../protocol/record.js';
import type { KeptRevokes, RevokedTasks } from './revoked.js';

const FORMAT = 'ctq-worker-state';
const VERSION = 1;
const LARGEST_BYTES = 64 * 1024 * 1024;
/** Many revokes in a row are one write. */
const SAVE_AFTER_MS = 200;

export interface StateDbParts {
  readonly path: string;
  readonly revoked: RevokedTasks;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StateDb {
  readonly #parts: StateDbParts;
  #timer: TimerHandle | undefined;

  private constructor(parts: StateDbParts) {
    this.#parts = parts;
  }

  /**
   * Reads what was kept, and keeps what changes from now on.
   *
   * @throws ConfigError when the file is not ours alone; OutputFileError when it cannot be written.
   */
  static open(parts: StateDbParts): StateDb {
    const db = new StateDb(parts);
    db.#load();
    db.#write();
    parts.revoked.onChange = () => db.#saveSoon();
    return db;
  }

  /** Writes what is not written yet. */
  close(): void {
    this.#parts.revoked.onChange = undefined;
    if (this.#timer !== undefined) this.#save();
  }

  #saveSoon(): void {
    this.#timer ??= this.#parts.clock.setTimeout(() => this.#save(), SAVE_AFTER_MS).unref();
  }

  #save(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    try {
      this.#write();
    } catch (error) {
      // The worker knows it all the same, and the broker too; the next change tries again.
      this.#parts.logger.error('%s', error instanceof Error ? error.message : String(error));
    }
  }

  #write(): void {
    const { path, revoked, clock } = this.#parts;
    const { ids, stamps } = revoked.kept(clock.nowMs());
    const document = { format: FORMAT, version: VERSION, revoked: Object.fromEntries(ids), stamps };
    const beside = `${path}.${process.pid}.new`;
    try {
      removeQuietly(beside);
      const fd = openSync(beside, 'wx', 0o600);
      try {
        let bytes = Buffer.from(`${JSON.stringify(document)}\n`);
        while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(beside, path);
    } catch (error) {
      removeQuietly(beside);
      throw new OutputFileError(`cannot write the state file ${path}: ${reasonOf(error)}`, {
        hint: `let this user write in ${dirname(path)}, or name another --statedb`,
        cause: error,
      });
    }
  }

  #load(): void {
    const { path, revoked, clock, logger } = this.#parts;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return;
    refuseStrangers(path, stats);
    try {
      if (stats.size > LARGEST_BYTES) throw new Error('it is too large');
      revoked.restore(readDocument(readFileSync(path, 'utf8')), clock.nowMs());
    } catch (error) {
      const aside = `${path}.corrupt-${new Date(clock.nowMs()).toISOString().replace(/[:.]/g, '')}`;
      try {
        renameSync(path, aside);
      } catch (problem) {
        throw new ConfigError(`the state file ${path} cannot be read, nor moved away: ${reasonOf(problem)}`, {
          hint: 'remove it, or name another --statedb',
          cause: error,
        });
      }
      logger.error('The state file %s cannot be read (%s); it is kept as %s', path, reasonOf(error), aside);
    }
  }
}

function readDocument(text: string): KeptRevokes {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON; Python’s worker writes another format');
  }
  if (!isRecord(document) || document['format'] !== FORMAT) throw new Error('it is no state file of a ctq worker');
  if (document['version'] !== VERSION) throw new Error(`it has version ${JSON.stringify(document['version'])}, not ${VERSION}`);
  const { revoked, stamps } = document;
  const ids = isRecord(revoked) ? Object.entries(revoked) : [];
  if (!isRecord(revoked) || !ids.every((entry): entry is [string, number] => Number.isFinite(entry[1]))) {
    throw new Error('it does not say what was revoked when');
  }
  if (!Array.isArray(stamps) || !stamps.every((stamp): stamp is string => typeof stamp === 'string')) throw new Error('it has no stamps');
  return { ids, stamps };
}

function refuseStrangers(path: string, stats: Stats): void {
  const me = process.getuid?.();
  const [problem, hint] = stats.isSymbolicLink()
    ? ['is a symbolic link', 'name the file that it points to']
    : !stats.isFile()
      ? ['is no file', 'name a file with --statedb']
      : me !== undefined && stats.uid !== me
        ? ['belongs to another user', 'chown it, or name another --statedb']
        : me !== undefined && (stats.mode & 0o022) !== 0
          ? ['may be written by others', `chmod go-w ${path}`]
          : [undefined, ''];
  if (problem !== undefined) throw new ConfigError(`the state file ${path} ${problem}`, { hint });
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Not there, as it should be.
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? 'permission denied' : code === 'ENOENT' ? 'there is no such folder' : message;
}
