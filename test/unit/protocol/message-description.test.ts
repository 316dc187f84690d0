import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/protocol/message.js';
import { describeMessage } from '../../../src/protocol/message-description.js';

const chord = { task: 'tasks.sum', args: [], kwargs: {}, options: { task_id: 'body' } };
const body = JSON.stringify([[1, 2], { n: 3 }, { callbacks: null, errbacks: null, chain: null, chord }]);

function message(change: Partial<Message> = {}): Message {
  return {
    headers: { id: 'an-id', task: 'tasks.add', lang: 'py' },
    properties: { correlationId: 'an-id', priority: 3, deliveryInfo: { exchange: '', routingKey: 'mail' }, extra: { app_id: 'x' } },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from(body),
    ...change,
  };
}

describe('a message, described', () => {
  it('shows arguments, what follows, and properties by their wire names', async () => {
    expect(await describeMessage(message())).toMatchObject({
      ...{ id: 'an-id', task: 'tasks.add', args: [1, 2], kwargs: { n: 3 }, chord, problem: null, pickle: null, compression: null },
      properties: { correlation_id: 'an-id', priority: 3, delivery_info: { exchange: '', routing_key: 'mail' }, app_id: 'x' },
      body_bytes: body.length,
    });
  });

  it('is inflated, up to a limit', async () => {
    const zipped = message({ headers: { id: 'i', task: 't', compression: 'application/x-gzip' }, body: deflateSync(body) });
    expect(await describeMessage(zipped)).toMatchObject({ args: [1, 2], compression: 'application/x-gzip' });
    expect(await describeMessage(zipped, { maxBytes: 90 })).toMatchObject({ id: 'i', args: null, problem: 'body is larger than 90 bytes' });
  });

  it('with a pickled body is told without loading it', async () => {
    const pickled = message({
      contentType: 'application/x-python-serialize',
      contentEncoding: 'binary',
      body: Buffer.from('gAJjcG9zaXgKc3lzdGVtCnEAWBAAAAB0b3VjaCAvdG1wL3B3bmVkcQGFcQJScQMu', 'base64'),
    });
    expect(await describeMessage(pickled)).toMatchObject({
      task: 'tasks.add',
      args: null,
      pickle: { protocol: 2, globals: ['posix.system'] },
    });
  });

  it('whose body is nonsense still has its headers', async () => {
    const broken = await describeMessage(message({ body: Buffer.from('[[1, 2') }));
    expect(broken).toMatchObject({ id: 'an-id', task: 'tasks.add', args: null });
    expect(broken.problem).not.toBeNull();
  });
});
