/** The file that a purge keeps its messages in: written page by page, on disk before the next one; read backwards. */
import { closeSync, constants, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
import { access, type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OutputFileError, UsageError } from '../../errors.js';
import type { RemovedMessage } from '../../estate/messages.js';
import { escapeText } from '../escape-text.js';
import { copyLine, type PurgedMessage, readCopyLine, removedMessage } from './copy-line.js';

/** Messages hold passwords and addresses: nobody else reads them. */
const MODE = 0o600;

/** In the folder one is in, by the time of the purge. */
export function copyName(nowMs: number): string {
  return `ctq-purge-${new Date(nowMs).toISOString().replaceAll(/[-:]|\..*/g, '')}.jsonl`;
}

export class CopyWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #purge: string;
  readonly #broker: string;

  private constructor(path: string, file: FileHandle, purge: string, broker: string) {
    this.path = path;
    this.#file = file;
    this.#purge = purge;
    this.#broker = broker;
  }

  /** @throws OutputFileError when {@link create} would not make it: it is there already. */
  static async assertFree(path: string): Promise<void> {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) throw notCreated(path, IS_THERE);
  }

  /** @throws OutputFileError when it is there already, or cannot be made. */
  static async create(path: string, purge: string, broker: string): Promise<CopyWriter> {
    try {
      const { O_CREAT, O_EXCL, O_WRONLY } = constants;
      const file = await open(path, O_CREAT | O_EXCL | O_WRONLY, MODE);
      syncFolder(dirname(path));
      return new CopyWriter(path, file, purge, broker);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const hint = code === 'EEXIST' ? IS_THERE : code === 'ENOENT' ? 'its folder does not exist' : `the system says ${code}`;
      throw notCreated(path, hint, error);
    }
  }

  /** Resolves when the page would outlive a power cut. */
  async write(page: readonly RemovedMessage[]): Promise<void> {
    const lines: string[] = [];
    for (const message of page) lines.push(await copyLine(message, this.#purge, this.#broker));
    try {
      const bytes = Buffer.from(lines.join(''), 'utf8');
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
      fdatasyncSync(this.#file.fd);
    } catch (error) {
      throw new OutputFileError(`cannot write ${escapeText(this.path)}`, {
        hint: `the system says ${(error as NodeJS.ErrnoException).code}; what is not in it stays in the queue`,
        cause: error,
      });
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** After {@link close}, of a copy that nothing was written to: it would stand in the way of the next one. */
  discard(): Promise<void> {
    return rm(this.path, { force: true });
  }
}

const IS_THERE = 'it is there already; name another one';

function notCreated(path: string, hint: string, cause?: unknown): OutputFileError {
  return new OutputFileError(`--keep-copy: cannot create ${escapeText(path)}`, { hint, ...(cause === undefined ? {} : { cause }) });
}

/** The name is on disk, too. Not every system lets folders be synchronised. */
function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The file itself is.
  }
}

const CHUNK = 1 << 20;
const LINE_FEED = 0x0a;

/** A copy that is read: where each line lies, by the number of its message. */
export class CopyReader {
  readonly purge: string;
  readonly broker: string;
  /** How many messages it has. */
  readonly count: number;
  readonly #file: FileHandle;
  readonly #starts: readonly number[];

  private constructor(file: FileHandle, first: PurgedMessage | undefined, starts: readonly number[]) {
    this.#file = file;
    this.purge = first?.purge ?? '';
    this.broker = first?.broker ?? '';
    this.#starts = starts;
    this.count = starts.length - 1;
  }

  /** @throws UsageError for a file that is no copy. */
  static async open(path: string): Promise<CopyReader> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new UsageError(`--undo: cannot read ${escapeText(path)}`, {
        hint: code === 'ENOENT' ? 'there is no such file' : `the system says ${code}`,
        cause: error,
      });
    }
    try {
      const starts = await lineStarts(file);
      const reader = new CopyReader(file, undefined, starts);
      if (reader.count === 0)
        throw new UsageError(`${escapeText(path)} has no messages`, { hint: 'ctq purge --keep-copy writes such files' });
      const first = await reader.#line(0);
      if (first === undefined) throw notACopy(path, 1);
      return new CopyReader(file, first, starts);
    } catch (error) {
      await file.close();
      throw (error as NodeJS.ErrnoException).code === 'EISDIR'
        ? new UsageError(`--undo: ${escapeText(path)} is a folder`, { hint: 'name a file in it' })
        : error;
    }
  }

  /**
   * The messages with numbers from `from` up to, and without, `to`.
   *
   * @throws UsageError when a line is not the one that should stand there.
   */
  async read(path: string, from: number, to: number): Promise<readonly RemovedMessage[]> {
    const page: RemovedMessage[] = [];
    for (let number = from; number < to; number += 1) {
      const line = await this.#line(number);
      if (line === undefined || line.number !== number || line.purge !== this.purge) throw notACopy(path, number + 1);
      page.push(removedMessage(line));
    }
    return page;
  }

  /** How many bytes the lines have. */
  bytes(from: number, to: number): number {
    return (this.#starts[to] ?? 0) - (this.#starts[from] ?? 0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #line(index: number): Promise<PurgedMessage | undefined> {
    const start = this.#starts[index] ?? 0;
    const bytes = Buffer.alloc((this.#starts[index + 1] ?? start) - start);
    await this.#file.read(bytes, 0, bytes.length, start);
    return readCopyLine(bytes.toString('utf8'));
  }
}

/** Where each whole line begins, and where the last one ends: what a purge that died was writing is no line yet. */
async function lineStarts(file: FileHandle): Promise<number[]> {
  const starts = [0];
  const buffer = Buffer.alloc(CHUNK);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, at);
    if (bytesRead === 0) return starts;
    const chunk = buffer.subarray(0, bytesRead);
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, end + 1)) starts.push(at + end + 1);
    at += bytesRead;
  }
}

function notACopy(path: string, line: number): UsageError {
  return new UsageError(`${escapeText(path)}:${line} is not the line of a purge that should stand there`, {
    hint: 'a copy is brought back as ctq purge wrote it, line by line',
  });
}
