/** Results as messages: each goes to who asked for it, so that this process is writer and reader. */
import { openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import { processOid } from '../../src/protocol/oid.js';
import type { ResultMeta } from '../../src/protocol/result-meta.js';
import type { ResultBackend } from '../../src/result-backend.js';
import { openResultBackend } from '../../src/result-backends/index.js';
import { forSuite } from '../support/for-suite.js';
import { sharedRabbit } from '../support/shared-rabbit.js';
import { describeWith } from '../support/requires.js';
import { resultMeta } from './metas.js';
import { describeResultBackendContract } from './result-backend.js';
import { chordCases } from './result-backend/chords.js';

const options = { transportOptions: {}, connectTimeoutMs: 10_000 };
const NO_CHORDS = 'nothing is kept where parts could be counted: chords are refused';
const NOT_KEPT = 'a result is kept by who waits for it, as long as that runs';

/** As a worker that was told where to answer; resolves when the answer has come in, for it comes behind all others. */
function toMyself(backend: ResultBackend): ResultBackend {
  const reply = (meta: ResultMeta): ResultMeta => ({ ...meta, reply: { queue: processOid(), correlationId: meta.taskId } });
  let sent = 0;
  return {
    displayUrl: backend.displayUrl,
    async store(meta) {
      sent += 1;
      const last = `last of ${sent}`;
      await Promise.all([backend.store(reply(meta)), backend.store(reply(resultMeta(last, 'SUCCESS')))]);
      await backend.wait(last, {});
    },
    load: (taskId) => backend.load(taskId),
    loadMany: (taskIds) => backend.loadMany(taskIds),
    wait: (taskId, wanted) => backend.wait(taskId, wanted),
    forget: (taskId) => backend.forget(taskId),
    close: () => backend.close(),
  };
}

describeWith('rabbitmq', 'on a virtual host of its own', () => {
  const rabbit = forSuite(sharedRabbit);

  describeResultBackendContract(
    'rpc',
    {
      settlesJointly: false,
      async start() {
        const url = await rabbit().freshVhost();
        const broker = openAmqpBroker(url, options);
        const messages = { broker: async () => broker, persistent: false };
        const backend = await openResultBackend('rpc://', { ...options, resultExpires: 86_400, messages });
        await backend.listen?.();
        return {
          open: async () => toMyself(backend),
          openBroker: async () => openAmqpBroker(url, options),
          stop: () => broker.close(),
        };
      },
    },
    {
      ...Object.fromEntries(chordCases.map(({ title }) => [title, NO_CHORDS])),
      'task ids of any form are kept apart': 'AMQP’s correlation ids have at most 255 bytes',
      'a later state replaces an earlier one, a failure too': 'states may overtake each other on their ways: an end stays',
      'a result expires after its seconds, and a success that has expired may be replaced': NOT_KEPT,
      'null and 0 seconds keep a result for ever': NOT_KEPT,
    },
  );
});
