import { deadLetterQueue, readdressed } from '../../brokers/amqp/wire.js';
import { BrokerError } from '../../errors.js';
import type { MessageDesk, RemovedMessage } from '../../estate/messages.js';
import { readMessage } from '../stored.js';
import { storedMessage } from './hold.js';
import type { Ladder } from './ladder.js';
import type { Looking } from './looking.js';
import type { Marks } from './marks.js';
import { removeMessages } from './removal.js';
import type { AmqpServer } from './server.js';

export interface MessageDeskParts {
  readonly server: AmqpServer;
  readonly ladder: Ladder;
  readonly looking: Looking;
  readonly marks: Marks;
}

export function amqpMessageDesk({ server, ladder, looking, marks }: MessageDeskParts): MessageDesk {
  return {
    looks: 'leave marks',
    restores: 'behind all',
    page: (queue, offset, limit) => looking.page(queue, offset, limit),
    async sample(queue, size) {
      await looking.giveBackAll();
      const [depth] = await server.depths([queue]);
      const messages: ReturnType<typeof storedMessage>[] = [];
      // The first ones: to reach any other, all before it would have to be taken.
      await looking.each(queue, size, (taken, index) => {
        messages.push(storedMessage(taken, 'ready', index));
        return 'go on';
      });
      return { messages, total: Math.max(depth?.messages ?? 0, messages.length) };
    },
    async remove(terms) {
      await looking.giveBackAll();
      return removeMessages({ server, ladder }, terms);
    },
    // What a removal has in its hands goes back by itself when it dies.
    aside: async () => [],
    keepAside: async () => 0,
    putBackAside: async () => 0,
    restoredFrom: async () => undefined,
    restore: () => Promise.reject(new BrokerError('CTQ_BROKER_FAILED', 'RabbitMQ takes messages at the end of a queue only')),
    async arrive(id, page) {
      await looking.giveBackAll();
      const before = await marks.arrivedUpTo(id);
      const fresh = page.filter(({ number }) => number > before);
      // All on their way at once: they arrive in this order.
      await Promise.all(fresh.map((removed) => putBack(server, removed)));
      const last = fresh.at(-1);
      if (last !== undefined) await marks.noteArrived(id, last.number);
      return fresh.length;
    },
  };
}

/** As it was sent: with where it was sent first, its time to live, and its own time where it waits for that. */
async function putBack(server: AmqpServer, { queue, raw, place, dueAtMs }: RemovedMessage): Promise<void> {
  const message = readMessage(raw);
  if (message === undefined) {
    // Nobody could read it where it came from either, and AMQP carries no message without properties.
    const bytes = { headers: {}, properties: {}, contentType: 'application/data', contentEncoding: 'binary', body: raw };
    await server.publish(bytes, deadLetterQueue(queue).name);
    return;
  }
  const back = readdressed(message, place === 'delayed' && dueAtMs !== undefined ? { dueAtMs } : {});
  const { expiration } = message.properties;
  const whole = expiration === undefined ? back : { ...back, properties: { ...back.properties, expiration } };
  if (place === 'delayed' && dueAtMs !== undefined) await server.publishLater(back, queue, dueAtMs);
  else await server.publish(whole, queue);
}
