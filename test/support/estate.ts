/**
 * An estate that real Celery made, and then made large: what Python put into Redis is copied under new ids,
 * so that twenty thousand results take a second and are still Celery's own bytes.
 */
import { randomUUID } from 'node:crypto';
import { eventually } from './eventually.js';
import { runPython, startCeleryWorker } from './python-celery.js';
import type { RedisServer } from './redis-server.js';
import { redisCommands } from './resp.js';

const SEP = '\x06\x16';

export interface EstateSize {
  /** Messages that wait, by queue. Of each ten one has priority 6, where there are ten. */
  readonly queues: Readonly<Record<string, number>>;
  /** Results: of each ten one FAILURE, the others SUCCESS. */
  readonly results: number;
  /** Chords of two parts, of which one is in. */
  readonly chords: number;
  /** Lists of replies whose clients are gone, with their bindings. */
  readonly replyQueues: number;
}

export interface PythonEstate {
  /** Ids by the name of the list, the next one to be taken first. */
  readonly waiting: ReadonlyMap<string, readonly string[]>;
  readonly results: readonly { readonly id: string; readonly state: 'SUCCESS' | 'FAILURE' }[];
  /** Ids of the groups of the chords. */
  readonly chords: readonly string[];
  /** A saved group and its members. */
  readonly group: { readonly id: string; readonly members: readonly string[] };
  readonly replyLists: readonly string[];
  /** The chord that Celery itself began: the part that is done, and the one whose message waits in the queue `parts`. */
  readonly chord: { readonly groupId: string; readonly done: string; readonly waiting: string };
}

interface Captured {
  readonly sample: string;
  readonly success: string;
  readonly failure: string;
  readonly group: { readonly id: string; readonly members: readonly string[] };
  readonly chord: PythonEstate['chord'];
}

/** Builds it in database 0 of a fresh server: broker and result backend. Takes some seconds. */
export async function buildPythonEstate(redis: RedisServer, size: EstateSize): Promise<PythonEstate> {
  const captured = await capture(redis);
  const waiting = new Map<string, string[]>();
  for (const [queue, count] of Object.entries(size.queues)) {
    await declare(redis, queue);
    const urgent = Math.floor(count / 10);
    await fill(redis, queue, { count: count - urgent, list: queue, sample: captured.sample, waiting });
    const pressing = captured.sample.replace('"priority": 0', '"priority": 6');
    if (urgent > 0) await fill(redis, queue, { count: urgent, list: `${queue}${SEP}6`, sample: pressing, waiting });
  }
  return {
    waiting,
    results: await storeResults(redis, size.results, captured),
    chords: await copyChords(redis, size.chords, captured.chord.groupId),
    group: captured.group,
    replyLists: await leaveReplies(redis, size.replyQueues),
    chord: captured.chord,
  };
}

/** What one Celery worker leaves behind that did a few tasks and went. */
async function capture(redis: RedisServer): Promise<Captured> {
  const sites = { broker: redis.url, backend: redis.url };
  const worker = await startCeleryWorker({ ...sites, pool: 'solo' });
  const captured = (await runPython(
    `
      success, failure = add.delay(1, 2), fail.delay("boom")
      parts = chord([add.s(1, 1), add.s(2, 2).set(queue="parts")], xsum.s())()
      saved = group(add.s(n, n) for n in range(3))()
      saved.save()
      done = parts.parent.results[0]
      success.get(timeout=30); done.get(timeout=30); saved.get(timeout=30)
      try:
          failure.get(timeout=30)
      except ValueError:
          pass
      add.apply_async((4, 5), kwargs=None, queue="sample")
      result = {
          "success": success.id, "failure": failure.id,
          "group": {"id": saved.id, "members": [child.id for child in saved.results]},
          "chord": {"groupId": parts.parent.id, "done": done.id, "waiting": parts.parent.results[1].id},
      }
    `,
    sites,
  )) as Pick<Captured, 'success' | 'failure' | 'group' | 'chord'>;
  await eventually(async () => Number(await redis.command('ZCARD', `celery-taskset-meta-${captured.chord.groupId}.j`)) === 1);
  await worker.stop();
  const [sample] = await redis.commands([
    ['RPOP', 'sample'],
    ['DEL', '_kombu.binding.sample'],
  ]);
  return { ...captured, sample: String(sample) };
}

/** As kombu binds a queue that was named with `apply_async(queue=…)`. */
async function declare(redis: RedisServer, queue: string): Promise<void> {
  await redis.command('SADD', `_kombu.binding.${queue}`, [queue, '', queue].join(SEP));
}

interface Filling {
  readonly list: string;
  readonly count: number;
  /** A message of Celery's for the queue `sample`. */
  readonly sample: string;
  readonly waiting: Map<string, string[]>;
}

async function fill(redis: RedisServer, queue: string, { list, count, sample, waiting }: Filling): Promise<void> {
  const [, id = ''] = /"id": "([^"]+)"/.exec(sample) ?? [];
  const [, tag = ''] = /"delivery_tag": "([^"]+)"/.exec(sample) ?? [];
  const template = sample.replaceAll('"sample"', JSON.stringify(queue));
  const ids: string[] = [];
  for (let left = count; left > 0; left -= 1000) {
    const items = Array.from({ length: Math.min(left, 1000) }, () => {
      const newId = randomUUID();
      ids.push(newId);
      return template.replaceAll(id, newId).replace(tag, randomUUID());
    });
    await redis.command('LPUSH', list, ...items);
  }
  waiting.set(list, ids);
}

async function storeResults(redis: RedisServer, count: number, { success, failure }: Captured): Promise<PythonEstate['results']> {
  const [good, bad] = (await redis.commands([
    ['GET', `celery-task-meta-${success}`],
    ['GET', `celery-task-meta-${failure}`],
  ])) as [string, string];
  const results = Array.from({ length: count }, (_none, index) => {
    const state = index % 10 === 9 ? ('FAILURE' as const) : ('SUCCESS' as const);
    return { id: randomUUID(), state };
  });
  await inChunks(
    results,
    (chunk) =>
      chunk.map(({ id, state }) => {
        const text = state === 'SUCCESS' ? good.replaceAll(success, id) : bad.replaceAll(failure, id);
        return ['SET', `celery-task-meta-${id}`, text, 'EX', 86_400];
      }),
    redis,
  );
  return results;
}

async function copyChords(redis: RedisServer, count: number, groupId: string): Promise<string[]> {
  const copies = Array.from({ length: count }, () => randomUUID());
  const keyOf = (id: string, part: string): string => `celery-taskset-meta-${id}.${part}`;
  await inChunks(
    copies,
    (chunk) => chunk.flatMap((id) => ['j', 's'].map((part) => ['COPY', keyOf(groupId, part), keyOf(id, part)])),
    redis,
  );
  return copies;
}

/** What stays of clients that ended between their question and the answer: list and binding, as kombu writes them. */
async function leaveReplies(redis: RedisServer, count: number): Promise<string[]> {
  const reply =
    '{"body": "eyJweUB0ZXN0IjogeyJvayI6ICJwb25nIn19", "content-encoding": "utf-8", "content-type": "application/json", "headers": {}, "properties": {"body_encoding": "base64", "delivery_mode": 1}}';
  const oids = Array.from({ length: count }, () => randomUUID());
  const listOf = (oid: string): string => `${oid}.reply.celery.pidbox`;
  await inChunks(
    oids,
    (chunk) =>
      chunk.flatMap((oid) => [
        ['LPUSH', listOf(oid), reply],
        ['SADD', '_kombu.binding.reply.celery.pidbox', [oid, '', listOf(oid)].join(SEP)],
      ]),
    redis,
  );
  return oids.map(listOf);
}

type RedisWords = readonly (string | number)[];

async function inChunks<Item>(
  items: readonly Item[],
  commandsOf: (chunk: readonly Item[]) => readonly RedisWords[],
  redis: RedisServer,
): Promise<void> {
  for (let at = 0; at < items.length; at += 500) await redisCommands(redis.port, commandsOf(items.slice(at, at + 500)));
}
