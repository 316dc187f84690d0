/** M36: a RabbitMQ node that restarts, and a channel that it closes. */
import type { Measured, Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';
import { watchS } from './server.js';

/** The node crashes while a publisher is at work; what it was told is sent must be there. */
async function nodeRestarted(stage: Stage): Promise<Measured> {
  await stage.open();
  await stage.worker();
  let refused = 0;
  const traffic = { busy: true };
  const publisher = (async () => {
    for (let index = 0; traffic.busy; index += 1) {
      const name = `m-${index}`;
      await stage.send(name, { seconds: 0.02 }).catch(() => {
        // Nobody was told that it is sent.
        stage.book.unsent(name);
        refused += 1;
      });
      await sleep(0.03);
    }
  })();
  await sleep(3);
  await stage.rabbit.kill();
  await sleep(2);
  await stage.rabbit.start();
  const upMs = Date.now();
  await stage.until(() => stage.book.firstBegunAfter(upMs) !== undefined, watchS(stage), 20);
  const first = stage.book.firstBegunAfter(upMs);
  await sleep(2);
  traffic.busy = false;
  await publisher;
  await stage.drained(watchS(stage));
  return {
    ...(await stage.figures()),
    recoveryS: first === undefined ? undefined : (first - upMs) / 1000,
    note: `${refused} publishes refused and told so`,
  };
}

/** `consumer_timeout`: the server closes the channel (406) of whoever holds a message for too long; tasks for later must not be held. */
async function laterThanTheTimeout(stage: Stage): Promise<Measured> {
  await stage.open({}, '', ['consumer_timeout = 5000']);
  // How often a channel looks at that; a minute by default.
  await stage.rabbit.erlang('application:set_env(rabbit, channel_tick_interval, 1000), ok.');
  const worker = await stage.worker();
  const dueMs = Date.now() + 20_000;
  const names = await stage.sendMany('later', 10, { countdown: 20 });
  await stage.drained(60);
  await sleep(5);
  const lateS = Math.max(...names.map((name) => (stage.book.run(name)?.firstBegunMs ?? dueMs) - dueMs)) / 1000;
  const { ending } = worker;
  return {
    ...(await stage.figures()),
    recoveryS: Math.max(0, lateS),
    note: `${ending === undefined ? 'the worker stayed up' : `the worker ended (exit ${ending.signal ?? ending.code})`}; back after: the latest after its time`,
    also: { 'the worker stays up': ending === undefined },
  };
}

export const RABBITMQ: readonly Row[] = [
  {
    id: 'M36',
    fault: 'RabbitMQ killed and restarted while a publisher and a worker are at work',
    goal: { words: 'nothing that was reported sent is lost; consuming ≤ 5 s after it is up', lost: 0, recoveryS: 5 },
    scenarios: [{ engine: 'rabbitmq', run: nodeRestarted }],
  },
  {
    id: 'M36b',
    fault: 'tasks due 20 s from now on a RabbitMQ that closes the channel of whoever holds a message for 5 s',
    goal: { words: '0 lost, 0 repeated, at most 1 s late', lost: 0, repeated: 0, recoveryS: 1 },
    scenarios: [{ engine: 'rabbitmq', run: laterThanTheTimeout }],
  },
];
