/** Workers of any pool as processes of their own, on an engine of their own, and what became of their tasks. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach } from 'vitest';
import { type AsyncResult, Ctq, type ResultMeta } from '../../../src/index.js';
import { type CtqWorkerOptions, startCtqWorker } from '../../support/ctq-worker.js';
import { eventually } from '../../support/eventually.js';
import type { OwnedProcess } from '../../support/owned-process.js';
import { tmpFolder } from '../../support/tmp.js';
import { type Estate, openEstate } from './estate.js';
import { Ledger } from './ledger.js';

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
    estate = await openEstate(engine);
    app = new Ctq('client', { brokerUrl: estate.url, resultBackend: estate.url });
  });
  afterEach(async () => {
    await app.close();
    await Promise.all(running.splice(0).map((process) => process.kill()));
    await estate.close();
  });
}

/** A worker of the default pool; resolves when it is ready. */
export async function worker(options: Partial<CtqWorkerOptions> = {}): Promise<OwnedProcess> {
  const started = await startCtqWorker({ broker: estate.url, ...options, env: { CTQ_TEST_MARKS: marks, ...options.env } });
  running.push(started);
  return started;
}

/** One of that pool, with two slots unless it is told otherwise. */
export function poolWorker(pool: string, options: Partial<CtqWorkerOptions> = {}): Promise<OwnedProcess> {
  return worker({ concurrency: 2, ...options, args: ['-P', pool, ...(options.args ?? [])] });
}

export async function send(task: string, args: readonly unknown[] = []): Promise<AsyncResult> {
  const sent = app.sendTask(task, args);
  await sent.published;
  return sent;
}

/** What is stored about it at its end. */
export async function ended(result: AsyncResult, timeoutMs = 40_000): Promise<ResultMeta> {
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
