/** Whole commands, from the shell's call to their end, beside `node -e 0`. */
import { randomUUID } from 'node:crypto';
import { fillQueue, resultText } from '../lib/messages.mjs';
import { python, startCtqWorker } from '../lib/peers.mjs';
import { CTQ, stop, timed, whenSaid } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';

export const title = 'Commands, from call to end';
export const sizes = { full: { rounds: 25, workers: 3 }, check: { rounds: 11 }, quick: {} };

const BARE = 'node -e 0';
/** The words of each command; `wanted` is how often `node -e 0` it may take. */
function commandsOf(url, result) {
  const broker = ['-b', url];
  return {
    'ctq --version': { words: ['--version'], wanted: 1.3 },
    'ctq --help': { words: ['--help'] },
    'ctq worker --help': { words: ['worker', '--help'] },
    'ctq send': { words: [...broker, 'send', 'tasks.add', '1', '2', '--queue', 'elsewhere'], wanted: 2 },
    'ctq result': { words: [...broker, 'result', result], wanted: 2 },
    'ctq queues': { words: [...broker, 'queues'], wanted: 2 },
    'ctq keys': { words: [...broker, 'keys'], wanted: 2 },
    'ctq find': { words: [...broker, 'find', result] },
    'ctq failed': { words: [...broker, 'failed'] },
    'ctq doctor': { words: [...broker, 'doctor'], anyStatus: true },
    'ctq status': { words: [...broker, 'status'] },
    'ctq inspect ping': { words: [...broker, 'inspect', 'ping'], wanted: 2.5 },
  };
}

export async function run({ size, rounds, record, names, quick }) {
  await withRedis(async (redis) => {
    const result = randomUUID();
    await redis.client.set(`celery-task-meta-${result}`, resultText(result), 'EX', 86_400);
    await fillQueue(redis, 5, { queue: 'elsewhere' });
    const workers = Array.from({ length: size.workers }, (_, index) =>
      startCtqWorker(redis.url, { loglevel: 'info', words: ['-n', `w${index}@bench`] }),
    );
    try {
      await Promise.all(workers.map((worker) => whenSaid(worker, ' ready.')));
      measure({ commands: commandsOf(redis.url, result), url: redis.url, rounds, record, names, quick });
    } finally {
      await Promise.all(workers.map((worker) => stop(worker)));
    }
  });
}

/** Each command stands beside a `node -e 0` of its own, run right before it. */
function measure({ commands, url, rounds, record, names, quick }) {
  const times = { [BARE]: [] };
  const ping = 'celery inspect ping';
  const programs = [];
  if (names(['ctq']).length > 0) {
    for (const [name, { words, wanted, anyStatus }] of Object.entries(commands)) {
      programs.push({ name, command: process.execPath, words: [CTQ, ...words], wanted, anyStatus });
    }
  }
  if (names(['celery']).length > 0) programs.push({ name: ping, command: python, words: ['-m', 'celery', '-b', url, 'inspect', 'ping'] });
  const pairs = {};
  for (let round = quick ? 0 : -1; round < rounds; round += 1) {
    for (const { name, command, words, anyStatus } of programs) {
      const bare = timed(process.execPath, ['-e', '0']).tookMs;
      const { tookMs } = timed(command, words, { anyStatus });
      // The first round warms the file cache and the compiled code that is kept.
      if (round < 0) continue;
      (times[name] ??= []).push(tookMs);
      times[BARE].push(bare);
      (pairs[name] ??= []).push(bare);
    }
  }
  record.group('from call to end', { unit: 'ms', better: 'less', rows: times });
  for (const { name, wanted } of programs) record.ratio(`${name} / ${BARE}`, times[name], pairs[name], { better: 'less', wanted });
  record.ratio(`ctq inspect ping / ${ping}`, times['ctq inspect ping'], times[ping], { better: 'less', wanted: 0.12 });
}
