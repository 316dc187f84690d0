/** What all tests of a suite share: a server, a worker, an app; started before them in the order it is written, ended after them in reverse. */
import { afterAll, beforeAll } from 'vitest';

type Shared = { stop(): Promise<unknown> } | { close(): Promise<unknown> };

/** A RabbitMQ node takes some five seconds, on a machine that is busy many more. */
const START_LIMIT_MS = 120_000;

/**
 * Called in a suite: `const redis = forSuite(startRedis)`, and in its tests `redis().url`. What needs another is written below it:
 * `const worker = forSuite(() => startCtqWorker({ broker: redis().url }))`.
 */
export function forSuite<T extends Shared>(start: () => T | Promise<T>): () => T {
  let shared: T | undefined;
  beforeAll(async () => {
    shared = await start();
  }, START_LIMIT_MS);
  afterAll(async () => {
    if (shared === undefined) return;
    await ('stop' in shared ? shared.stop() : shared.close());
  });
  return () => {
    if (shared === undefined) throw new Error('this is there while the tests of its suite run, and not before');
    return shared;
  };
}
