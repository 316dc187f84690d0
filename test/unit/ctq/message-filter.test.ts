import { describe, expect, it } from 'vitest';
import { messageFilter, taskNameOf } from '../../../src/ctq/message-filter.js';
import type { StoredMessage } from '../../../src/estate/messages.js';
import { readMessage } from '../../../src/estates/stored.js';

function stored(envelope: Readonly<Record<string, unknown>>, publishedAtMs?: number): StoredMessage {
  const raw = Buffer.from(JSON.stringify(envelope));
  const position = Math.random();
  return {
    queue: 'q',
    place: 'ready',
    priority: 0,
    position,
    raw,
    message: readMessage(raw),
    ...(publishedAtMs === undefined ? {} : { publishedAtMs }),
  };
}

const task = (name: string, publishedAtMs?: number): StoredMessage =>
  stored({ headers: { task: name, id: 'x' }, body: '', properties: {} }, publishedAtMs);

describe('messageFilter', () => {
  it('is none when nothing is asked for', () => {
    expect(messageFilter({})).toBeUndefined();
  });

  it('chooses by name, of old messages by the name in their body', () => {
    const filter = messageFilter({ task: 'tasks.mail.*' });
    const old = { headers: {}, 'content-type': 'application/json', body: '{"task": "tasks.mail.old", "id": "1"}', properties: {} };
    expect([task('tasks.mail.daily'), task('tasks.mail'), stored(old)].map((one) => filter?.wants(one))).toEqual([true, false, true]);
    expect(taskNameOf(stored({ ...old, body: 'no json' }))).toBeUndefined();
  });

  it('chooses by age, and leaves alone what does not say its own', () => {
    const filter = messageFilter({ sentBeforeMs: 1_000 });
    expect([task('a', 999), task('a', 1_000), task('a')].map((one) => filter?.wants(one))).toEqual([true, false, false]);
    expect(filter?.ageless()).toBe(1);
  });
});
