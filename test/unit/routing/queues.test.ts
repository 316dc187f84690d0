import { describe, expect, it } from 'vitest';
import { Queues, type QueueSettings } from '../../../src/routing/queues.js';

const settings: QueueSettings = {
  taskQueues: null,
  taskDefaultQueue: 'celery',
  taskDefaultExchange: null,
  taskDefaultExchangeType: 'direct',
  taskDefaultRoutingKey: null,
  taskCreateMissingQueues: true,
  taskQueueMaxPriority: null,
};

describe('the kinds of queues', () => {
  it('are left to the server unless the settings say quorum', () => {
    const queues = new Queues({ ...settings, taskDefaultQueueType: 'classic', taskCreateMissingQueueType: 'classic' });
    expect([queues.default.arguments, queues.get('other').arguments]).toEqual([undefined, undefined]);
  });

  it('are set for the default queue and for those that are made by name, and not for those that are described', () => {
    const taskQueues = ['described'];
    const queues = new Queues({ ...settings, taskQueues, taskDefaultQueueType: 'quorum', taskCreateMissingQueueType: 'quorum' });
    const quorum = { 'x-queue-type': 'quorum' };
    expect([queues.default.arguments, queues.get('other').arguments]).toEqual([quorum, quorum]);
    expect(queues.get('described').arguments).toBeUndefined();
  });

  it('and the type of their exchange is that of the settings for those that are made by name alone', () => {
    const queues = new Queues({ ...settings, taskQueues: ['described'], taskCreateMissingQueueExchangeType: 'topic' });
    expect([queues.get('other').exchange.type, queues.get('described').exchange.type]).toEqual(['topic', 'direct']);
  });
});
