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
function tellStack(): void {
  let answer: unknown = null;
  const looking = new Worker(entryPoint('stack-thread'));
  looking.once('message', (frames: unknown) => {
    answer = frames;
  });
  looking.on('error', () => {});
  looking.once('exit', () => pipe.write(`${JSON.stringify(answer)}\n`));
}

const pipe = new Socket({ fd: PARENT_PIPE, readable: true, writable: true });
pipe.on('end', end);
pipe.on('error', end);
pipe.on('data', tellStack);
