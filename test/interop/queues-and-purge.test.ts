/** `ctq queues` and `ctq purge` on what real Celery left: right to the last message, and never in the server's way. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CtqEnding, runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { buildPythonEstate } from '../support/estate.js';
import { eventually, throughout } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const SEP = '\x06\x16';
const DIGEST = `
local length, sum = redis.call('LLEN', KEYS[1]), ''
for at = 0, length - 1, 500 do
  local items = redis.call('LRANGE', KEYS[1], at, at + 499)
  sum = redis.sha1hex(sum .. #items .. table.concat(items, string.char(10)))
end
return length .. ' ' .. sum`;
const SIZES = { celery: 60_000, mail: 50_000, video: 10_000, audio: 10_000, reports: 20_000 };

interface QueueJson {
  readonly name: string;
  readonly ready: number;
  readonly ready_by_priority: Readonly<Record<string, number>>;
  readonly unacked: number;
  readonly consumers: readonly string[];
  readonly paused: boolean;
  readonly finish_rate: { readonly per_second: number; readonly known: string } | null;
  readonly tasks?: { readonly sampled: number; readonly of: number; readonly counts: Readonly<Record<string, number>> };
}

describeWith(['redis', 'python'], 'a large estate of real Celery', () => {
  const redis = forSuite(() => startRedis({ args: ['--slowlog-max-len', '1000'] }));
  const folder = tmpFolder();

  beforeAll(async () => {
    await buildPythonEstate(redis(), { queues: SIZES, results: 20_000, chords: 50, replyQueues: 20 });
    // From here on every command of more than ten milliseconds is written down.
    await redis().command('CONFIG', 'SET', 'slowlog-log-slower-than', '10000');
  }, 180_000);
  const ctq = (...args: readonly string[]): Promise<CtqEnding> => runCtq([...args, '-b', redis().url], { cwd: folder, timeoutMs: 120_000 });

  async function lengths(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const queue of [...Object.keys(SIZES), 'parts']) {
      const [low, high] = await redis().commands([
        ['LLEN', queue],
        ['LLEN', `${queue}${SEP}6`],
      ]);
      counts[queue] = Number(low) + Number(high);
    }
    return counts;
  }

  /** Of all that is in a list, in its order. The server computes it: to have it all sent here takes seconds. */
  const digest = async (list: string): Promise<string> => String(await redis().command('EVAL', DIGEST, 1, list));

  /** Commands of ours that kept the server from everybody else, without what differs each time. */
  async function slowOnes(): Promise<ReadonlySet<string>> {
    const entries = (await redis().command('SLOWLOG', 'GET', '1000')) as unknown as readonly (readonly [
      number,
      number,
      number,
      readonly string[],
      string,
      string,
    ])[];
    const ours = entries.filter(([, , , , , name]) => name.startsWith('ctq'));
    return new Set(
      ours.map(([, , , words]) => {
        const [name, ...rest] = words.map((word) => word.replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '*'));
        const same = name === 'scan' ? rest.slice(1) : name === 'publish' ? rest.slice(0, 1) : rest;
        return [name, ...same].join(' ');
      }),
    );
  }

  it('is counted right to the last message, by priority too', async () => {
    const { stdout, code } = await ctq('queues', '--json');
    expect(code).toBe(0);
    const queues = JSON.parse(stdout) as readonly QueueJson[];
    const counted = Object.fromEntries(queues.map(({ name, ready }) => [name, ready]));
    expect(counted).toEqual(await lengths());
    expect(queues.find(({ name }) => name === 'mail')?.ready_by_priority).toEqual({ 0: 45_000, 6: 5_000 });
  });

  it('is broken down by task: of long queues a sample tells, and says so', async () => {
    const { stdout } = await ctq('queues', '--json', '--by-task', '-Q', 'celery,parts');
    const [celery, parts] = JSON.parse(stdout) as readonly QueueJson[];
    expect(celery?.tasks).toMatchObject({ sampled: 1_000, of: 60_000, counts: { 'tasks.add': 1_000 } });
    expect(parts?.tasks).toEqual({ sampled: 1, of: 1, counts: { 'tasks.add': 1 } });
  });

  it('is counted by purge --dry-run, which removes nothing', async () => {
    const before = await lengths();
    const { stdout } = await ctq('purge', '--dry-run', '--json', '-Q', Object.keys(SIZES).join(','));
    const {
      queues,
      removed,
      dry_run: dryRun,
    } = JSON.parse(stdout) as { queues: { name: string; removed: number }[]; removed: number; dry_run: boolean };
    expect(Object.fromEntries(queues.map(({ name, removed: count }) => [name, count]))).toEqual(SIZES);
    expect([removed, dryRun]).toEqual([150_000, true]);
    expect(await lengths()).toEqual(before);
    const filtered = await ctq('purge', '--dry-run', '--json', '-Q', 'reports', '--task', 'tasks.a*');
    expect((JSON.parse(filtered.stdout) as { removed: number }).removed).toBe(20_000);
  });

  it('comes back byte for byte and in its order after a purge', { timeout: 120_000 }, async () => {
    const lists = ['video', `video${SEP}6`, 'reports', `reports${SEP}6`];
    const before = await Promise.all(lists.map(digest));
    const copy = join(folder, 'copy.jsonl');
    const removed = await ctq('purge', '-f', '--json', '--keep-copy', copy, '-Q', 'video,reports');
    expect((JSON.parse(removed.stdout) as { removed: number }).removed).toBe(30_000);
    expect(await redis().command('EXISTS', ...lists)).toBe(0);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readFileSync(copy, 'utf8').trimEnd().split('\n')).toHaveLength(30_000);
    expect((await ctq('purge', '--undo', copy)).code).toBe(0);
    expect(await Promise.all(lists.map(digest))).toEqual(before);
    const again = await ctq('purge', '--undo', copy);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('was undone already')]);
    expect(await Promise.all(lists.map(digest))).toEqual(before);
  });

  it('loses what is asked for without a copy, and nothing else', async () => {
    const { stdout } = await ctq('purge', '-f', '--json', '-Q', 'audio');
    expect((JSON.parse(stdout) as { removed: number }).removed).toBe(10_000);
    expect(await lengths()).toMatchObject({ ...SIZES, audio: 0 });
  });

  it('is not kept waiting: no command of ours takes ten milliseconds', { timeout: 180_000 }, async () => {
    // On a busy machine a command that was interrupted looks slow, and does not each time: all views, until none is left that did.
    let suspects: readonly string[] | undefined;
    for (let round = 0; round < 6 && suspects?.length !== 0; round += 1) {
      await redis().command('SLOWLOG', 'RESET');
      await ctq('queues', '--by-task');
      await ctq('queues', 'peek', 'mail', '--offset', '30000', '--limit', '200');
      await ctq('purge', '--dry-run', '-Q', 'mail', '--task', 'tasks.x*');
      const copy = join(folder, `slow-${round}.jsonl`);
      await ctq('purge', '-f', '--keep-copy', copy, '-Q', 'reports');
      await ctq('purge', '--undo', copy);
      const slow = await slowOnes();
      suspects = suspects === undefined ? [...slow] : suspects.filter((command) => slow.has(command));
    }
    expect(suspects).toEqual([]);
  });
});

describeWith(['redis', 'python'], 'a paused queue with workers of both kinds', () => {
  const redis = forSuite(startRedis);
  let python: CeleryWorker;
  let worker: OwnedProcess;
  const nodes = ['py@pausing', 'ctq@pausing'];
  const queues = ['mail', 'video'];

  beforeAll(async () => {
    python = await startCeleryWorker({ broker: redis().url, backend: redis().url, queues, hostname: 'py@pausing' });
    worker = await startCtqWorker({ broker: redis().url, queues, hostname: 'ctq@pausing' });
  }, 90_000);
  afterAll(async () => {
    await Promise.all([python?.stop(), worker?.stop('SIGTERM')]);
  });

  const ctq = (...args: readonly string[]): Promise<CtqEnding> => runCtq([...args, '-b', redis().url], { cwd: tmpFolder() });
  const listed = async (): Promise<readonly QueueJson[]> => JSON.parse((await ctq('queues', '--json')).stdout) as readonly QueueJson[];
  const send = (queue: string, count: number): Promise<unknown> =>
    runPython(`result = [add.apply_async((1, 2), queue=${JSON.stringify(queue)}).id for _ in range(${count})]`, {
      broker: redis().url,
      backend: redis().url,
    });
  const waiting = async (queue: string): Promise<number> => Number(await redis().command('LLEN', queue));

  it('shows workers of both kinds', async () => {
    await eventually(async () => {
      const found = await listed();
      expect(found.map(({ name, consumers }) => [name, consumers])).toEqual(queues.map((queue) => [queue, [...nodes].sort()]));
    });
  });

  it('is left alone by both, while they go on with the other', async () => {
    // A Python worker that stands still for a second is not known to take from it; pausing again tells it.
    await eventually(async () => {
      const { stdout, stderr } = await ctq('queues', 'pause', 'mail');
      expect(stdout).toMatch(/^mail: (?:paused|was paused already), and 1 Python worker told: py@pausing\n$/);
      expect(stderr).toMatch(/^ctq: note: a Python worker that starts later is not held[^\n]*\n$/);
    });
    await worker.waitForOutput(/Queue mail is paused/);
    await send('mail', 6);
    await send('video', 6);
    await eventually(async () => expect(await waiting('video')).toBe(0));
    await throughout(1_500, async () => expect(await waiting('mail')).toBe(6));
    expect((await listed()).map(({ name, paused, ready }) => [name, paused, ready])).toEqual([
      ['mail', true, 6],
      ['video', false, 0],
    ]);
  });

  it('is left alone by a ctq worker that starts meanwhile', async () => {
    await worker.stop('SIGTERM');
    worker = await startCtqWorker({ broker: redis().url, queues, hostname: 'ctq@pausing' });
    await worker.waitForOutput(/Queue mail is paused/);
    await throughout(1_500, async () => expect(await waiting('mail')).toBe(6));
  });

  it('is taken from again by both once it is resumed, and by nobody who never did', async () => {
    const other = await startCeleryWorker({ broker: redis().url, backend: redis().url, queues: ['other'], hostname: 'other@pausing' });
    expect((await ctq('queues', 'resume', 'mail')).stdout).toBe('mail: goes on, and 1 Python worker told: py@pausing\n');
    await eventually(async () => expect(await waiting('mail')).toBe(0));
    await worker.waitForOutput(/Queue mail goes on/);
    await eventually(async () => {
      const mail = (await listed()).find(({ name }) => name === 'mail');
      expect(mail?.consumers).toEqual([...nodes].sort());
    });
    await other.stop();
  });
});
