/**
 * One RabbitMQ node for all test files that want no more of it than a virtual host of their own: to start one takes five seconds of both cores.
 * It is started when the first file asks, by the process that runs all tests, and ended with it.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { type RabbitAccess, RabbitNode, type RabbitServer, startRabbit } from './rabbitmq-server.js';

/** Where to ask: a port of 127.0.0.1. */
const PORT = 'CTQ_TEST_RABBIT_PORT';

/** @returns What ends it after the last test. */
export async function offerRabbit(): Promise<() => Promise<void>> {
  let started: Promise<RabbitServer> | undefined;
  const desk = createServer((asker) => {
    asker.on('error', () => {});
    started ??= startRabbit();
    started.then(
      ({ access }) => asker.end(JSON.stringify(access)),
      (error: unknown) => asker.end(JSON.stringify({ failed: String(error) })),
    );
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  process.env[PORT] = String((desk.address() as { port: number }).port);
  return async () => {
    desk.close();
    await (await started?.catch(() => undefined))?.stop();
  };
}

/** Ask {@link RabbitNode.freshVhost} for a place, and change nothing that is the whole node's. */
export async function sharedRabbit(): Promise<RabbitNode> {
  const port = process.env[PORT];
  if (port === undefined) return startRabbit();
  const answer = JSON.parse(await text(connect(Number(port), '127.0.0.1'))) as RabbitAccess | { readonly failed: string };
  if ('failed' in answer) throw new Error(`the node for all tests did not start: ${answer.failed}`);
  return new RabbitNode(answer);
}
