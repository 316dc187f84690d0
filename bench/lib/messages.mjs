/** Celery's own texts, as many a second as Redis takes: every worker that speaks Celery drains the same bytes. */
import { randomUUID } from 'node:crypto';

/** So many messages go in one command, fewer where they are large. */
const PAGE = 1000;
const PAGE_BYTES = 8_000_000;

/** A message of protocol 2 as kombu's Redis transport writes it. */
export function messageText({ id, queue = 'celery', task = 'tasks.add', args = [4, 5], ignoreResult = false }) {
  const body = Buffer.from(JSON.stringify([args, {}, { callbacks: null, errbacks: null, chain: null, chord: null }])).toString('base64');
  return `{"body": "${body}", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"lang": "py", "task": "${task}", "id": "${id}", "shadow": null, "eta": null, "expires": null, "group": null, "group_index": null, "retries": 0, "timelimit": [null, null], "root_id": "${id}", "parent_id": null, "argsrepr": "(4, 5)", "kwargsrepr": "{}", "origin": "gen12230@host", "ignore_result": ${ignoreResult}}, "properties": {"correlation_id": "${id}", "reply_to": "5da80a45-0bbc-3e16-9ff1-92fff559c87e", "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "${queue}"}, "priority": 0, "body_encoding": "base64", "delivery_tag": "${randomUUID()}"}}`;
}

/** A stored result as Celery writes it. */
export function resultText(id) {
  return `{"status": "SUCCESS", "result": 9, "traceback": null, "children": [], "date_done": "2026-11-21T17:01:41.610996", "task_id": "${id}"}`;
}

/**
 * Lays `count` messages into the queue, oldest first.
 *
 * @param message What {@link messageText} takes beside the id, or a function from the index to that.
 * @param key Where else to lay them than into the queue's own list.
 * @returns The ids of the page in the middle.
 */
export async function fillQueue(redis, count, message, key) {
  const describe = typeof message === 'function' ? message : () => message ?? {};
  const { queue = 'celery' } = describe(0);
  const page = Math.max(1, Math.min(PAGE, Math.floor(PAGE_BYTES / messageText({ ...describe(0), id: '' }).length)));
  await redis.client.sadd(`_kombu.binding.${queue}`, `${queue}\x06\x16\x06\x16${queue}`);
  let middle = [];
  for (let from = 0; from < count; from += page) {
    const ids = Array.from({ length: Math.min(page, count - from) }, () => randomUUID());
    if (from <= count / 2) middle = ids;
    const texts = ids.map((id, index) => messageText({ ...describe(from + index), id }));
    await redis.client.lpush(key ?? queue, ...texts);
  }
  return middle;
}

/** What waits and what is held, in the queues that Celery's workers take from. */
export async function remaining(redis, queue = 'celery') {
  const [waiting, held] = await Promise.all([redis.client.llen(queue), redis.client.hlen('unacked')]);
  return waiting + held;
}

/** Result keys, whatever else is in the database: the few keys of the engines are below the noise. */
export async function countResults(redis) {
  return (await redis.client.dbsize()) - 12;
}
