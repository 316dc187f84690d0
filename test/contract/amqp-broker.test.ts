import { openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import { REASON_HEADER } from '../../src/brokers/amqp/wire.js';
import { forSuite } from '../support/for-suite.js';
import { sharedRabbit } from '../support/shared-rabbit.js';
import { describeWith } from '../support/requires.js';
import { describeBrokerContract } from './broker.js';
import { deadLettersOf } from './amqp-letters.js';

const ALWAYS_A_MESSAGE = 'whatever AMQP delivers is a message: what is wrong inside is for the worker to say';

describeWith('rabbitmq', 'on a virtual host of its own', () => {
  const rabbit = forSuite(sharedRabbit);

  describeBrokerContract(
    'amqp',
    {
      priorityOrder: 'highest-first',
      prioritySteps: [0, 3, 6, 9],
      redeliveryCount: 'exact',
      async start() {
        const url = await rabbit().freshVhost();
        return {
          open: async () => openAmqpBroker(url, { transportOptions: {}, connectTimeoutMs: 20_000, amqp: { delayedQueueType: 'classic' } }),
          deadLetters: (queue) => deadLettersOf(url, queue, REASON_HEADER),
          stop: async () => {},
        };
      },
    },
    {
      'hands a message over as it was sent':
        'AMQP’s whole numbers have 64 bits, and this one more; wire.test.ts and amqp-interop hold us to the rest',
      'requeue to the front makes it the next one':
        'RabbitMQ 3 may send a channel the next message before it has put this one back in its place; that it gets that place is tested here, too',
      'a requeued message keeps its priority':
        'a queue has priorities only when it is declared with x-max-priority; see amqp-queues.test.ts',
      'something that is no message is reported and put aside, and the next good message comes': ALWAYS_A_MESSAGE,
      'a flood of malformed items does not use up the prefetch': ALWAYS_A_MESSAGE,
      'malformed items are kept among the dead letters with a reason, where there are any': ALWAYS_A_MESSAGE,
    },
  );
});
