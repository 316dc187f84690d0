/** Workers of any pool as processes of their own, on an engine of their own, and what became of their tasks. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach } from 'vitest';
import { type AsyncResult, Ctq, type ResultMeta } from '../../../src/index.js';
import { type CtqWorkerOptions, startCtqWorker } from '../../support/ctq-worker.js';
import { eventually } from '../../support/eventually.js';
import type { OwnedProcess } from '../../support/owned-process.js';
import { startRedis } from '../../support/redis-server.js';
import { tmpFolder } from '../../support/tmp.js';
import { Ledger } from './ledger.js';

interface Estate {
  readonly url: string;
  /** How many messages lie among the dead letters of the default queue. */
  deadLetters(): Promise<number>;
  close(): Promise<void>;
}

const engines: Readonly<Record<'redis' | 'sqlite', () => Promise<Estate>>> = {
  async redis() {
    const server = await startRedis();
    return {
      url: server.url,
      deadLetters: async () => Number(await server.command('LLEN', 'ctq:dead:celery')),
      close: () => server.stop(),
    };
  },
  async sqlite() {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    return { url, deadLetters: () => Promise.reject(new Error('ask Redis')), close: async () => {} };
  },
};

let marks = '';
export let estate: Estate;
const running: OwnedProcess[] = [];
export let ledger: Ledger;
/** A client of the engine. */
export let app: Ctq;

/** An engine, a client and a ledger for each test of the suite. */
export function useEstate(engine: 'redis' | 'sqlite'): void {
  beforeEach(async () => {
    marks = tmpFolder();
    ledger = new Ledger(marks);
    estate = await engines[engine]();
    app = new Ctq('client', { brokerUrl: estate.url, resultBackend: estate.url });
  });
  afterEach(async () => {
    await app.close();
    await Promise.all(running.splice(0).map((process) => process.kill()));
    await estate.close();
  });
}

/** Resolves when it is ready. */
export async function worker(pool: string, options: Partial<CtqWorkerOptions> = {}): Promise<OwnedProcess> {
  const { args = [], env = {}, ...more } = options;
  const started = await startCtqWorker({
    broker: estate.url,
    concurrency: 2,
    ...more,
    args: ['-P', pool, ...args],
    env: { CTQ_TEST_MARKS: marks, ...env },
  });
  running.push(started);
  return started;
}

export async function send(task: string, args: readonly unknown[] = []): Promise<AsyncResult> {
  const sent = app.sendTask(task, args);
  await sent.published;
  return sent;
}

/** What is stored about it at its end. */
export async function ended(result: AsyncResult, timeoutMs = 20_000): Promise<ResultMeta> {
  return await eventually(
    async () => {
      const meta = await result.load();
      if (meta === undefined || !['SUCCESS', 'FAILURE', 'REVOKED'].includes(meta.status)) throw new Error(`not ended: ${meta?.status}`);
      return meta;
    },
    { timeoutMs },
  );
}

/** Pids of the children of a process. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
