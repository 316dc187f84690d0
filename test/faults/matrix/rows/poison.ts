/** M15: malformed messages, each followed by a good one. */
import type { OwnedProcess } from '../../../support/owned-process.js';
import { BAD, ODD_BUT_GOOD } from '../../../support/bad-messages.js';
import type { Measured, Row } from '../row.js';
import type { Stage } from '../stage.js';

const PATIENCE_S = 8;

async function malformed(stage: Stage): Promise<Measured> {
  await stage.open();
  let worker: OwnedProcess = await stage.worker();
  const cases = [...Object.entries(BAD), ...Object.entries(ODD_BUT_GOOD)];
  const some = stage.short ? cases.slice(0, 10) : cases;
  const ended: string[] = [];
  const hung: string[] = [];
  let slowestS = 0;
  for (const [index, [name, raw]] of some.entries()) {
    await stage.redis.command('LPUSH', 'celery', raw);
    const sentMs = Date.now();
    const good = `good-${index}`;
    await stage.send(good);
    await stage.until(() => stage.book.ended(good) > 0 || worker.ending !== undefined, PATIENCE_S, 10);
    if (stage.book.ended(good) > 0 && worker.ending === undefined) {
      slowestS = Math.max(slowestS, ((stage.book.run(good)?.lastEndedMs ?? sentMs) - sentMs) / 1000);
      continue;
    }
    (worker.ending === undefined ? hung : ended).push(name);
    await worker.kill();
    // Left there, it would end the next one too.
    await stage.redis.command('DEL', 'celery', 'unacked', 'unacked_index');
    if (stage.book.ended(good) === 0) stage.book.unsent(good);
    worker = await stage.worker();
  }
  const dead = Number(await stage.redis.command('LLEN', 'ctq:dead:celery'));
  return {
    ...(await stage.figures()),
    recoveryS: slowestS,
    note: `${some.length} malformed messages: ${ended.length} ended the worker, ${hung.length} hung it${stage.system === 'ctq' ? `; ${dead} dead letters` : ''}; back after: the slowest good task`,
    also: { 'no worker ends': ended.length === 0, 'none hangs': hung.length === 0 },
  };
}

export const POISON: readonly Row[] = [
  {
    id: 'M15',
    fault: 'malformed messages, each followed by a good task',
    goal: { words: '0 crashes, 0 hangs, no good task later than 1 s', lost: 0, repeated: 0, recoveryS: 1 },
    scenarios: [{ engine: 'redis', run: malformed }],
    tests: ['faults/bad-messages.test.ts'],
  },
];
