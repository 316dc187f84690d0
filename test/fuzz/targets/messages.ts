/** What is read of strangers without a worker: remote control, events, results, bodies of any kind. */
import { describeMessage } from '../../../src/protocol/message-description.js';
import { decodeEnvelope } from '../../../src/protocol/envelope.js';
import { decodeEvents } from '../../../src/protocol/events.js';
import { decodeException } from '../../../src/protocol/exception.js';
import type { Message } from '../../../src/protocol/message.js';
import { decodeResultMeta } from '../../../src/protocol/result-meta.js';
import { acceptedContent, deserialize, serialize, type Serialized } from '../../../src/protocol/serializers.js';
import { ANYBODY, packSigned } from '../../../src/protocol/signing.js';
import { ClusterState } from '../../../src/events/cluster-state.js';
import { commandTable, remoteCommands } from '../../../src/remote-control/commands/index.js';
import { Mailbox } from '../../../src/remote-control/mailbox.js';
import { silentLogger } from '../../../src/logger.js';
import { FakeWorker } from '../../support/fake-worker.js';
import { PublishingBroker } from '../../support/publishing-broker.js';
import { mutateBytes, mutateText, mutateValue } from '../mutate.js';
import type { Random } from '../random.js';
import { inventedValues, messageTexts, mutateEnvelope, parseLoosely, publishedTexts, resultTexts, safeJson } from '../seeds.js';
import { type Target, tolerate, tolerateAsync } from '../target.js';

const ALL = acceptedContent(['json', 'yaml', 'msgpack', 'auth'], ANYBODY);

function readEnvelope(text: string): Message | undefined {
  let message: Message | undefined;
  tolerate(() => {
    message = decodeEnvelope(text);
  });
  return message;
}

/** `ctq queues peek`, `ctq find`, `ctq purge`: any message, described for people. */
export function describedTarget(): Target {
  return {
    name: 'described',
    make: (random) => mutateEnvelope(random.pick(messageTexts), random),
    async read(text) {
      const message = readEnvelope(text);
      if (message !== undefined) await describeMessage(message);
    },
  };
}

/** Bodies as yaml, msgpack, signed messages and compressed ones, with wrong bytes in them. */
export function bodiesTarget(): Target {
  return {
    name: 'bodies',
    make: (random) => {
      const { contentType, contentEncoding, body } = bodyOf(random);
      return safeJson({ contentType, contentEncoding, body: mutateBytes(body, random).toString('base64') });
    },
    read(text) {
      const { contentType, contentEncoding, body } = JSON.parse(text) as { contentType: string; contentEncoding: string; body: string };
      tolerate(() => deserialize({ contentType, contentEncoding, body: Buffer.from(body, 'base64') }, ALL));
    },
  };
}

function bodyOf(random: Random): Serialized {
  // As another program would: what we refuse to write is for us to read, too.
  const value = random.pick(inventedValues());
  const json: Serialized = { contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from(safeJson(value)) };
  if (random.oneIn(3)) {
    const signature = Buffer.alloc(8, random.below(256));
    return packSigned({ signer: 'CA 1', signature, content: json }, random.pick(['5.2', '5.5']));
  }
  try {
    return serialize(random.pick(['yaml', 'msgpack']), value);
  } catch {
    return json;
  }
}

/** A worker's mailbox with all commands behind it. */
export function pidboxTarget(): Target {
  const texts = publishedTexts('pidbox');
  let worker = new FakeWorker();
  let broker = new PublishingBroker();
  let box = open();

  function open(): Mailbox {
    worker = new FakeWorker();
    Object.assign(worker, { logger: silentLogger });
    broker = new PublishingBroker();
    worker.attributes.set('tasks.echo', {});
    return new Mailbox({
      ...{ broker, worker, commands: commandTable(remoteCommands), namespace: 'celery', limits: { ttlS: 300, expiresS: 10 } },
      ...{ allowed: null, monotonicMs: () => performance.now() },
    });
  }
  return {
    name: 'pidbox',
    make: (random) => mutateEnvelope(random.pick(texts), random),
    read(text) {
      const message = readEnvelope(text);
      if (message !== undefined) box.receive(message);
    },
    async settle() {
      await new Promise((resolve) => setImmediate(resolve));
      box = open();
    },
  };
}

export function eventsTarget(): Target {
  const texts = publishedTexts('events');
  let state = new ClusterState();
  return {
    name: 'events',
    make: (random) => mutateEnvelope(random.pick(texts), random),
    read(text) {
      const message = readEnvelope(text);
      if (message === undefined) return;
      tolerate(() => {
        for (const event of decodeEvents(message, ALL)) state.event({ ...event, clock: 1, local_received: 1_800_000_000 });
      });
    },
    async settle() {
      if (state.tasks.size > 50_000) throw new Error(`the state of the cluster has grown to ${state.tasks.size} tasks`);
      state = new ClusterState();
    },
  };
}

export function resultsTarget(): Target {
  return {
    name: 'results',
    make: (random) => {
      const text = random.pick(resultTexts);
      return random.oneIn(3) ? mutateText(text, random) : safeJson(mutateValue(parseLoosely(text), random, inventedValues()));
    },
    async read(text) {
      await tolerateAsync(() => {
        const meta = decodeResultMeta(text, 'an-id');
        decodeException(meta.result, meta.traceback);
      });
    },
  };
}
