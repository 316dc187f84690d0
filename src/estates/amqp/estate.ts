/** An estate at RabbitMQ: what AMQP tells, and the management plugin where it answers (docs/rabbitmq.md). */
import type { Estate, EstateOptions } from '../../estate/estate.js';
import type { StoreHealth } from '../../estate/health.js';
import { amqpDeadLetterDesk } from './dead-letters.js';
import { amqpKeyDesk } from './keys.js';
import { Ladder } from './ladder.js';
import { Looking } from './looking.js';
import { Marks } from './marks.js';
import { amqpMessageDesk } from './messages.js';
import { amqpQueueDesk } from './queues.js';
import { AmqpServer } from './server.js';
import { amqpTaskDesk } from './tasks.js';

/** @throws ConfigError for a URL or an option that cannot be read. */
export function openAmqpEstate(url: string, options: EstateOptions): Estate {
  const server = new AmqpServer(url, options);
  const ladder = new Ladder(server);
  const looking = new Looking(server, ladder);
  const parts = { server, ladder, looking, marks: new Marks(server) };
  return {
    displayUrl: server.displayUrl,
    parts: options.parts,
    queues: amqpQueueDesk(parts),
    messages: amqpMessageDesk(parts),
    keys: amqpKeyDesk(server, looking),
    tasks: amqpTaskDesk(parts),
    deadLetters: amqpDeadLetterDesk(server, looking),
    health: () => healthOf(server),
    blindSpot: () => server.blindSpot(),
    async close() {
      await looking.giveBackAll().catch(() => {});
      await server.close();
    },
  };
}

async function healthOf(server: AmqpServer): Promise<StoreHealth> {
  const { version, roundTripMs } = await server.ask((connection) =>
    connection.once(async (channel) => {
      const before = performance.now();
      await channel.checkExchange('amq.direct');
      return { version: connection.version.join('.'), roundTripMs: performance.now() - before };
    }),
  );
  const alarms = await server.alarms();
  return { engine: 'rabbitmq', version, roundTripMs, silentConsumers: [], ...(alarms.length === 0 ? {} : { alarms }) };
}
