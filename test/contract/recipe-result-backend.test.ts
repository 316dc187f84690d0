/**
 * The recipe in CONTRIBUTING.md, cooked: a result backend written from `src/result-backend.ts` alone. It keeps
 * results in a folder, one file each, for programs that share it. It counts no chords, and says so.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { ResultBackendError } from '../../src/errors.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../../src/protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../../src/result-backend.js';
import { openMemoryBroker } from '../../src/brokers/memory/broker.js';
import { PollingWaits } from '../../src/result-backends/polling-waits.js';
import { tmpFolder } from '../support/tmp.js';
import { describeResultBackendContract } from './result-backend.js';
import { chordCases } from './result-backend/chords.js';

class FolderResultBackend implements ResultBackend {
  readonly displayUrl: string;
  readonly #folder: string;
  readonly #expiresInMs: number;
  readonly #waits = new PollingWaits({ loadMany: (taskIds) => this.loadMany(taskIds) });
  #closed = false;

  constructor(folder: string, { resultExpires }: Pick<ResultBackendOptions, 'resultExpires'>) {
    this.#folder = folder;
    this.displayUrl = `folder://${folder}`;
    this.#expiresInMs = resultExpires ? resultExpires * 1_000 : Number.POSITIVE_INFINITY;
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    if (this.#read(meta.taskId)?.status === 'SUCCESS') return;
    const path = this.#pathOf(meta.taskId);
    // Written beside and put in place: nobody may read half of it.
    writeFileSync(`${path}.new`, `${systemClock.nowMs() + this.#expiresInMs}\n${encodeResultMeta(meta)}`);
    renameSync(`${path}.new`, path);
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    return (await this.loadMany([taskId]))[0];
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    return taskIds.map((taskId) => this.#read(taskId));
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    this.#mustBeOpen();
    rmSync(this.#pathOf(taskId), { force: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waits.close(this.#closedError());
  }

  #read(taskId: string): ResultMeta | undefined {
    let text: string;
    try {
      text = readFileSync(this.#pathOf(taskId), 'utf8');
    } catch {
      return undefined;
    }
    const end = text.indexOf('\n');
    return Number(text.slice(0, end)) > systemClock.nowMs() ? decodeResultMeta(text.slice(end + 1), taskId) : undefined;
  }

  /** An id is anybody's text, and no name of a file. */
  #pathOf(taskId: string): string {
    return join(this.#folder, createHash('sha256').update(taskId).digest('hex'));
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend ${this.displayUrl} was closed`);
  }
}

describeResultBackendContract(
  'a folder, as the recipe has it',
  {
    settlesJointly: false,
    async start() {
      const folder = tmpFolder();
      return {
        open: async (options) => new FolderResultBackend(folder, options),
        openBroker: () => openMemoryBroker(`memory://${folder}`),
        stop: async () => {},
      };
    },
  },
  Object.fromEntries(chordCases.map(({ title }) => [title, 'a file cannot be counted by many at once'])),
);
