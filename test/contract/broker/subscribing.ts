import { expect } from 'vitest';
import type { Exchange, Queue } from '../../../src/broker.js';
import type { Message } from '../../../src/protocol/message.js';
import type { BrokerCase } from '../broker.js';
import { messageId, Waiting } from '../delivery-log.js';
import { taskMessage } from '../messages.js';

const pidbox: Exchange = { name: 'celery.pidbox', type: 'fanout' };
const replies: Exchange = { name: 'reply.celery.pidbox', type: 'direct' };

function mailbox(node: string): Queue {
  return { name: `${node}.celery.pidbox`, exchange: pidbox, routingKey: '', durable: false, autoDelete: true };
}

function replyQueue(oid: string): Queue {
  return { name: `${oid}.reply.celery.pidbox`, exchange: replies, routingKey: oid, durable: false, autoDelete: true };
}

/** A listener that a test can wait for. */
class Listener {
  readonly messages: Message[] = [];
  readonly #waiting = new Waiting();
  readonly hear = (message: Message): void => {
    this.messages.push(message);
    this.#waiting.changed();
  };

  get ids(): string[] {
    return this.messages.map(messageId);
  }

  async until(id: string): Promise<string[]> {
    await this.#waiting.until(
      () => this.ids.includes(id),
      () => `message ${id}; heard ${JSON.stringify(this.ids)}`,
    );
    return this.ids;
  }
}

export const subscribingCases: readonly BrokerCase[] = [
  {
    title: 'every subscriber of a fanout exchange hears every message, in order, from any client',
    async run({ open }) {
      const [one, two, caller] = [await open(), await open(), await open()];
      const [left, right] = [new Listener(), new Listener()];
      await one.subscribe(mailbox('w1@host'), left.hear);
      await two.subscribe(mailbox('w2@host'), right.hear);
      for (const id of ['a', 'b', 'c']) await caller.publish(taskMessage(id), { exchange: pidbox, routingKey: '' });
      expect(await left.until('c')).toEqual(['a', 'b', 'c']);
      expect(await right.until('c')).toEqual(['a', 'b', 'c']);
    },
  },
  {
    title: 'a subscriber hears nothing from before it subscribed, and nothing after it closed',
    async run({ open }) {
      const [broker, caller] = [await open(), await open()];
      const [first, second] = [new Listener(), new Listener()];
      const route = { exchange: pidbox, routingKey: '' };
      await caller.publish(taskMessage('before'), route);
      const subscription = await broker.subscribe(mailbox('w1@host'), first.hear);
      await caller.publish(taskMessage('during'), route);
      await first.until('during');
      await subscription.close();
      await broker.subscribe(mailbox('w2@host'), second.hear);
      await caller.publish(taskMessage('after'), route);
      expect(await second.until('after')).toEqual(['after']);
      expect(first.ids).toEqual(['during']);
    },
  },
  {
    title: 'a reply reaches the one queue bound with its key',
    async run({ open }) {
      const [caller, worker] = [await open(), await open()];
      const [mine, yours] = [new Listener(), new Listener()];
      await caller.subscribe(replyQueue('oid-1'), mine.hear);
      await caller.subscribe(replyQueue('oid-2'), yours.hear);
      await worker.publish(taskMessage('for-2'), { exchange: replies, routingKey: 'oid-2' });
      await worker.publish(taskMessage('for-1'), { exchange: replies, routingKey: 'oid-1' });
      expect(await mine.until('for-1')).toEqual(['for-1']);
      expect(await yours.until('for-2')).toEqual(['for-2']);
    },
  },
  {
    title: 'a reply to somebody who has left is dropped and leaves nothing behind',
    async run({ open }) {
      const [caller, worker] = [await open(), await open()];
      const listener = new Listener();
      const subscription = await caller.subscribe(replyQueue('oid-1'), listener.hear);
      await subscription.close();
      await worker.publish(taskMessage('late'), { exchange: replies, routingKey: 'oid-1' });
      expect(await worker.depth('oid-1.reply.celery.pidbox')).toBe(0);
      const again = new Listener();
      await caller.subscribe(replyQueue('oid-1'), again.hear);
      await worker.publish(taskMessage('new'), { exchange: replies, routingKey: 'oid-1' });
      expect(await again.until('new')).toEqual(['new']);
      expect(listener.ids).toEqual([]);
    },
  },
  {
    title: 'event listeners hear the kinds of event they asked for',
    async run({ open }) {
      const [broker, source] = [await open(), await open()];
      const exchange: Exchange = { name: 'celeryev', type: broker.capabilities.eventExchangeType };
      const queue = (name: string, routingKey: string): Queue => ({ name, exchange, routingKey, durable: false, autoDelete: true });
      const [workers, everything] = [new Listener(), new Listener()];
      await broker.subscribe(queue('celeryev.1', 'worker.#'), workers.hear);
      await broker.subscribe(queue('celeryev.2', '#'), everything.hear);
      for (const key of ['task.multi', 'worker.heartbeat', 'worker.elect.ack']) {
        await source.publish(taskMessage(key, { deliveryMode: 1 }), { exchange, routingKey: key });
      }
      expect(await everything.until('worker.elect.ack')).toEqual(['task.multi', 'worker.heartbeat', 'worker.elect.ack']);
      expect(await workers.until('worker.elect.ack')).toEqual(['worker.heartbeat', 'worker.elect.ack']);
      expect(everything.messages[0]?.properties.deliveryInfo).toMatchObject({ exchange: 'celeryev', routingKey: 'task.multi' });
    },
  },
  {
    title: 'a broadcast that nobody hears is dropped',
    async run({ open }) {
      const broker = await open();
      await broker.publish(taskMessage('into-the-void'), { exchange: pidbox, routingKey: '' });
    },
  },
  {
    title: 'a broadcast tells how many it reached, where the engine can know',
    async run({ open }) {
      const [one, two, caller] = [await open(), await open(), await open()];
      if (caller.broadcast === undefined) return;
      const route = { exchange: pidbox, routingKey: '' };
      expect(await caller.broadcast(taskMessage('nobody'), route)).toBe(0);
      const [left, right] = [new Listener(), new Listener()];
      await one.subscribe(mailbox('w1@host'), left.hear);
      const second = await two.subscribe(mailbox('w2@host'), right.hear);
      expect(await caller.broadcast(taskMessage('both'), route)).toBe(2);
      expect(await left.until('both')).toEqual(['both']);
      expect(await right.until('both')).toEqual(['both']);
      await second.close();
      expect(await caller.broadcast(taskMessage('one'), route)).toBe(1);
      expect(await left.until('one')).toEqual(['both', 'one']);
    },
  },
];
