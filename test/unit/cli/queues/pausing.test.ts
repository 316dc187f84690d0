import { expect, it } from 'vitest';
import { type PausingParts, resumeQueue } from '../../../../src/cli/queues/pausing.js';

it('forgets who was told to stop only after they were told to go on', async () => {
  const stopped = new Map([['mail', ['py@a', 'py@b']]]);
  const asked: unknown[] = [];
  let broken = true;
  const parts = {
    app: {
      control: {
        gather: async (method: string, args: unknown, { destination }: { readonly destination: readonly string[] }) => {
          if (broken) throw new Error('interrupted');
          asked.push([method, args, destination]);
          return [{ nodename: 'py@a', value: { ok: 'add consumer mail' } }];
        },
      },
    },
    desk: {
      stopped: async (name: string) => stopped.get(name),
      resume: async ([name = '']: readonly string[]) => void stopped.delete(name),
    },
    signal: new AbortController().signal,
  } as unknown as PausingParts;
  await expect(resumeQueue(parts, 'mail')).rejects.toThrow('interrupted');
  broken = false;
  expect(await resumeQueue(parts, 'mail')).toEqual({ queue: 'mail', changed: true, told: ['py@a', 'py@b'], silent: ['py@b'] });
  expect(asked).toEqual([['add_consumer', { queue: 'mail' }, ['py@a', 'py@b']]]);
  expect(await resumeQueue(parts, 'mail')).toEqual({ queue: 'mail', changed: false, told: [], silent: [] });
});
