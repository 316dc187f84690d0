/** A ctq worker on the tasks of `test/support/ctq-tasks/tasks.ts`, as a process of its own. */
import { join } from 'node:path';
import { projectRoot, startCtq } from './ctq-process.js';
import type { OwnedProcess } from './owned-process.js';

export interface CtqWorkerOptions {
  readonly broker: string;
  /** Default: the broker's own engine. */
  readonly backend?: string;
  readonly queues?: readonly string[];
  /** Default 4. */
  readonly concurrency?: number;
  readonly hostname?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself. */
  readonly nodeArgs?: readonly string[];
}

let workers = 0;

/** Resolves when the worker has said `ready.` */
export async function startCtqWorker(options: CtqWorkerOptions): Promise<OwnedProcess> {
  const worker = launchCtqWorker(options);
  await worker.waitForOutput(/ ready\.\s/, 30_000);
  return worker;
}

/** The same without waiting: for a broker that is away. */
export function launchCtqWorker(options: CtqWorkerOptions): OwnedProcess {
  return startCtq(
    [
      ...['worker', '-A', 'tasks', '-b', options.broker, '-l', 'info'],
      ...(options.backend === undefined ? [] : ['--result-backend', options.backend]),
      ...['-n', options.hostname ?? `ctq${process.pid}x${++workers}@test`, '-c', String(options.concurrency ?? 4)],
      ...(options.queues === undefined ? [] : ['-Q', options.queues.join(',')]),
      ...(options.args ?? []),
    ],
    {
      cwd: process.env['CTQ_TEST_TASKS'] ?? join(projectRoot, 'test', 'support', 'ctq-tasks'),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.nodeArgs === undefined ? {} : { nodeArgs: options.nodeArgs }),
    },
  );
}
