import { expect, it } from 'vitest';
import { Round } from '../../../../src/cli/top/round.js';

it('asks each question once, whoever wants the answer, and tells everybody how many have it', async () => {
  const asked: string[] = [];
  const round = new Round({
    control: {
      async gather(method, _args, { onSent }) {
        asked.push(method);
        onSent?.(3);
        return [{ nodename: 'a@h', value: method }];
      },
    },
    patienceS: 0.5,
    signal: new AbortController().signal,
  });
  const reached: (number | undefined)[] = [];
  const to = { onSent: (count: number | undefined) => void reached.push(count) };
  const answers = await Promise.all([
    round.ask('stats'),
    round.gather('stats', {}, to),
    round.gather('active_queues', {}, to),
    round.ask('stats'),
  ]);
  expect(asked).toEqual(['stats', 'active_queues']);
  expect(reached).toEqual([3, 3]);
  expect(answers[0]).toEqual({ replies: [{ nodename: 'a@h', value: 'stats' }], reached: 3 });
  expect(answers[1]).toEqual([{ nodename: 'a@h', value: 'stats' }]);
});
