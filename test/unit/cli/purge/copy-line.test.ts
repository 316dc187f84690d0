import { describe, expect, it } from 'vitest';
import { copyLine, readCopyLine, removedMessage } from '../../../../src/cli/purge/copy-line.js';
import type { RemovedMessage } from '../../../../src/estate/messages.js';
import { readMessage } from '../../../../src/estates/stored.js';

function removed(raw: Uint8Array, more: Partial<RemovedMessage> = {}): RemovedMessage {
  return { queue: 'mail', place: 'ready', priority: 3, position: 0, number: 7, raw, message: readMessage(raw), ...more };
}

function envelope(body: string, headers: Readonly<Record<string, unknown>> = {}, contentType = 'application/json'): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      body: Buffer.from(body).toString('base64'),
      'content-type': contentType,
      'content-encoding': 'utf-8',
      headers: { task: 'tasks.add', id: 'the-id', ...headers },
      properties: { body_encoding: 'base64', priority: 4 },
    }),
  );
}

const PLAIN = '[[1, 2.0], {"a": 9007199254740993}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]';

describe('a line of a copy', () => {
  it('gives the message back byte for byte, text or not', async () => {
    for (const raw of [envelope(PLAIN), Buffer.from([0, 255, 10, 13, 34]), Buffer.from('ünïcode \u2028 "quoted"\n'), Buffer.alloc(0)]) {
      const line = await copyLine(removed(raw), 'purge-1', 'redis://here');
      expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(true);
      const read = readCopyLine(line);
      expect(read).toMatchObject({ purge: 'purge-1', broker: 'redis://here', number: 7, queue: 'mail', priority: 3 });
      expect(Buffer.compare(Buffer.from(removedMessage(read as NonNullable<typeof read>).raw), Buffer.from(raw))).toBe(0);
    }
  });

  it('keeps what its engine wants to know, and the time of a delayed one', async () => {
    const more = { place: 'delayed', dueAtMs: 1_800_000_000_000, publishedAtMs: 5, whereabouts: { tag: 't', id: 3 } } as const;
    const read = readCopyLine(await copyLine(removed(envelope(PLAIN), more), 'p', 'b'));
    expect(removedMessage(read as NonNullable<typeof read>)).toMatchObject(more);
  });

  it('says the call beside it, large numbers whole', async () => {
    const line = await copyLine(removed(envelope(PLAIN, { eta: '2030-01-01T00:00:00+00:00', timelimit: [10, 5] })), 'p', 'b');
    expect(line).toContain('"args": [1,2]');
    expect(line).toContain('9007199254740993');
    expect(JSON.parse(line)).toMatchObject({
      task: 'tasks.add',
      options: { task_id: 'the-id', queue: 'mail', priority: 4, eta: '2030-01-01T00:00:00+00:00', time_limit: 10, soft_time_limit: 5 },
    });
  });

  it('says no call where that would not be all: chains, chords, pickles', async () => {
    const step = '{"task": "tasks.next", "args": [], "kwargs": {}, "options": {}}';
    const bodies = [
      envelope(`[[1], {}, {"callbacks": null, "errbacks": null, "chain": [${step}], "chord": null}]`),
      envelope(`[[1], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": ${step}}]`),
      envelope('\x80\x04K\x01.', {}, 'application/x-python-serialize'),
    ];
    for (const raw of bodies) expect(Object.keys(JSON.parse(await copyLine(removed(raw), 'p', 'b')) as object)).toEqual(['purged']);
  });

  it('is none when anything is missing', () => {
    for (const text of ['', '{}', 'null', '{"purged": 1}', '{"purged": {"purge": "p", "number": 1}}'])
      expect(readCopyLine(text)).toBeUndefined();
  });
});
