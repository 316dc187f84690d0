/** A child's end of the line to its pool: the IPC channel of a process, or the port of a thread. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { entryPoint } from '../entry-points.js';
import type { FromChild, ToChild } from '../pools/child-messages.js';

export interface Channel {
  readonly where: 'process' | 'thread';
  send(message: FromChild): void;
  /** Ends this child, whatever it still has open. */
  end(): void;
}

/** @throws Error when no pool started this. */
export function openChannel(hear: (message: ToChild) => void): Channel {
  if (!isMainThread && parentPort !== null) return threadChannel(parentPort, hear);
  if (process.send === undefined) throw new Error('this file is started by the pools of ctq, not by hand');
  return processChannel(hear);
}

function threadChannel(port: NonNullable<typeof parentPort>, hear: (message: ToChild) => void): Channel {
  port.on('message', hear);
  return {
    where: 'thread',
    send: (message) => port.postMessage(message),
    end: () => process.exit(0), // Of a thread: the others go on.
  };
}

/**
 * What a terminal or a supervisor sends to the whole group is for the parent, who stops its children when
 * they have finished. A child that is to end at once is killed.
 */
const FOR_THE_PARENT: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

function processChannel(hear: (message: ToChild) => void): Channel {
  for (const signal of FOR_THE_PARENT) process.on(signal, () => {});
  process.on('message', (message) => hear(message as ToChild));
  process.on('disconnect', endOrphan);
  watchParent();
  return {
    where: 'process',
    send(message) {
      process.send?.(message, undefined, undefined, () => {}); // It fails when the parent is gone, and then so are we.
    },
    end: () => process.exit(0),
  };
}

/** The parent is gone without a word: another worker will have our task in some seconds, and it must not run twice side by side. */
function endOrphan(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** The same for a child whose event loop is busy and hears no `disconnect`: a thread listens for it. */
function watchParent(): void {
  const watch = new Worker(entryPoint('orphan-watch'), {
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  });
  watch.on('error', () => {}); // Then only the event loop watches.
  watch.unref();
}
