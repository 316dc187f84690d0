/** RabbitMQ killed under load, and the way to it cut: what was confirmed runs, and what runs is not begun again. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { type AmqpBroker, openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import { REASON_HEADER } from '../../src/brokers/amqp/wire.js';
import { Ctq } from '../../src/index.js';
import { deadLettersOf } from '../contract/amqp-letters.js';
import { consume, declare, drainUpTo, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, plainQueue } from '../contract/messages.js';
import { launchCtqWorker, startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { TcpProxy } from '../support/proxy.js';
import { startRabbit } from '../support/rabbitmq-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith('rabbitmq', 'RabbitMQ in trouble', () => {
  const rabbit = forSuite(startRabbit);
  const brokers: AmqpBroker[] = [];

  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  });

  function open(url: string): AmqpBroker {
    const broker = openAmqpBroker(url, { transportOptions: {}, connectTimeoutMs: 20_000, amqp: { delayedQueueType: 'classic' } });
    brokers.push(broker);
    return broker;
  }

  /** One broker that nothing happens to, and one behind a proxy, both with a queue `q`. */
  async function twoWays() {
    const url = await rabbit().freshVhost();
    const proxy = await TcpProxy.start(rabbit().port);
    const direct = open(url);
    const broker = open(url.replace(String(rabbit().port), String(proxy.port)));
    await declare(direct, 'q');
    return { proxy, direct, broker };
  }

  it('loses nothing that was confirmed when it is killed and comes back', { timeout: 120_000 }, async () => {
    const marks = tmpFolder();
    const worker = await startCtqWorker({ broker: rabbit().url, backend: 'disabled://', env: { CTQ_TEST_MARKS: marks } });
    const app = new Ctq('load', { brokerUrl: rabbit().url, resultBackend: 'disabled://', taskPublishRetry: false });
    const confirmed: string[] = [];
    const enough = new AbortController();
    const load = (async () => {
      for (let i = 0; !enough.signal.aborted; i += 1) {
        const name = `load-${i}`;
        // Not awaited one by one: several are on their way at each moment.
        const sent = app.sendTask('tasks.marked', [name, 0.01]);
        void sent.then(
          () => confirmed.push(name),
          () => {},
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await eventually(() => expect(confirmed.length).toBeGreaterThan(100));
    await rabbit().kill();
    await rabbit().start();
    const before = confirmed.length;
    await eventually(() => expect(confirmed.length).toBeGreaterThan(before + 100), { timeoutMs: 30_000 });
    enough.abort();
    await load;
    await app.close();
    const ran = (): Set<string> => new Set(readdirSync(marks).map((file) => file.replace(/\.(?:begin|end)\..*$/, '')));
    const notYet = (): string[] => {
      const those = ran();
      return confirmed.filter((name) => !those.has(name));
    };
    await eventually(() => expect(notYet()).toEqual([]), { timeoutMs: 30_000, intervalMs: 100 });
    await worker.stop('SIGTERM');
  });

  it('gives the tasks of a killed worker to another at once: it begins them while its own still run', { timeout: 90_000 }, async () => {
    const broker = await rabbit().freshVhost();
    const start = async () => {
      const marks = tmpFolder();
      const worker = await startCtqWorker({ broker, backend: 'disabled://', concurrency: 10, env: { CTQ_TEST_MARKS: marks } });
      const marked = (what: string) => readdirSync(marks).flatMap((file) => (file.includes(`.${what}.`) ? [file.split('.')[0]] : []));
      return { worker, begun: () => marked('begin').sort(), ended: () => marked('end').sort() };
    };
    const workers = await Promise.all([start(), start()]);
    const app = new Ctq('client', { brokerUrl: broker, resultBackend: 'disabled://' });
    const names = Array.from({ length: 8 }, (_, i) => `task-${i}`);
    await Promise.all(names.map((name) => app.sendTask('tasks.marked', [name, 60])));
    await eventually(() => expect(workers.flatMap(({ begun }) => begun()).sort()).toEqual(names));
    // How the server deals them out is its own affair: whoever has most is killed.
    const [victim, heir] = workers.sort((a, b) => b.begun().length - a.begun().length);
    if (victim === undefined || heir === undefined) throw new Error('two workers were started');
    await victim.worker.kill();
    await eventually(() => expect(heir.begun()).toEqual(names));
    // They take a minute; nobody waits for that.
    expect(heir.ended()).toEqual([]);
    await app.close();
    await heir.worker.kill();
  });

  it('puts a message aside that kills its workers, in any pool, after as many as with every other broker, and none beside it', {
    timeout: 240_000,
  }, async () => {
    const innocent = idsOf('innocent', 8);
    const inPool = async (pool: string, broker: string): Promise<void> => {
      const marks = tmpFolder();
      const app = new Ctq('client', { brokerUrl: broker, resultBackend: 'disabled://' });
      const deadly = app.sendTask('tasks.crash', ['deadly', 'SIGKILL']);
      await Promise.all([deadly.published, ...innocent.map((name) => app.sendTask('tasks.marked', [name, 0.2]).published)]);
      await app.close();
      const options = { broker, backend: 'disabled://', concurrency: 2, args: ['-P', pool], env: { CTQ_TEST_MARKS: marks } };
      let killed = -1;
      let worker: OwnedProcess;
      do {
        killed += 1;
        expect(killed).toBeLessThanOrEqual(5);
        const started = launchCtqWorker(options);
        worker = started;
        await eventually(() => started.ending !== undefined || started.output.includes('goes to the dead letters'), { timeoutMs: 30_000 });
      } while (worker.ending?.signal === 'SIGKILL');
      const files = (kind: string): string[] =>
        readdirSync(marks).flatMap((file) => (file.includes(`.${kind}.`) ? (file.split('.')[0] ?? '') : []));
      expect([killed, files('begin').filter((name) => name === 'deadly').length]).toEqual([5, 5]);
      await eventually(() => expect([...new Set(files('end'))].sort()).toEqual(innocent), { timeoutMs: 20_000 });
      await worker.stop('SIGTERM');
      const letters = await deadLettersOf(broker, 'celery', REASON_HEADER);
      expect(letters).toEqual([{ id: deadly.id, reason: 'delivered 6 times, and no worker has finished it' }]);
    };
    const [one, other] = [await rabbit().freshVhost(), await rabbit().freshVhost()];
    await Promise.all([inPool('async', one), inPool('solo', other)]);
  });

  it('gives back what is held when the way is cut, and the work goes on', { timeout: 60_000 }, async () => {
    const { proxy, direct, broker } = await twoWays();
    await send(direct, 'q', idsOf('m', 5));
    const log = new DeliveryLog();
    await consume(broker, ['q'], 3, log);
    const held = await log.first(3);
    proxy.cut();
    await log.until(() => log.calls.includes('disconnected'), 'disconnected');
    // The answers wait until it is known whose the messages are.
    const answers = held.map((delivery) => delivery.ack());
    expect(await Promise.all(answers)).toEqual(['settled', 'settled', 'settled']);
    await log.until(() => log.deliveries.length === 5, 'the other two');
    expect(log.ids()).toEqual(idsOf('m', 5));
    await Promise.all(log.deliveries.slice(3).map((delivery) => delivery.ack()));
    expect(log.calls.filter((call) => call === 'connected')).toHaveLength(2);
    await broker.close();
    expect(await direct.depth('q')).toBe(0);
  });

  it('says so when somebody else has what was held', { timeout: 90_000 }, async () => {
    const { proxy, direct, broker } = await twoWays();
    await send(direct, 'q', ['a']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    proxy.mode = 'refuse';
    proxy.cut();
    expect(await drainUpTo(direct, 'q', 'a')).toEqual(['a']);
    proxy.mode = 'pass';
    await log.until(() => log.fencedOnes.length === 1, 'the news', 45_000);
    expect(await held.ack()).toBe('fenced');
  });

  it('gets what was on its way when the way was cut, in order', { timeout: 60_000 }, async () => {
    const url = await rabbit().freshVhost();
    const proxy = await TcpProxy.start(rabbit().port);
    const direct = open(url);
    const broker = open(url.replace(String(rabbit().port), String(proxy.port)));
    await broker.declare(plainQueue('q'));
    proxy.mode = 'swallow';
    const ids = idsOf('m', 200);
    const sending = send(broker, 'q', ids);
    proxy.cut();
    proxy.mode = 'pass';
    await sending;
    expect(await drainUpTo(direct, 'q', ids[199] as string)).toEqual(ids);
  });
});
