/**
 * Messages that ctq's workers refused: kept in a queue `ctq.dead.<queue>` each. Tasks that ran and failed are
 * not kept here: acknowledging one and keeping another are two steps to RabbitMQ, and a result tells of them.
 */
import { createHash } from 'node:crypto';
import { deadLetterQueue, readdressed } from '../../brokers/amqp/wire.js';
import type { DeadLetter, DeadLetterDesk, SendAgain } from '../../estate/dead-letters.js';
import { encodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { messageIn } from '../dead-letter-text.js';
import { publishedAt } from '../stored.js';
import type { Taken } from './hold.js';
import type { Looking } from './looking.js';
import type { AmqpServer } from './server.js';

const PAGE = 100;

export function amqpDeadLetterDesk(server: AmqpServer, looking: Looking): DeadLetterDesk {
  return {
    async *list(signal) {
      await looking.giveBackAll();
      for (const queue of [...(await server.taskQueues())].sort()) {
        signal?.throwIfAborted();
        const letters: DeadLetter[] = [];
        await looking.each(deadLetterQueue(queue).name, Number.POSITIVE_INFINITY, (taken) => {
          letters.push(letterOf(queue, taken));
          return signal?.aborted === true ? 'enough' : 'go on';
        });
        letters.reverse();
        for (let from = 0; from < letters.length; from += PAGE) yield letters.slice(from, from + PAGE);
      }
    },
    find: async () => undefined,
    async *failures() {},
    findFailure: async () => undefined,
    isChordOpen: async () => false,
    async sendAgain(again) {
      const { letter } = again;
      if (letter === undefined) {
        await send(server, again);
        return 'sent';
      }
      return (await takeOut(server, letter, () => send(server, again))) ? 'sent' : 'gone';
    },
    remove: (letter) => takeOut(server, letter, async () => {}),
  };
}

function letterOf(queue: string, taken: Taken): DeadLetter {
  const text = encodeEnvelope(taken.message);
  return {
    ...{ kind: 'refused', key: keyOf(text), queue, reason: taken.reason ?? '', note: undefined, text },
    message: messageIn(text),
    // Nobody writes down when: at least since it was sent.
    atMs: publishedAt(taken.message).publishedAtMs ?? 0,
  };
}

/** Whether it was looked at before is no part of it. */
function keyOf(text: string): string {
  return createHash('sha256').update(text.replace(', "redelivered": true', '')).digest('hex');
}

async function send(server: AmqpServer, { queue, priority, envelope }: SendAgain): Promise<void> {
  const message = messageIn(envelope);
  if (message === undefined) return;
  const { headers, ...rest } = readdressed(message, {});
  const again: Message = { ...rest, headers, properties: { ...rest.properties, priority } };
  await server.publish(again, queue);
}

/** The server hands it to one of us at a time: whoever has it does the work, and it goes when that is done. */
async function takeOut(server: AmqpServer, { queue, key }: DeadLetter, work: () => Promise<void>): Promise<boolean> {
  const hold = await server.hold(deadLetterQueue(queue).name);
  if (hold === undefined) return false;
  try {
    for (let taken = await hold.next(); taken !== undefined; taken = await hold.next()) {
      if (keyOf(encodeEnvelope(taken.message)) !== key) continue;
      await work();
      hold.drop(taken);
      return true;
    }
    return false;
  } finally {
    await hold.giveBack();
  }
}
