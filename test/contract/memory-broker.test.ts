import { randomUUID } from 'node:crypto';
import { openMemoryBroker } from '../../src/brokers/memory/broker.js';
import { describeBrokerContract } from './broker.js';
import { messageId } from './delivery-log.js';

const NO_RAW_BYTES = 'the memory broker holds messages, not bytes: nothing malformed can get in';

describeBrokerContract(
  'memory',
  {
    priorityOrder: 'lowest-first',
    prioritySteps: [0, 3, 6, 9],
    redeliveryCount: 'exact',
    async start() {
      const url = `memory://${randomUUID()}`;
      return {
        open: () => openMemoryBroker(url),
        deadLetters: async (queue) =>
          (await openMemoryBroker(url)).deadLetters(queue).map(({ message, reason }) => ({ id: messageId(message), reason })),
        stop: async () => {},
      };
    },
  },
  {
    'something that is no message is reported and put aside, and the next good message comes': NO_RAW_BYTES,
    'a flood of malformed items does not use up the prefetch': NO_RAW_BYTES,
    'malformed items are kept among the dead letters with a reason, where there are any': NO_RAW_BYTES,
  },
);
