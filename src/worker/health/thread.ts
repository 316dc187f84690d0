/**
 * The thread that answers probes: no task can keep it from answering, and nothing that the worker's event loop does
 * can make it say that this loop turns. It hears from the worker once a second and tells how long that was ago.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { HealthAddress } from '../../config/health-address.js';
import { type HealthIdentity, type HealthReport, type HealthStatus, healthReport } from './report.js';
import { Silence } from './silence.js';

/** What the thread is given. */
export interface HealthThreadData extends HealthIdentity {
  readonly address: HealthAddress;
  readonly token: string | undefined;
}

export type HealthOrder = { readonly kind: 'status'; readonly status: HealthStatus } | { readonly kind: 'stop' };

export type HealthNews =
  | { readonly kind: 'open'; readonly port: number | undefined }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
  | { readonly kind: 'problem'; readonly message: string };

const LOOK_MS = 1_000;
/** Each second look a file is written. */
const LOOKS_A_FILE = 2;

async function run(data: HealthThreadData, tell: (news: HealthNews) => void): Promise<{ hear(order: HealthOrder): void }> {
  const silence = new Silence(performance.now());
  let status: HealthStatus | undefined;
  const report = (): HealthReport => healthReport(data, status, silence.look(performance.now()), new Date());
  const door = await open(data, report, tell);
  let looks = 0;
  const timer = setInterval(() => {
    silence.look(performance.now());
    if (++looks % LOOKS_A_FILE === 0) door.refresh();
  }, LOOK_MS);
  tell({ kind: 'open', port: door.port });
  return {
    hear(order) {
      if (order.kind === 'status') {
        silence.hear(performance.now());
        const changed = status?.live !== order.status.live || status.ready !== order.status.ready;
        status = order.status;
        // Whoever waits for a worker to become ready need not wait for the next look.
        if (changed) door.refresh();
        return;
      }
      clearInterval(timer);
      door.close();
      parentPort?.close();
    },
  };
}

interface Door {
  readonly port: number | undefined;
  refresh(): void;
  close(): void;
}

async function open({ address, token }: HealthThreadData, report: () => HealthReport, tell: (news: HealthNews) => void): Promise<Door> {
  if (address.kind === 'port') {
    const { openHealthServer } = await import('./server.js');
    const server = await openHealthServer({ ...address, token, report });
    return { port: server.port, refresh() {}, close: () => server.close() };
  }
  const { removeHealthFile, writeHealthFile } = await import('./file.js');
  const write = (): void => writeHealthFile(address.path, `${JSON.stringify(report())}\n`);
  write();
  let lastProblem = '';
  return {
    port: undefined,
    refresh() {
      try {
        write();
        lastProblem = '';
      } catch (error) {
        // A full disk; the file grows old, and its age tells.
        const { message } = error as Error;
        if (message !== lastProblem) tell({ kind: 'problem', message });
        lastProblem = message;
      }
    },
    close: () => removeHealthFile(address.path),
  };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const tell = (news: HealthNews): void => port.postMessage(news);
  try {
    const thread = await run(workerData as HealthThreadData, tell);
    port.on('message', (order: HealthOrder) => thread.hear(order));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    tell({ kind: 'failed', code, message });
  }
}
