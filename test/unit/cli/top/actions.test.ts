import { describe, expect, it } from 'vitest';
import { type ActionParts, perform } from '../../../../src/cli/top/actions.js';
import type { Replies } from '../../../../src/remote-control/control.js';

function partsWith(replies: Replies): ActionParts {
  const answer = async (): Promise<Replies> => replies;
  const control = { terminate: answer, rateLimit: answer };
  return { app: { control }, signal: new AbortController().signal } as unknown as ActionParts;
}

describe('what became of an act', () => {
  it('begins with the worker that did it, not with those that never had the task', async () => {
    const replies = { 'js1@vm': { ok: 'terminate: tasks unknown' }, 'py1@vm': { ok: 'terminate: an-id' } };
    expect(await perform({ kind: 'terminate', id: 'an-id', task: 'tasks.slow' }, partsWith(replies))).toEqual({
      text: 'py1@vm: terminate: an-id; js1@vm: terminate: tasks unknown',
      tone: 'good',
    });
  });

  it('begins with what went wrong, unless it is only that others have no such task', async () => {
    const act = { kind: 'rate limit', task: 'tasks.slow', rate: '1/m' } as const;
    const done = { ok: 'new rate limit set successfully' };
    const mixed = await perform(act, partsWith({ 'a@h': { error: 'unknown task' }, 'b@h': done, 'c@h': { error: 'no rights' } }));
    expect(mixed.text).toMatch(/^c@h: refused: no rights; b@h: new rate limit .*; a@h: refused: unknown task$/);
  });
});
