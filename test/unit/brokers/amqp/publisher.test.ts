import { describe, expect, it } from 'vitest';
import { Publisher } from '../../../../src/brokers/amqp/publisher.js';
import type { AmqpConfirmChannel, AmqpConnection } from '../../../../src/connections/amqp.js';
import type { AmqpLink } from '../../../../src/connections/amqp/link.js';
import type { Topology } from '../../../../src/brokers/amqp/topology.js';
import { silentLogger } from '../../../../src/logger.js';
import { taskMessage, toQueue } from '../../../contract/messages.js';
import { FakeClock } from '../../../support/fake-clock.js';

const LIMIT_MS = 5_000;

type Confirm = (error: unknown) => void;

/** A publisher whose server confirms when the test says so. */
function publisherWithServer() {
  const clock = new FakeClock();
  const unconfirmed: Confirm[] = [];
  const channel = {
    on: () => {},
    publish: (...given: readonly unknown[]) => unconfirmed.push(given[4] as Confirm) > 0,
  } as unknown as AmqpConfirmChannel;
  const connection = { confirmChannel: async () => channel } as unknown as AmqpConnection;
  const link = { connection: async () => connection, now: connection } as unknown as AmqpLink;
  const topology = {} as Topology;
  const publisher = new Publisher({ link, topology, clock, logger: silentLogger, limitMs: LIMIT_MS, told: (failure) => failure });
  const endings: string[] = [];
  const publish = (id: string) => {
    publisher.publish(taskMessage(id), toQueue('q')).then(
      () => endings.push(`${id} confirmed`),
      (error: unknown) => endings.push(`${id}: ${(error as Error).message}`),
    );
  };
  return { clock, publish, endings, confirmOldest: () => unconfirmed.shift()?.(null), confirmNewest: () => unconfirmed.pop()?.(null) };
}

describe('a publisher', () => {
  it('gives a message up that is not confirmed in time', async () => {
    const { clock, publish, endings } = publisherWithServer();
    publish('a');
    await clock.advance(LIMIT_MS - 500);
    expect(endings).toEqual([]);
    await clock.advance(1_000);
    expect(endings).toEqual(['a: the message was not confirmed in time']);
  });

  it('gives none up while the ones before it get through, however long all of them take', async () => {
    const { clock, publish, endings, confirmOldest } = publisherWithServer();
    for (const id of ['a', 'b', 'c', 'd']) publish(id);
    for (let round = 0; round < 4; round += 1) {
      await clock.advance(LIMIT_MS - 500);
      confirmOldest();
    }
    await clock.advance(0);
    expect(endings).toEqual(['a confirmed', 'b confirmed', 'c confirmed', 'd confirmed']);
  });

  it('gives one up that stays behind for a minute while others get through', async () => {
    const { clock, publish, endings, confirmNewest } = publisherWithServer();
    publish('stuck');
    await clock.advance(1);
    for (let second = 0; second < 62; second += 1) {
      publish(`m${second}`);
      await clock.advance(1_000);
      confirmNewest();
    }
    await clock.advance(0);
    expect(endings).toContain('stuck: the message was not confirmed in time');
    expect(endings.filter((ending) => ending.endsWith('confirmed'))).toHaveLength(62);
  });
});
