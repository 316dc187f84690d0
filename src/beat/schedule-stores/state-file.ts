/**
 * The file of last runs (`-s`), JSON that is written beside and renamed into place. Python's beat keeps pickles
 * there, which whoever can write the file can make run anything; so this one is also refused when others may
 * write it (RELIABILITY S18).
 */
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { isPlainObject } from '../../config/validate.js';
import { ConfigError, OutputFileError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { stringRepr } from '../../protocol/python-repr.js';
import type { EntryState } from '../schedule-entry.js';
import type { StateFile } from '../schedule-store.js';

const FORMAT = 'ctq-beat-schedule';
const VERSION = 1;
const LARGEST_BYTES = 256 * 1024 * 1024;

export class JsonStateFile implements StateFile {
  readonly path: string;
  readonly #logger: Logger;

  constructor(path: string, logger: Logger) {
    this.path = path;
    this.#logger = logger;
  }

  /** @throws {@link ConfigError} when the file is not ours alone, or may not be read. */
  async load(): Promise<{ readonly states: ReadonlyMap<string, EntryState>; readonly timezone: string | undefined } | undefined> {
    const stats = lookAt(this.path);
    if (stats === undefined) return undefined;
    refuseStrangers(this.path, stats);
    let text: string;
    try {
      text = stats.size > LARGEST_BYTES ? '' : await readFile(this.path, 'utf8');
    } catch (error) {
      throw fileError(
        `cannot read the schedule file ${this.path}: ${reasonOf(error)}`,
        'check its owner and mode, or name another with -s',
        error,
      );
    }
    try {
      return readDocument(text);
    } catch (error) {
      await this.#setAside(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async save(states: ReadonlyMap<string, EntryState>, timezone: string): Promise<void> {
    const entries = Object.fromEntries(
      [...states].map(([name, { lastRunAtMs, totalRunCount }]) => [
        name,
        { last_run_at: new Date(lastRunAtMs).toISOString(), total_run_count: totalRunCount },
      ]),
    );
    const beside = `${this.path}.${process.pid}.new`;
    try {
      // Left over from a process of our pid that was killed while writing.
      await unlink(beside).catch(() => {});
      const file = await open(beside, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify({ format: FORMAT, version: VERSION, timezone, entries }, undefined, 1)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.path);
    } catch (error) {
      await unlink(beside).catch(() => {});
      throw new OutputFileError(`cannot write the schedule file ${this.path}: ${reasonOf(error)}`, {
        hint: `let this user write in ${dirname(this.path)}, or name another file with -s`,
        cause: error,
      });
    }
  }

  /** Celery's words, and what was done instead: somebody may want to look at it. */
  async #setAside(reason: string): Promise<void> {
    const aside = `${this.path}.corrupt-${new Date().toISOString().replace(/[-:.]/g, '')}`;
    try {
      await rename(this.path, aside);
    } catch (error) {
      throw fileError(
        `the schedule file ${this.path} cannot be read (${reason}), nor moved away: ${reasonOf(error)}`,
        'remove it, or name another with -s',
        error,
      );
    }
    this.#logger.error('Removing corrupted schedule file %s: %s (kept as %s)', stringRepr(this.path), reason, stringRepr(aside));
  }
}

function readDocument(text: string): { readonly states: ReadonlyMap<string, EntryState>; readonly timezone: string | undefined } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error(text === '' ? 'it is empty' : "it is not JSON; Python's beat writes another format");
  }
  if (!isPlainObject(document) || document['format'] !== FORMAT) throw new Error('it is no schedule file of ctq');
  if (document['version'] !== VERSION) throw new Error(`it has version ${JSON.stringify(document['version'])}, not ${VERSION}`);
  const { entries, timezone } = document;
  if (!isPlainObject(entries)) throw new Error('it has no entries');
  const states = new Map(Object.entries(entries).map(([name, state]) => [name, readState(name, state)] as const));
  return { states, timezone: typeof timezone === 'string' ? timezone : undefined };
}

function readState(name: string, state: unknown): EntryState {
  const { last_run_at: lastRunAt, total_run_count: count } = isPlainObject(state) ? state : {};
  const lastRunAtMs = typeof lastRunAt === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(lastRunAt) ? Date.parse(lastRunAt) : Number.NaN;
  if (Number.isNaN(lastRunAtMs) || !Number.isSafeInteger(count) || (count as number) < 0) {
    throw new Error(`the entry ${JSON.stringify(name)} has no last run and count`);
  }
  return { lastRunAtMs, totalRunCount: count as number };
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(`cannot look at the schedule file ${path}: ${reasonOf(error)}`, 'check the path, or name another with -s', error);
  }
}

function refuseStrangers(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw fileError(`the schedule file ${path} is a symbolic link`, 'name the file that it points to');
  if (!stats.isFile()) throw fileError(`the schedule file ${path} is no file`, 'name a file with -s');
  const me = process.getuid?.();
  if (me !== undefined && stats.uid !== me)
    throw fileError(`the schedule file ${path} belongs to another user`, 'chown it, or name another with -s');
  if (me !== undefined && (stats.mode & 0o022) !== 0) throw fileError(`others may write the schedule file ${path}`, `chmod go-w ${path}`);
}

function fileError(message: string, hint: string, cause?: unknown): ConfigError {
  return new ConfigError(message, cause === undefined ? { hint } : { hint, cause }, 'CTQ_CONFIG_FILE');
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  ENOSPC: 'no space left on the disk',
};

function reasonOf(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
