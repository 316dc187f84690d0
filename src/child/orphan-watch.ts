/**
 * A thread of a pool's child process for what must be done while the main thread computes: it ends the process when
 * its parent is gone, and finds out where the main thread is when the parent asks. The parent holds the other end of
 * a pipe, and the kernel closes that however the parent dies; whatever comes through it is the question.
 */
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { entryPoint } from '../entry-points.js';

/** The place of the pipe in `stdio` (pools/prefork/forked-member.ts). */
const PARENT_PIPE = 4;

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** In a thread of its own: this one has hardly any memory, and must not die of looking. */
let stackThread: Worker | undefined;

function startStackThread(): Worker {
  const thread = new Worker(entryPoint('stack-thread'));
  thread.on('message', tell);
  thread.on('error', () => {});
  thread.once('exit', () => {
    stackThread = undefined;
    tell(null);
  });
  return thread;
}

function tell(frames: unknown): void {
  pipe.write(`${JSON.stringify(frames)}\n`);
}

function tellStack(): void {
  stackThread ??= startStackThread();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  stackThread.postMessage('look');
}

const pipe = new Socket({ fd: PARENT_PIPE, readable: true, writable: true });
pipe.on('end', end);
pipe.on('error', end);
pipe.on('data', tellStack);
