/** The main thread's end of `inflate-thread.ts`: orders out, bytes back. */
import type { Worker } from 'node:worker_threads';
import { entryPoint } from '../entry-points.js';

export type BesideMethod = 'bzip2' | 'zstd';

export interface InflateOrder {
  readonly number: number;
  readonly method: BesideMethod;
  readonly body: Uint8Array;
  readonly maxBytes: number;
}

export type InflateAnswer =
  | { readonly number: number; readonly bytes: Uint8Array }
  | { readonly number: number; readonly error: { readonly code: string | undefined; readonly message: string } };

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

let thread: Worker | undefined;
let orders = 0;
const waiting = new Map<number, Waiting>();

export function inflateBeside(method: BesideMethod, body: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  thread ??= start();
  const worker = thread;
  return new Promise((resolve, reject) => {
    const order: InflateOrder = { number: ++orders, method, body, maxBytes };
    waiting.set(order.number, { resolve, reject });
    // Who waits for a body keeps the process alive; an idle thread does not.
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    worker.postMessage(order);
  });
}

function start(): Worker {
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const made = new Worker(entryPoint('inflate-thread'));
  made.on('message', (answer: InflateAnswer) => {
    const asked = waiting.get(answer.number);
    waiting.delete(answer.number);
    if (waiting.size === 0) made.unref();
    if ('bytes' in answer) asked?.resolve(answer.bytes);
    else asked?.reject(Object.assign(new Error(answer.error.message), answer.error.code === undefined ? {} : { code: answer.error.code }));
  });
  // It ran out of memory, say: the next body gets another one.
  const ended = (): void => {
    if (thread === made) thread = undefined;
    for (const { reject } of waiting.values()) reject(new Error('the thread that inflates it has ended'));
    waiting.clear();
  };
  made.on('error', ended);
  made.on('exit', ended);
  return made;
}
