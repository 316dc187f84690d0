/** Messages through a whole worker in memory: envelope, strategy, pool, settlement. Each is answered for, and the next good one runs. */
import { format } from 'node:util';
import { openMemoryBroker, type MemoryBroker } from '../../../src/brokers/memory/broker.js';
import { Ctq } from '../../../src/ctq.js';
import { decodeEnvelope } from '../../../src/protocol/envelope.js';
import { silentLogger, type Logger } from '../../../src/logger.js';
import type { Worker } from '../../../src/worker/worker.js';
import { messageTexts, mutateEnvelope } from '../seeds.js';
import { type Target, tolerate } from '../target.js';

const ROUTE = { exchange: { name: '', type: 'direct' }, routingKey: 'celery' } as const;
/** So long may what was sent take until it is answered for. */
const PATIENCE_MS = 60_000;
/** What the worker says of its own bugs, which it survives. */
const OWN_BUG =
  /could not be received|could not be given back|Cannot (?:read|set|convert)|is not (?:a function|iterable|defined)|Maximum call stack|Invalid array length/;
const bugs: string[] = [];
/** Formats each line, as a real log does. */
const say = (text: string, ...args: unknown[]): void => {
  const line = format(text, ...args);
  if (OWN_BUG.test(text)) bugs.push(line.slice(0, 2000));
};
const logger: Logger = { ...silentLogger, error: say, critical: say, isEnabled: () => true, child: () => logger };

interface World {
  readonly app: Ctq;
  readonly worker: Worker;
  readonly running: Promise<unknown>;
  readonly broker: MemoryBroker;
}

export function workerTarget(): Target {
  let world: World | undefined;
  let sent = 0;
  return {
    name: 'worker',
    make: (random) => mutateEnvelope(random.pick(messageTexts), random),
    async read(text) {
      world ??= await openWorld();
      const { broker } = world;
      let message: ReturnType<typeof decodeEnvelope> | undefined;
      tolerate(() => {
        message = decodeEnvelope(text);
      });
      if (message === undefined) return;
      sent += 1;
      await broker.publish(message, ROUTE);
    },
    async settle() {
      if (world === undefined) return;
      const { app, broker } = world;
      if (bugs.length > 0) throw new Error(`the worker met a bug of its own: ${bugs.splice(0).join('\n')}`);
      const until = Date.now() + PATIENCE_MS;
      while ((await broker.depth('celery')) > 0) {
        if (Date.now() > until) throw new Error(`the worker has stopped taking: ${await broker.depth('celery')} of ${sent} messages wait`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const good = await app.sendTask('tasks.good', [sent]).get({ timeout: PATIENCE_MS / 1000 });
      if (good !== sent) throw new Error(`the next good task gave ${String(good)} instead of ${sent}`);
    },
    async close() {
      if (world === undefined) return;
      const { worker, running, app } = world;
      await worker.stop('cold');
      await running;
      await app.close();
      world = undefined;
    },
  };
}

async function openWorld(): Promise<World> {
  const url = `memory://fuzz-${process.pid}`;
  const app = new Ctq('fuzz', { brokerUrl: url, acceptContent: ['json', 'yaml', 'msgpack'], workerConcurrency: 50, taskTimeLimit: 5 });
  for (const name of taskNames()) app.task({ name, typing: false }, (...args: unknown[]) => args.length);
  app.task('tasks.good', (value: number) => value);
  const worker = await app.worker({ hostname: 'fuzz@test', logger, pool: 'async' });
  const running = worker.start();
  await app.sendTask('tasks.good', [1]).get({ timeout: 10 });
  return { app, worker, running, broker: await openMemoryBroker(url) };
}

function taskNames(): ReadonlySet<string> {
  const names = messageTexts.flatMap((text) => {
    const name = decodeEnvelope(text).headers['task'];
    return typeof name === 'string' && !name.startsWith('celery.') ? [name] : [];
  });
  return new Set(names);
}
