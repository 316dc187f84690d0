import { describe, expect, it } from 'vitest';
import { encodeResultMeta, type ResultMeta } from '../../../src/protocol/result-meta.js';
import { Waits } from '../../../src/result-backends/waits.js';

function meta(taskId: string, status: string): ResultMeta {
  return { taskId, status, result: null, traceback: null, children: [], dateDone: null };
}

function start(): { readonly waits: Waits; readonly calls: string[] } {
  const calls: string[] = [];
  const waits = new Waits({ began: (taskId) => void calls.push(`began ${taskId}`), ended: (taskId) => void calls.push(`ended ${taskId}`) });
  return { waits, calls };
}

describe('those who wait for results', () => {
  it('are told each state once, however often it is looked at or announced', async () => {
    const { waits } = start();
    const seen: string[] = [];
    const waiting = waits.wait('a', { onUpdate: ({ status }) => void seen.push(status) });
    const started = encodeResultMeta(meta('a', 'STARTED'));
    waits.hearText('a', started);
    waits.hearText('a', started);
    waits.hearText('b', encodeResultMeta(meta('b', 'SUCCESS')));
    waits.hearText('a', encodeResultMeta(meta('a', 'SUCCESS')));
    expect((await waiting).status).toBe('SUCCESS');
    expect(seen).toEqual(['STARTED']);
  });

  it('are told what is there although others were told it before', async () => {
    const { waits, calls } = start();
    const seen: number[] = [];
    const both = [1, 2].map((number) => waits.wait('a', { onUpdate: () => void seen.push(number) }));
    expect(calls).toEqual(['began a', 'began a']);
    waits.hear('a', meta('a', 'STARTED'), 'text');
    const third = waits.wait('a', { onUpdate: () => void seen.push(3) });
    waits.hear('a', meta('a', 'STARTED'), 'text');
    expect(seen).toEqual([1, 2, 3]);
    waits.hear('a', meta('a', 'REVOKED'), '');
    expect((await Promise.all([...both, third])).map(({ status }) => status)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(calls.at(-1)).toBe('ended a');
    expect(waits.size).toBe(0);
  });

  it('leave with the reason of their signal, the last one for good', async () => {
    const { waits, calls } = start();
    const stop = new AbortController();
    const gone = waits.wait('a', { signal: stop.signal });
    const stays = waits.wait('a', {});
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(gone).rejects.toBe(reason);
    expect(calls).not.toContain('ended a');
    waits.failAll(new Error('closed'));
    await expect(stays).rejects.toThrow('closed');
    expect(calls.at(-1)).toBe('ended a');
    await expect(waits.wait('a', { signal: stop.signal })).rejects.toBe(reason);
    expect(waits.size).toBe(0);
  });

  it('hear of a text that nobody can read', async () => {
    const { waits } = start();
    const waiting = waits.wait('a', {});
    waits.hearText('a', 'no JSON');
    await expect(waiting).rejects.toThrow();
  });
});
