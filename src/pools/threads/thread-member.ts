/**
 * A worker thread. `terminate()` ends whatever JavaScript it runs, a busy loop too, and a task that ends
 * the process there ends only its thread.
 */
import { Worker } from 'node:worker_threads';
import { entryPoint } from '../../entry-points.js';
import type { FromChild, ToChild } from '../child-messages.js';
import { eachLine } from '../lines.js';
import type { Member, MemberEvents } from '../member.js';
import { stackOfThread } from './thread-stack.js';

export class ThreadMember implements Member {
  readonly name: string;
  readonly pid: number = process.pid;
  private readonly thread: Worker;
  private detail: string | undefined;

  constructor(name: string, events: MemberEvents) {
    this.name = name;
    this.thread = new Worker(entryPoint('child'), { name, stdout: true, stderr: true });
    this.thread.on('message', (message: Partial<FromChild> | null) => {
      if (typeof message?.kind === 'string') events.message(message as FromChild);
    });
    this.thread.on('error', (error: NodeJS.ErrnoException) => {
      this.detail = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : `${error.name}: ${error.message}`;
    });
    this.thread.on('exit', (exitCode) => {
      events.gone({ exitCode, signal: null, ...(this.detail === undefined ? {} : { detail: this.detail }) });
    });
    for (const stream of [this.thread.stdout, this.thread.stderr]) eachLine(stream, (line) => events.printed(line));
  }

  send(message: ToChild): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    this.thread.postMessage(message);
  }

  stack(): Promise<readonly string[] | undefined> {
    return stackOfThread(this.thread.threadId);
  }

  kill(): void {
    void this.thread.terminate();
  }
}
