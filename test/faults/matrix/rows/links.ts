/** M8 to M10 and latency: the network between worker and Redis. */
import type { TcpProxy } from '../../../support/proxy.js';
import type { Measured, Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';
import { answersPing, probe, watchS } from './server.js';

const PING_LIMIT_MS = 15_000;

async function throughProxy(stage: Stage, ctqArgs: readonly string[] = []): Promise<TcpProxy> {
  await stage.open();
  const port = stage.engine === 'rabbitmq' ? stage.rabbit.port : stage.redis.port;
  const proxy = await stage.proxy(port);
  await stage.worker({ url: stage.url.replace(`:${port}/`, `:${proxy.port}/`), backend: stage.backend, ctqArgs });
  return proxy;
}

/** RabbitMQ has to notice as well: the probe goes to the dead connection first. Celery's tasks run in processes, ours in threads. */
async function halfOpen(stage: Stage): Promise<Measured> {
  const proxy = await throughProxy(stage, stage.engine === 'rabbitmq' ? ['-P', 'threads'] : []);
  await stage.sendMany('m', 20, { seconds: 0.1 });
  await stage.drained(20);
  proxy.silence();
  const silentMs = Date.now();
  const recoveryS = await probe(stage, 'probe', silentMs);
  await stage.sendMany('n', 20, { seconds: 0.1 });
  await stage.drained(recoveryS === undefined ? 1 : 30);
  // Each connection notices for itself; the goal gives all of them fifteen seconds.
  let ping = await answersPing(stage, 1);
  while (!ping && Date.now() - silentMs < PING_LIMIT_MS) ping = await answersPing(stage, 1);
  return {
    ...(await stage.figures()),
    recoveryS,
    note: ping ? 'ping is answered' : `ping is not answered; watched for ${watchS(stage)} s`,
    also: { 'ping is answered': ping },
  };
}

async function reset(stage: Stage): Promise<Measured> {
  const proxy = await throughProxy(stage);
  await stage.sendMany('m', 20, { seconds: 0.5 });
  await stage.until(() => stage.book.executed() >= 2, 20, 20);
  for (let cut = 0; cut < 3; cut += 1) {
    proxy.cut();
    await sleep(0.7);
  }
  proxy.cut();
  const recoveryS = await nextBegin(stage);
  await stage.drained(watchS(stage));
  return { ...(await stage.figures()), recoveryS };
}

async function clientKill(stage: Stage): Promise<Measured> {
  await stage.open();
  await stage.worker({ concurrency: 4 });
  await stage.sendMany('m', 44, { seconds: 1 });
  await stage.until(() => stage.book.executed() >= 2, 20, 20);
  for (let kill = 0; kill < 10; kill += 1) {
    await stage.redis.commands([
      ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ]);
    await sleep(0.5);
  }
  const recoveryS = await nextBegin(stage);
  await stage.drained(watchS(stage));
  const ping = await answersPing(stage, 1);
  return {
    ...(await stage.figures()),
    recoveryS,
    note: ping ? 'ping is answered' : 'ping is not answered',
    also: { 'ping is answered': ping },
  };
}

async function nextBegin(stage: Stage): Promise<number | undefined> {
  const fromMs = Date.now();
  await stage.until(() => stage.book.firstBegunAfter(fromMs) !== undefined, watchS(stage), 20);
  const first = stage.book.firstBegunAfter(fromMs);
  return first === undefined ? undefined : (first - fromMs) / 1000;
}

async function latency(stage: Stage): Promise<Measured> {
  const proxy = await throughProxy(stage);
  proxy.delayMs = 200;
  const recoveryS = await probe(stage, 'probe');
  const sentMs = Date.now();
  await stage.sendMany('m', 200);
  await stage.drained(120);
  return { ...(await stage.figures()), recoveryS, note: `200 tasks in ${((Date.now() - sentMs) / 1000).toFixed(1)} s` };
}

/** A delivery belongs to its channel there: the server gives it to somebody else the moment the connection is gone. */
const RESET_ON_RABBITMQ = {
  words: '0 lost, on ≤ 2 s; repeated at most what ran, once a reset',
  lost: 0,
  repeated: 8,
  recoveryS: 2,
} as const;

export const LINKS: readonly Row[] = [
  {
    id: 'M8',
    fault: 'connections half open: nothing comes through, and nobody says so',
    goal: { words: '0 lost, on ≤ 15 s, ping answered', lost: 0, recoveryS: 15 },
    scenarios: [
      { engine: 'redis', run: halfOpen },
      {
        engine: 'rabbitmq',
        goal: { words: '0 lost, on ≤ 15 s, ping answered, with tasks in threads', lost: 0, recoveryS: 15 },
        run: halfOpen,
      },
    ],
    tests: ['faults/redis-links.test.ts', 'faults/amqp-links.test.ts'],
  },
  {
    id: 'M9',
    fault: 'connections reset, four times while tasks run',
    goal: { words: '0 lost, 0 repeated, on ≤ 2 s', lost: 0, repeated: 0, recoveryS: 2 },
    scenarios: [
      { engine: 'redis', run: reset },
      { engine: 'rabbitmq', goal: RESET_ON_RABBITMQ, run: reset },
    ],
    tests: ['faults/redis-links.test.ts'],
  },
  {
    id: 'M9b',
    fault: '200 ms of latency in each direction',
    goal: { words: '0 lost, 0 repeated, a task begins ≤ 2 s after it was sent', lost: 0, repeated: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: latency }],
  },
  {
    id: 'M10',
    fault: 'CLIENT KILL of every connection, ten times while tasks run',
    goal: { words: '0 lost, 0 repeated, ping answered', lost: 0, repeated: 0, recoveryS: 3 },
    scenarios: [{ engine: 'redis', run: clientKill }],
    tests: ['faults/redis-links.test.ts'],
  },
];
