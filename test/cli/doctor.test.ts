/** `ctq doctor` on real servers: each fault is made, and exactly that is found. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Ctq } from '../../src/ctq.js';
import { runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { makeEmptyFile } from '../support/empty-file.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, type CeleryWorkerOptions, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

interface Diagnosis {
  readonly code: number | null;
  readonly stderr: string;
  readonly kinds: readonly string[];
  readonly findings: readonly {
    readonly kind: string;
    readonly weight: string;
    readonly what: string;
    readonly why: string;
    readonly remedy: string;
  }[];
}

/** Workers have time to answer; it is over when all have. */
async function diagnose(url: string, ...args: readonly string[]): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runCtq(['doctor', '--json', '-b', url, '-t', '20', ...args], { cwd: tmpFolder() });
  const findings = stdout === '' ? [] : (JSON.parse(stdout) as Diagnosis).findings;
  return { code, stderr, findings, kinds: findings.map(({ kind, weight }) => `${weight} ${kind}`) };
}

const envelope = (change: { readonly contentType?: string; readonly priority?: number; readonly eta?: string } = {}): string =>
  JSON.stringify({
    body: Buffer.from('[[600], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]').toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': change.contentType ?? 'application/json',
    headers: { lang: 'py', task: 'tasks.sleep', id: `id-${Math.random()}`, eta: change.eta ?? null, expires: null, retries: 0 },
    properties: {
      correlation_id: 'x',
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: 'busy' },
      priority: change.priority ?? 0,
      body_encoding: 'base64',
      delivery_tag: `tag-${Math.random()}`,
    },
  });

describe('ctq doctor, where nobody answers', () => {
  it('says so in one line, with exit code 69', async () => {
    const { code, stderr, findings } = await diagnose('redis://127.0.0.1:1/0');
    expect([code, findings]).toEqual([69, []]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^ctq: cannot read from redis:\/\/127\.0\.0\.1:1\/0: connection refused/);
  });
});

describe('ctq doctor on an SQLite file', () => {
  it('finds nothing where nothing is wrong, and messages that nobody takes', async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    await makeEmptyFile(url);
    expect(await diagnose(url)).toMatchObject({ code: 0, kinds: [] });
    await runCtq(['send', '-b', url, '-Q', 'lost', 'tasks.add', '1', '2']);
    expect(await diagnose(url)).toMatchObject({ code: 1, kinds: ['serious no-consumer'] });
  });

  it('finds failures that do not say what was called, and takes an unknown task for none of them', async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    const app = new Ctq('ctq', { brokerUrl: url });
    const failed = async (id: string, type: string): Promise<void> => {
      const result = { exc_type: type, exc_module: 'celery.exceptions', exc_message: ['tasks.gone'] };
      await (await app.backend()).store({ taskId: id, status: 'FAILURE', result, traceback: null, children: [], dateDone: null });
    };
    await failed('named', 'NotRegistered');
    expect((await diagnose(url)).kinds).not.toContain('note nameless-failures');
    await failed('nameless', 'ValueError');
    // It looks through results for no more than a moment.
    await eventually(async () => expect((await diagnose(url)).kinds).toContain('note nameless-failures'));
    await app.close();
  });

  it('finds a consumer that died where nobody is left to take over', async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    const worker = await startCtqWorker({ broker: url });
    expect((await diagnose(url)).kinds).toEqual([]);
    await worker.kill();
    // Its mailbox is still declared, so it is waited for, too.
    const { kinds, findings } = await diagnose(url, '-t', '1');
    expect(kinds).toContain('warning dead-consumers');
    expect(findings.find(({ kind }) => kind === 'dead-consumers')?.what).toMatch(/^consumer ctq\d+x\d+@test at sqlite:/);
  });
});

describeWith('redis', 'ctq doctor on Redis', () => {
  const redis = forSuite(() =>
    startRedis({ appendonly: 'everysec', args: ['--enable-protected-configs', 'yes', '--repl-diskless-sync-delay', '0'] }),
  );
  const running: OwnedProcess[] = [];

  afterEach(async () => {
    await Promise.all(running.splice(0).map((worker) => worker.kill()));
    await redis().command('FLUSHALL');
    for (const [name, value] of [
      ['maxmemory', '0'],
      ['maxmemory-policy', 'noeviction'],
      ['appendonly', 'yes'],
      ['save', ''],
    ] as const) {
      await redis().command('CONFIG', 'SET', name, value);
    }
  });

  async function start(queue: string): Promise<OwnedProcess> {
    const worker = await startCtqWorker({ broker: redis().url, queues: [queue], concurrency: 1, args: ['--prefetch-multiplier', '1'] });
    running.push(worker);
    return worker;
  }

  /** A worker that is busy for long: what is put into its queue stays there, and somebody takes from it. */
  async function startBusy(): Promise<void> {
    await start('busy');
    for (let i = 0; i < 4; i += 1) await redis().command('LPUSH', 'busy', envelope());
    await eventually(async () => (await redis().command('HLEN', 'unacked')) !== 0);
    await eventually(async () => {
      const before = await redis().command('LLEN', 'busy');
      return before !== 4;
    });
    await redis().command('DEL', 'busy');
  }

  it('finds nothing on an estate that is in order', async () => {
    await start('celery');
    const { code, kinds, stderr } = await diagnose(redis().url);
    expect({ code, kinds, stderr }).toEqual({ code: 0, kinds: [], stderr: '' });
  });

  it('says for each finding what, why and what to do', async () => {
    await redis().command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const [finding] = (await diagnose(redis().url)).findings;
    for (const part of ['what', 'why', 'remedy'] as const) expect(finding?.[part].length).toBeGreaterThan(20);
  });

  it('finds an eviction policy that throws queues away; worse where there is a memory limit', async () => {
    await redis().command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await diagnose(redis().url)).toMatchObject({ code: 1, kinds: ['warning eviction-policy'] });
    await redis().command('CONFIG', 'SET', 'maxmemory', '1gb');
    expect(await diagnose(redis().url)).toMatchObject({ code: 1, kinds: ['serious eviction-policy'] });
  });

  it('finds a memory limit that is nearly reached', async () => {
    // So large that what comes and goes with each connection is nothing beside it.
    await redis().command('SETRANGE', 'filler', 20_000_000, 'x');
    const used = Number(/used_memory:(\d+)/.exec(String(await redis().command('INFO', 'memory')))?.[1]);
    await redis().command('CONFIG', 'SET', 'maxmemory', String(Math.round(used * 1.12)));
    const { kinds } = await diagnose(redis().url);
    expect(kinds).toHaveLength(1);
    expect(kinds[0]).toMatch(/^(warning|serious) memory$/);
  });

  it('finds a server that writes nothing to disk; snapshots alone are worth a note, and no exit code', async () => {
    await redis().command('CONFIG', 'SET', 'appendonly', 'no');
    expect(await diagnose(redis().url)).toMatchObject({ code: 1, kinds: ['warning persistence'] });
    await redis().command('CONFIG', 'SET', 'save', '3600 1');
    expect(await diagnose(redis().url)).toMatchObject({ code: 0, kinds: ['note persistence'] });
  });

  it('finds a server that cannot write what it should keep', async () => {
    mkdirSync(join(redis().folder, 'in-the-way', 'full'), { recursive: true });
    await redis().command('CONFIG', 'SET', 'dbfilename', 'in-the-way');
    await eventually(() => redis().command('BGSAVE'));
    await eventually(async () => String(await redis().command('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'));
    expect(await diagnose(redis().url)).toMatchObject({ code: 1, kinds: ['serious persistence-failing'] });
    await redis().command('CONFIG', 'SET', 'dbfilename', 'dump.rdb');
    await eventually(() => redis().command('BGSAVE'));
    await eventually(async () => String(await redis().command('INFO', 'persistence')).includes('rdb_last_bgsave_status:ok'));
  });

  it('finds that it talks to a replica', async () => {
    const replica = await startRedis({ appendonly: 'everysec', args: ['--replicaof', '127.0.0.1', String(redis().port)] });
    try {
      await eventually(async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'));
      expect(await diagnose(replica.url)).toMatchObject({ code: 1, kinds: ['serious replica'] });
    } finally {
      await replica.stop();
    }
  });

  it('finds messages that nobody takes', async () => {
    await start('celery');
    await redis().command('LPUSH', 'mial', envelope());
    const { code, kinds, findings } = await diagnose(redis().url);
    expect({ code, kinds }).toEqual({ code: 1, kinds: ['serious no-consumer'] });
    expect(findings[0]?.what).toBe('queue mial has 1 message and no worker that takes from it');
  });

  it('finds in a queue: several serializers, pickles, priorities that there are not, and several of those that there are', async () => {
    await startBusy();
    expect((await diagnose(redis().url)).kinds).toEqual([]);
    const cases: readonly (readonly [kinds: readonly string[], ...messages: readonly Parameters<typeof envelope>[0][]])[] = [
      [['warning mixed-serializers'], {}, { contentType: 'application/x-yaml' }],
      [['serious pickle-in-use'], { contentType: 'application/x-python-serialize' }],
      [['warning priority-out-of-range'], { priority: 42 }],
      [['note priority-order'], { priority: 0 }, { priority: 9 }],
    ];
    for (const [kinds, ...messages] of cases) {
      for (const message of messages) {
        const list = (message?.priority ?? 0) >= 9 ? 'busy\x06\x169' : 'busy';
        await redis().command('LPUSH', list, envelope(message));
      }
      expect((await diagnose(redis().url)).kinds).toEqual(kinds);
      await redis().command('DEL', 'busy', 'busy\x06\x169');
    }
  });

  it('finds workers that do not answer', async () => {
    const worker = await start('celery');
    process.kill(worker.pid, 'SIGSTOP');
    try {
      expect((await diagnose(redis().url, '-t', '0.5')).kinds).toEqual(['warning silent-workers']);
    } finally {
      process.kill(worker.pid, 'SIGCONT');
    }
  });

  it('finds a consumer that died where nobody is left to take over', async () => {
    await redis().command('ZADD', 'ctq:workers', String(Date.now() / 1000 - 60), 'dead-one');
    const { kinds, findings } = await diagnose(redis().url);
    expect(kinds).toEqual(['warning dead-consumers']);
    expect(findings[0]?.what).toContain('dead-one');
  });

  it('finds results without time to live', async () => {
    await redis().command('SET', 'celery-task-meta-1', '{"status": "SUCCESS", "result": 1, "task_id": "1"}');
    await redis().command('SET', 'celery-task-meta-2', '{"status": "SUCCESS", "result": 1, "task_id": "2"}', 'EX', '100');
    const { kinds, findings } = await diagnose(redis().url);
    expect(kinds).toEqual(['warning results-for-ever']);
    expect(findings[0]?.what).toMatch(/^1 result of 2 /);
  });

  it('finds messages that a Python worker took with it, and ctq queues says so, too', async () => {
    // As kombu leaves them when it is killed (WIRE 6.5).
    await redis().command('SADD', '_kombu.binding.py', 'py\u0006\u0016\u0006\u0016py');
    await redis().command('HSET', 'unacked', 'a-tag', JSON.stringify([JSON.parse(envelope()), '', 'py']));
    await redis().command('ZADD', 'unacked_index', String(Date.now() / 1000 - 5), 'a-tag');
    expect((await diagnose(redis().url)).kinds).toEqual(['warning held-by-nobody']);
    const { stderr } = await runCtq(['queues', '-b', redis().url]);
    expect(stderr).toBe('ctq: messages of py are held by nobody who answers; ctq doctor tells when they come back\n');
  });

  it('finds messages that were taken and that nothing brings back', async () => {
    await redis().command('HSET', 'unacked', 'lost-tag', JSON.stringify([JSON.parse(envelope()), '', 'celery']));
    expect((await diagnose(redis().url)).kinds).toEqual(['serious orphans']);
  });
});

describeWith(['redis', 'python'], 'ctq doctor on Python workers', () => {
  const redis = forSuite(() => startRedis({ appendonly: 'everysec' }));

  async function withWorker(options: Partial<CeleryWorkerOptions>, test: (worker: CeleryWorker) => Promise<void>): Promise<void> {
    await redis().command('FLUSHALL');
    const worker = await startCeleryWorker({ broker: redis().url, pool: 'solo', ...options });
    try {
      await test(worker);
    } finally {
      await worker.kill();
    }
  }

  /** What is always to be said of the Celery at hand: an old version may have bugs, and it acknowledges early. */
  const beside = (kinds: readonly string[]): readonly string[] =>
    kinds.filter((kind) => !kind.endsWith(' known-bug') && kind !== 'note acks-early');

  it('names the bugs of their versions, and where those are written down', async () => {
    await withWorker({}, async ({ hostname }) => {
      const { findings, kinds } = await diagnose(redis().url);
      expect(beside(kinds)).toEqual([]);
      expect(kinds).toContain('note acks-early');
      for (const { what, why } of findings.filter(({ kind }) => kind === 'known-bug')) {
        expect(what).toContain(hostname);
        expect(why).toMatch(/(celery|kombu)#\d+|CVE-/);
      }
    });
  });

  it('finds a worker that accepts pickle', async () => {
    await withWorker({ conf: { accept_content: ['json', 'pickle'] }, env: { C_FORCE_ROOT: 'true' } }, async () => {
      expect(beside((await diagnose(redis().url)).kinds)).toEqual(['serious pickle-accepted']);
    });
  });

  it('finds late acknowledgement with tasks that may outlast the visibility timeout', async () => {
    await withWorker({ conf: { task_acks_late: true } }, async () => {
      expect(beside((await diagnose(redis().url)).kinds)).toEqual(['warning acks-late-beyond-visibility']);
    });
    await withWorker({ conf: { task_acks_late: true, task_time_limit: 60 } }, async () => {
      expect(beside((await diagnose(redis().url)).kinds)).toEqual([]);
    });
  });

  it('finds an ETA beyond the visibility timeout', async () => {
    await withWorker({}, async () => {
      const sent = await runCtq(['send', '-b', redis().url, '--countdown', '7200', 'tasks.add', '1', '2']);
      expect(sent.code).toBe(0);
      await eventually(async () => expect(beside((await diagnose(redis().url)).kinds)).toEqual(['serious eta-beyond-visibility']));
    });
  });

  it('finds a clock that is wrong', async () => {
    const cwd = tmpFolder({
      'tasks.py': `
import os, time
import celery.events.dispatcher as dispatcher
from celery import Celery

original = dispatcher.Event

def shifted(type, *args, **fields):
    event = original(type, *args, **fields)
    event["timestamp"] = time.time() - 100
    return event

send = dispatcher.EventDispatcher.send
dispatcher.EventDispatcher.send = lambda self, type, *args, **fields: send(self, type, *args, Event=shifted, **fields)
app = Celery("tasks", broker=os.environ["CTQ_TEST_BROKER"])
`,
    });
    await withWorker({ cwd }, async ({ hostname }) => {
      // Heartbeats are waited for no longer than a moment.
      const { findings } = await eventually(async () => {
        const found = await diagnose(redis().url);
        expect(beside(found.kinds)).toEqual(['serious worker-clock']);
        return found;
      });
      expect(findings.find(({ kind }) => kind === 'worker-clock')?.what).toBe(`the clock of ${hostname} is 100 s behind ours`);
    });
  });
});
