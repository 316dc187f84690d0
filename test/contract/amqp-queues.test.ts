/** What only RabbitMQ has: kinds of queues, declarations of others, confirms and refusals. */
import { format } from 'node:util';
import { type ConfirmChannel, type ChannelModel, connect } from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Delivery, Exchange, Queue } from '../../src/broker.js';
import { type AmqpBroker, openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import { deathsQueue } from '../../src/brokers/amqp/deaths.js';
import { silentLogger } from '../../src/logger.js';
import type { Message } from '../../src/protocol/message.js';
import { ownQueue } from '../../src/protocol/own-queue.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { TcpProxy } from '../support/proxy.js';
import { startRabbit } from '../support/rabbitmq-server.js';
import { describeWith } from '../support/requires.js';
import { consume, remaining, send } from './broker/verbs.js';
import { DeliveryLog, messageId } from './delivery-log.js';
import { idsOf, plainQueue, taskMessage, toQueue } from './messages.js';

function quorum(name: string): Queue {
  return { ...plainQueue(name), arguments: { 'x-queue-type': 'quorum' } };
}

describeWith('rabbitmq', 'queues of RabbitMQ', () => {
  const rabbit = forSuite(startRabbit);
  let url: string;
  let broker: AmqpBroker;
  let foreign: ChannelModel;
  let channel: ConfirmChannel;
  const warnings: string[] = [];

  function open(connectTimeoutMs = 20_000, at = url): AmqpBroker {
    const warning = (text: string, ...parts: readonly unknown[]): void => void warnings.push(format(text, ...parts));
    const logger = { ...silentLogger, warning };
    return openAmqpBroker(at, { transportOptions: {}, connectTimeoutMs, amqp: { delayedQueueType: 'classic' }, logger });
  }

  beforeEach(async () => {
    warnings.splice(0);
    url = await rabbit().freshVhost();
    broker = open();
    foreign = await connect(url);
    channel = await foreign.createConfirmChannel();
    channel.on('error', () => {});
  });
  afterEach(async () => {
    await broker.close();
    await foreign.close();
  });

  it('are declared as kombu declares them, so that a second declaration changes nothing', async () => {
    const exchange: Exchange = { name: 'shop', type: 'topic' };
    await broker.declare({ name: 'orders', exchange, routingKey: 'orders.#', maxPriority: 10 });
    await channel.assertExchange('shop', 'topic', { durable: true });
    await channel.assertQueue('orders', { durable: true, arguments: { 'x-max-priority': 10 } });
    await broker.declare({
      name: 'box',
      exchange: { name: 'pid', type: 'fanout', durable: false },
      routingKey: '',
      durable: false,
      autoDelete: true,
    });
    await channel.assertExchange('pid', 'fanout', { durable: false });
    await channel.assertQueue('box', { durable: false, autoDelete: true });
    expect(warnings).toEqual([]);
  });

  it('of one process may be for its connection alone, or be left to expire', async () => {
    const heard: string[] = [];
    for (const lifetime of ['exclusive', 'durable'] as const) {
      const queue = ownQueue(lifetime, { name: 'pid', type: 'fanout', durable: false }, '', { ttlS: 5, expiresS: 60, lifetime });
      await broker.subscribe(queue, (message) => void heard.push(`${lifetime} ${messageId(message)}`));
    }
    await broker.publish(taskMessage('one'), { exchange: { name: 'pid', type: 'fanout', durable: false }, routingKey: '' });
    await eventually(() => heard.length === 2);
    expect(heard.sort()).toEqual(['durable one', 'exclusive one']);
    await channel.assertQueue('durable', { durable: true, arguments: { 'x-expires': 60_000, 'x-message-ttl': 5_000 } });
    await expect(channel.checkQueue('exclusive')).rejects.toThrow('RESOURCE_LOCKED');
    expect(warnings).toEqual([]);
  });

  it('that somebody declared otherwise are used as they are, and it is said once', async () => {
    await channel.assertQueue('q', { durable: true, arguments: { 'x-max-length': 5 } });
    await channel.assertExchange('e', 'topic', { durable: false });
    const queue: Queue = { name: 'q', exchange: { name: 'e', type: 'topic' }, routingKey: 'k.#' };
    await broker.declare(queue);
    await broker.declare(queue);
    await broker.publish(taskMessage('a'), { exchange: queue.exchange, routingKey: 'k.1' });
    expect(await remaining(broker, 'q')).toEqual(['a']);
    expect(warnings).toEqual([expect.stringContaining("exchange 'e'"), expect.stringContaining("queue 'q'")]);
  });

  it('with priorities keep them when a message goes back', async () => {
    const queue = { ...plainQueue('q'), maxPriority: 10 };
    await broker.declare(queue);
    await send(broker, 'q', ['patient'], 0);
    const log = new DeliveryLog();
    await consume(broker, [queue], 1, log);
    const held = await log.nth(0);
    await send(broker, 'q', ['urgent'], 9);
    await held.requeue('front');
    await (await log.nth(1)).ack();
    await (await log.nth(2)).requeue('back', 'death');
    await (await log.nth(3)).ack();
    expect(log.ids()).toEqual(['patient', 'urgent', 'patient', 'patient']);
  });

  it('of the quorum kind take turns, keep to the prefetch and count what came back', async () => {
    const log = new DeliveryLog();
    await broker.declare(quorum('one'));
    await broker.declare(quorum('two'));
    await send(broker, 'one', idsOf('one', 10));
    await send(broker, 'two', idsOf('two', 10));
    const consumer = await consume(broker, [quorum('one'), quorum('two')], 3, log);
    await log.first(3);
    expect(log.deliveries).toHaveLength(3);
    await Promise.all(log.deliveries.map((delivery) => delivery.ack()));
    consumer.setPrefetch(40);
    await log.first(20);
    expect(new Set(log.ids()).size).toBe(20);
    await consumer.close();
    const again = new DeliveryLog();
    await consume(broker, [quorum('one'), quorum('two')], 40, again);
    const back = await again.first(17);
    expect(back.every(({ redeliveryCount }) => redeliveryCount >= 1)).toBe(true);
  });

  it.each([
    ['told by the declaration', {}],
    ['told when the server refuses to consume', { 'x-max-length': 1000 }],
  ])('of the quorum kind that somebody else declared are consumed without their being in the settings, %s', async (_how, more) => {
    await channel.assertQueue('strangers', { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } });
    await broker.declare(plainQueue('ours'));
    await send(broker, 'ours', ['a']);
    await send(broker, 'strangers', ['b', 'c']);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [plainQueue('ours'), plainQueue('strangers')], 5, log);
    await eventually(() => log.ids().includes('c'));
    await send(broker, 'strangers', ['d']);
    await eventually(() => log.ids().includes('d'));
    expect(new Set(log.ids())).toEqual(new Set(['a', 'b', 'c', 'd']));
    expect(log.disconnections.filter(({ message }) => /does not support global qos/.test(message))).toHaveLength(
      'x-max-length' in more ? 1 : 0,
    );
    if (!('x-max-length' in more)) expect(log.ids()).toHaveLength(4);
  });

  it('count how often a message came back: quorum queues by themselves, classic ones from the second ctq worker on', async () => {
    // RabbitMQ keeps a number for the one and a flag for the other (docs/wire/amqp.md).
    const [classic, counting] = [plainQueue('classic'), quorum('counting')];
    for (const queue of [classic, counting]) {
      await broker.declare(queue);
      await send(broker, queue.name, [`in ${queue.name}`]);
      for (let death = 0; death < 3; death += 1) {
        const worker = await foreign.createChannel();
        await eventually(async () => expect(await worker.get(queue.name)).not.toBe(false));
        await worker.close();
      }
    }
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [classic, counting], 5, log);
    const came = await log.first(2);
    expect(Object.fromEntries(came.map(({ queue, redeliveryCount }) => [queue, redeliveryCount]))).toEqual({ classic: 1, counting: 3 });
  });

  /** Takes the next message, and is lost as a worker that is killed, as far as the server can see. */
  async function takeAndDie(queue: Queue): Promise<Delivery | undefined> {
    const proxy = await TcpProxy.start(rabbit().port);
    const worker = open(20_000, url.replace(`:${rabbit().port}`, `:${proxy.port}`));
    const log = new DeliveryLog();
    await consume(worker, [queue], 1, log);
    const [delivery] = await log.first(1);
    const waiting = await broker.depth(queue.name);
    proxy.mode = 'refuse';
    proxy.cut();
    await Promise.all([worker.close(), proxy.close()]);
    // Until the server has noticed, the next one would get what comes behind it.
    await eventually(async () => expect(await broker.depth(queue.name)).toBe(waiting + 1));
    return delivery;
  }

  it('of the classic kind are counted for by whoever takes from them, the message staying in its place', async () => {
    const queue = plainQueue('classic');
    await broker.declare(queue);
    await send(broker, 'classic', ['doomed', 'innocent']);
    const taken: (Delivery | undefined)[] = [];
    for (let death = 0; death < 4; death += 1) taken.push(await takeAndDie(queue));
    expect(taken.map((delivery) => delivery && messageId(delivery.message))).toEqual(Array(4).fill('doomed'));
    expect(taken.map((delivery) => delivery?.redeliveryCount)).toEqual([0, 1, 2, 3]);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [queue], 1, log);
    const [doomed] = await log.first(2);
    expect(log.ids()).toEqual(['doomed', 'innocent']);
    expect(doomed?.redeliveryCount).toBe(4);
    const countedIn = deathsQueue('classic', doomed?.message ?? taskMessage('doomed'));
    await eventually(async () => {
      const looking = await foreign.createChannel();
      looking.on('error', () => {});
      await expect(looking.checkQueue(countedIn ?? '')).rejects.toThrow('404');
    });
  });

  it('of the classic kind are not counted for what the living give back, put off, or get again on a new connection', async () => {
    const queue = plainQueue('classic');
    await broker.declare(queue);
    await send(broker, 'classic', ['a']);
    await takeAndDie(queue);
    await takeAndDie(queue);
    const proxy = await TcpProxy.start(rabbit().port);
    const worker = open(20_000, url.replace(`:${rabbit().port}`, `:${proxy.port}`));
    const log = new DeliveryLog();
    const consumer = await consume(worker, [queue], 1, log);
    for (const index of [0, 1]) await (await log.nth(index)).requeue('front');
    const connected = (times: number): Promise<void> =>
      log.until(() => log.calls.filter((call) => call === 'connected').length === times, `connected for the ${times}th time`);
    await (await log.nth(2)).park(new Date(Date.now() + 300));
    // It waits there, unseen, when the way is cut.
    await (await log.nth(3)).park(new Date(Date.now() + 900));
    proxy.cut();
    await connected(2);
    await log.nth(4);
    // Under way, when it is cut once more.
    proxy.cut();
    await connected(3);
    await (await log.nth(4)).requeue('front');
    await log.nth(5);
    await consumer.close();
    const after = await takeAndDie(queue);
    expect([...log.deliveries, after].map((delivery) => delivery?.redeliveryCount)).toEqual(Array(7).fill(2));
    const next = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [queue], 1, next);
    expect((await next.nth(0)).redeliveryCount).toBe(3);
    await worker.close();
  });

  it('of the classic kind are not counted for where that is not allowed, and it is said once', async () => {
    const queue = plainQueue('classic');
    await broker.declare(queue);
    await send(broker, 'classic', idsOf('m', 5));
    const [vhost, allowed] = [url.split('/').at(-1) ?? '', '^(?!ctq\\\\.deaths\\\\.).*'];
    await rabbit().erlang(
      `rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${vhost}">>, <<"${allowed}">>, <<".*">>, <<".*">>, <<"ctq">>).`,
    );
    for (let death = 0; death < 3; death += 1) await takeAndDie(queue);
    warnings.splice(0);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    const worker = open();
    await consume(worker, [queue], 5, log);
    await log.first(5);
    expect(log.ids()).toEqual(idsOf('m', 5));
    expect(log.deliveries[0]?.redeliveryCount).toBe(1);
    expect(warnings.filter((line) => line.includes('counted'))).toEqual([
      expect.stringMatching(/^How often a message takes its worker with it is not counted in classic queues: .*ctq\.deaths\./),
    ]);
    await worker.close();
  });

  it('of the quorum kind get what a Celery client lets the server delay', async () => {
    const queue: Queue = {
      name: 'q',
      exchange: { name: 'shop', type: 'topic' },
      routingKey: 'q',
      arguments: { 'x-queue-type': 'quorum' },
    };
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [queue], 5, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    // As Celery 5.5 publishes a task with a countdown of one second (celery/app/base.py): into the highest step.
    const began = Date.now();
    const key = `${'0.'.repeat(27)}1.q`;
    await eventually(() => channel.checkExchange('celery_delayed_27'));
    channel.publish('celery_delayed_27', key, Buffer.from('[[], {}, {}]'), {
      headers: { id: 'late', task: 't' },
      contentType: 'application/json',
    });
    await log.until(() => log.deliveries.length === 1, 'the delayed message');
    expect(messageId(log.deliveries[0]!.message)).toBe('late');
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
  });

  it('of the quorum kind let the server delay what ctq sends later, as Celery 5.5 does, before any worker has been there', async () => {
    const exchange: Exchange = { name: 'shop', type: 'topic' };
    const orders: Queue = { name: 'orders', exchange, routingKey: 'order.*', arguments: { 'x-queue-type': 'quorum' } };
    const mails: Queue = { name: 'mails', exchange, routingKey: 'mail' };
    const later = (id: string, seconds: number): Message => {
      const eta = new Date(Date.now() + seconds * 1000).toISOString();
      const message = taskMessage(id);
      return { ...message, headers: { ...message.headers, eta } };
    };
    await broker.declare(orders);
    await broker.declare(mails);
    // By name is as to a direct exchange, where Celery's worker would hold it all the time: it goes by our own ladder.
    const routes = { orders: { exchange, routingKey: 'order.new' }, mails: { exchange, routingKey: 'mail' }, byName: toQueue('orders') };
    for (const route of Object.values(routes)) await broker.publish(later('much later', 3600), route);
    const depths = ['orders', 'mails', 'celery_delayed_11', 'ctq_celery_delayed_11'].map((name) => broker.depth(name));
    expect(await Promise.all(depths)).toEqual([0, 0, 2, 1]);
    await broker.publish(later('now', 0.4), routes.orders);
    expect(await broker.depth('orders')).toBe(1);
    const sentAtMs = Date.now();
    await broker.publish(later('soon', 2.5), routes.orders);
    await broker.publish(later('classic', 2.5), routes.mails);
    await broker.publish(later('by name', 2.5), routes.byName);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, [orders, mails], 5, log);
    const came = await log.first(4);
    // The server counts in whole seconds of what is left when it is sent.
    expect(Date.now() - sentAtMs).toBeGreaterThanOrEqual(1_490);
    expect(came.map(({ message }) => messageId(message)).sort()).toEqual(['by name', 'classic', 'now', 'soon']);
    const [soon, byName] = ['soon', 'by name'].map((id) => came.find(({ message }) => messageId(message) === id)!) as [Delivery, Delivery];
    expect(byName.message.properties.deliveryInfo).toMatchObject({ exchange: '', routingKey: 'orders' });
    // Neither the digits nor RabbitMQ's record of the way travel on: with that a retry would be taken for a circle, and dropped.
    expect(soon.message.properties.deliveryInfo?.routingKey).toBe('order.new');
    expect(Object.keys(soon.message.headers).filter((name) => name.startsWith('x-'))).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('are made when a task is sent to their name and they are gone', async () => {
    await broker.declare(plainQueue('q'));
    await send(broker, 'q', ['a']);
    await channel.deleteQueue('q');
    await send(broker, 'q', ['b', 'c']);
    expect((await remaining(broker, 'q')).sort()).toEqual(['b', 'c']);
  });

  it('are consumed again when somebody has deleted them', async () => {
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await broker.declare(plainQueue('q'));
    await consume(broker, ['q'], 5, log);
    await send(broker, 'q', ['a']);
    await log.first(1);
    await channel.deleteQueue('q');
    await send(broker, 'q', ['b']);
    await log.first(2);
    expect(warnings.join()).toContain("ended the consumer of queue 'q'");
    expect(log.disconnections).toEqual([]);
  });

  it('that are paused are left alone until they go on, by who begins meanwhile', async () => {
    await broker.declare(plainQueue('q'));
    await broker.declare(plainQueue('other'));
    await channel.assertQueue('ctq.paused.q', { durable: true });
    await send(broker, 'q', ['a']);
    await send(broker, 'other', ['b']);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q', 'other'], 5, log);
    await log.first(1);
    expect(log.ids()).toEqual(['b']);
    expect(warnings).toEqual(['Queue q is paused: nothing is taken from it until "ctq queues resume q"']);
    await channel.deleteQueue('ctq.paused.q');
    await log.first(2);
    await eventually(() => expect(warnings.at(-1)).toBe('Queue q goes on'));
  });

  it('that are full refuse, and the sender hears it', async () => {
    const full = { ...plainQueue('full'), arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } };
    await broker.declare(full);
    await send(broker, 'full', ['fits']);
    // RabbitMQ lets the next one in before it counts.
    await expect(send(broker, 'full', idsOf('m', 20))).rejects.toMatchObject({
      code: 'CTQ_BROKER_FAILED',
      message: expect.stringContaining('takes no more messages'),
    });
  });

  it('drop what nobody is bound for, and the log says so', async () => {
    await broker.publish(taskMessage('a'), { exchange: { name: 'empty', type: 'direct' }, routingKey: 'nobody' });
    expect(warnings.join()).toContain("No queue is bound to exchange 'empty'");
  });

  it('are not harmed by headers that no frame holds: the sender hears it, and the rest goes on', async () => {
    await broker.declare(plainQueue('q'));
    const huge = { ...taskMessage('huge'), headers: { id: 'huge', task: 't', argsrepr: 'x'.repeat(100_000) } };
    const sent = [
      broker.publish(taskMessage('a'), toQueue('q')),
      broker.publish(huge, toQueue('q')),
      broker.publish(taskMessage('b'), toQueue('q')),
    ];
    const [a, refused, b] = await Promise.allSettled(sent);
    expect([a?.status, refused?.status, b?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await remaining(broker, 'q')).sort()).toEqual(['a', 'b']);
  });

  it('still give out and take answers while the server takes no messages, and a sender is told in time', async () => {
    await broker.declare(plainQueue('q'));
    await send(broker, 'q', ['a', 'b']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 1, log);
    await log.first(1);
    const hasty = open(700);
    try {
      await rabbit().erlang('{ok, vm_memory_monitor:set_vm_memory_high_watermark(0.0001)}.');
      await expect(hasty.publish(taskMessage('c'), toQueue('q'))).rejects.toMatchObject({ code: expect.stringMatching(/^CTQ_BROKER_/) });
      await log.deliveries[0]?.ack();
      await log.first(2);
    } finally {
      await rabbit().erlang('{ok, vm_memory_monitor:set_vm_memory_high_watermark({absolute, "2GB"})}.');
      await hasty.close();
    }
  });
});
