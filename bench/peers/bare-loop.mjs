/**
 * The ceiling: what a loop of forty lines reaches that knows nothing but the happy path. One script takes two
 * hundred messages, another stores, publishes and acknowledges them; between the two each is parsed and "run".
 * No leases, no second try, no limits, no priorities, no logs, no events, nothing that survives trouble.
 *
 *   node bare-loop.mjs <port>
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';

const redis = new Redis({ host: '127.0.0.1', port: Number(process.argv[2]), protocol: 2 });
redis.defineCommand('take', {
  numberOfKeys: 3,
  lua: `local raws = redis.call('RPOP', KEYS[1], ARGV[1])
if not raws then return {} end
local now = redis.call('TIME')[1]
local records, scores = {}, {}
for i = 1, #raws do
  local tag = string.sub(raws[i], -39, -4)
  records[2 * i - 1], records[2 * i] = tag, '[' .. raws[i] .. ARGV[2]
  scores[2 * i - 1], scores[2 * i] = now, tag
end
redis.call('HSET', KEYS[2], unpack(records))
redis.call('ZADD', KEYS[3], unpack(scores))
return raws`,
});
redis.defineCommand('finish', {
  numberOfKeys: 2,
  lua: `local tags = {}
for i = 1, #ARGV, 3 do
  redis.call('SET', ARGV[i + 1], ARGV[i + 2], 'EX', 86400)
  redis.call('PUBLISH', ARGV[i + 1], ARGV[i + 2])
  tags[#tags + 1] = ARGV[i]
end
redis.call('HDEL', KEYS[1], unpack(tags))
redis.call('ZREM', KEYS[2], unpack(tags))
return #tags`,
});

const tasks = { 'tasks.add': (x, y) => x + y };
const take = () => redis.take('celery', 'unacked', 'unacked_index', 200, ',"","celery"]');

// While one batch is parsed and run, Redis already takes the next one and finishes the one before.
let coming = take();
let finishing = Promise.resolve();
for (;;) {
  const raws = await coming;
  if (raws.length === 0) {
    await sleep(5);
    coming = take();
    continue;
  }
  coming = take();
  const done = [];
  for (const raw of raws) {
    const { headers, properties, body } = JSON.parse(raw);
    const [args] = JSON.parse(Buffer.from(body, 'base64').toString());
    const meta = {
      status: 'SUCCESS',
      result: tasks[headers.task](...args),
      traceback: null,
      children: [],
      date_done: new Date().toISOString(),
      task_id: headers.id,
    };
    done.push(properties.delivery_tag, `celery-task-meta-${headers.id}`, JSON.stringify(meta));
  }
  await finishing;
  finishing = redis.finish('unacked', 'unacked_index', ...done);
}
