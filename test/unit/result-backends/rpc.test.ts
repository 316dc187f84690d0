import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker.js';
import { openMemoryBroker } from '../../../src/brokers/memory/broker.js';
import { processOid } from '../../../src/protocol/oid.js';
import type { ResultMeta } from '../../../src/protocol/result-meta.js';
import type { ResultBackend } from '../../../src/result-backend.js';
import { openRpcResultBackend } from '../../../src/result-backends/rpc.js';

const opened: { close(): Promise<void> }[] = [];

async function start(): Promise<{ readonly broker: Broker; readonly backend: ResultBackend }> {
  const broker = await openMemoryBroker(`memory://${randomUUID()}`);
  const messages = { broker: async () => broker, persistent: false };
  const backend = await openRpcResultBackend('rpc://', { transportOptions: {}, resultExpires: 60, connectTimeoutMs: 1_000, messages });
  opened.push(backend, broker);
  return { broker, backend };
}

function meta(taskId: string, status: string, queue = processOid()): ResultMeta {
  const ended = status === 'SUCCESS';
  const reply = { queue, correlationId: taskId };
  return { taskId, status, result: ended ? 7 : null, traceback: null, children: [], dateDone: null, reply };
}

describe('results that travel as messages', () => {
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  it('come to who asked for them, with the states on the way', async () => {
    const { backend } = await start();
    await backend.listen?.();
    const seen: string[] = [];
    const waiting = backend.wait('a', { onUpdate: ({ status }) => void seen.push(status) });
    await backend.store(meta('a', 'STARTED'));
    await backend.store(meta('a', 'SUCCESS'));
    expect(await waiting).toMatchObject({ taskId: 'a', status: 'SUCCESS', result: 7 });
    expect(seen).toEqual(['STARTED']);
  });

  it('wait for whoever asks later, and an end is not taken back', async () => {
    const { backend } = await start();
    await backend.listen?.();
    await backend.store(meta('a', 'SUCCESS'));
    await backend.store(meta('a', 'STARTED'));
    await backend.store(meta('b', 'SUCCESS'));
    await backend.wait('b', {});
    expect(await backend.loadMany(['a', 'b', 'c'])).toEqual([
      expect.objectContaining({ status: 'SUCCESS' }),
      expect.objectContaining({ status: 'SUCCESS' }),
      undefined,
    ]);
    await backend.forget('a');
    expect(await backend.load('a')).toBeUndefined();
  });

  it('go nowhere when nobody asked, and to nobody else', async () => {
    const { broker, backend } = await start();
    await backend.listen?.();
    const { reply: _reply, ...unasked } = meta('a', 'SUCCESS');
    await backend.store(unasked);
    await backend.store(meta('b', 'SUCCESS', 'another-process'));
    expect(await broker.depth('another-process')).toBe(1);
    expect(await backend.loadMany(['a', 'b'])).toEqual([undefined, undefined]);
  });

  it('end their waits when the backend closes, or the caller has enough', async () => {
    const { backend } = await start();
    const abort = new AbortController();
    const given = backend.wait('a', { signal: abort.signal });
    const closed = backend.wait('b', {});
    await backend.listen?.();
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    const failed = expect(closed).rejects.toThrow('closed');
    await backend.close();
    await failed;
  });
});
