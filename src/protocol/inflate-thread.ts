/**
 * A thread for codecs that do all of their work in one call (bzip2 and zstd compiled to WebAssembly): a few hundred bytes may be
 * a bomb that would keep the event loop for a second (RELIABILITY S8). Started with the first body that is large inside.
 */
import { parentPort } from 'node:worker_threads';
import type { InflateAnswer, InflateOrder } from './inflate-beside.js';
import { inflateInFull } from './optional-codecs.js';

parentPort?.on('message', (order: InflateOrder) => {
  void inflateInFull(order).then(
    (bytes) => answer({ number: order.number, bytes }),
    (error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      answer({ number: order.number, error: { code, message } });
    },
  );
});

function answer(words: InflateAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(words);
}
