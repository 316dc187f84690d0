/**
 * A thread of a pool's child process that does one thing: end the process when its parent is gone. The
 * parent holds the other end of a pipe, and the kernel closes that however the parent dies.
 */
import { Socket } from 'node:net';

/** The place of the pipe in `stdio` (pools/prefork/forked-member.ts). */
const PARENT_PIPE = 4;

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

const pipe = new Socket({ fd: PARENT_PIPE, readable: true, writable: false });
pipe.on('end', end);
pipe.on('error', end);
pipe.resume();
