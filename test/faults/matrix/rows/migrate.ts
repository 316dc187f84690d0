/** M38: messages on their way to another broker, and to a third one. */
import { openBroker } from '../../../../src/brokers/index.js';
import { Ctq } from '../../../../src/index.js';
import { startCtq } from '../../../support/ctq-process.js';
import { startRabbit } from '../../../support/rabbitmq-server.js';
import { tmpFolder } from '../../../support/tmp.js';
import type { Measured, Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';

const AT_ONCE = 5_000;
const PAGE = 2_000;

/** Redis to RabbitMQ to SQLite; each leg is killed when half of it has arrived, and gone on with by the same command. */
async function migrated(stage: Stage): Promise<Measured> {
  await stage.open();
  const rabbit = await startRabbit();
  stage.atClose(() => rabbit.stop());
  const file = `sqlite://${tmpFolder()}/ctq.db`;
  const count = stage.few(100_000);
  const sent: string[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => stage.app.sendTask('tasks.work', [from + index, 0]));
    await Promise.all(some.map(({ published }) => published));
    sent.push(...some.map(({ id }) => id));
  }
  const legs: string[] = [];
  const counts: number[] = [];
  for (const [from, to, name] of [
    [stage.url, rabbit.url, 'Redis to RabbitMQ'],
    [rabbit.url, file, 'RabbitMQ to SQLite'],
  ] as const) {
    const startedMs = Date.now();
    const there = await moved(from, to, count);
    counts.push(await depth(to));
    legs.push(`${name} ${Math.round((Date.now() - startedMs) / 1000)} s, killed at ${there}`);
  }
  const ids = await idsAt(file);
  const distinct = new Set(ids);
  return {
    sent: count,
    executed: distinct.size,
    lost: sent.filter((id) => !distinct.has(id)).length,
    repeated: ids.length - distinct.size,
    note: `executed: what is in the file; ${legs.join('; ')}`,
    also: { 'as many in RabbitMQ, and in the file': counts.every((one) => one === count) },
  };
}

/** How many had arrived when the first one was killed. */
async function moved(from: string, to: string, count: number): Promise<number> {
  const argv = ['migrate', from, to, '-Q', 'celery', '-q'];
  const first = startCtq(argv, { cwd: tmpFolder() });
  let there = 0;
  while (first.ending === undefined && there < count / 2) {
    await sleep(0.02);
    there = await depth(to);
  }
  await first.kill();
  const second = startCtq(argv, { cwd: tmpFolder() });
  while (second.ending === undefined) await sleep(0.05);
  if (second.ending.code !== 0) throw new Error(`ctq migrate ended with ${second.ending.code ?? second.ending.signal}: ${second.output}`);
  return there;
}

async function depth(url: string): Promise<number> {
  const broker = await openBroker(url, { transportOptions: {}, connectTimeoutMs: 10_000 });
  try {
    return await broker.depth('celery');
  } finally {
    await broker.close();
  }
}

async function idsAt(url: string): Promise<string[]> {
  const app = new Ctq('looker', { brokerUrl: url });
  try {
    const [estate] = await app.estates();
    const ids: string[] = [];
    for (;;) {
      const page = (await estate?.messages.page('celery', ids.length, PAGE)) ?? [];
      ids.push(...page.map(({ message }) => String(message?.headers['id'])));
      if (page.length < PAGE) return ids;
    }
  } finally {
    await app.close();
  }
}

export const MIGRATE: readonly Row[] = [
  {
    id: 'M38',
    fault: 'ctq migrate, Redis to RabbitMQ to SQLite, 100,000 messages, killed half-way in each leg and begun again',
    goal: { words: '0 lost, 0 twice, equal counts', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', systems: ['ctq'], run: migrated }],
    tests: ['faults/migrate-rabbitmq.test.ts', 'faults/migrate-killed.test.ts'],
  },
];
