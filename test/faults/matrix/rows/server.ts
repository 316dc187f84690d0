/** M6, M7, M11, M12 and passwords: the Redis server in trouble. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnedProcess } from '../../../support/owned-process.js';
import { redisCommands } from '../../../support/resp.js';
import type { Measured, Row } from '../row.js';
import { type Stage, type StageWorkerOptions, sleep } from '../stage.js';

/** Longer than any of them needs that comes back at all. */
export function watchS(stage: Stage): number {
  // RabbitMQ's heartbeats are slow, and they are what finds a dead link there.
  if (stage.engine === 'rabbitmq') return 300;
  return stage.system === 'ctq' ? 30 : stage.patienceS;
}

/** Seconds until a task begins that is sent now. */
export async function probe(stage: Stage, name = 'probe', fromMs = Date.now()): Promise<number | undefined> {
  await stage.send(name);
  await stage.until(() => stage.book.begun(name) > 0, watchS(stage), 20);
  const at = stage.book.run(name)?.firstBegunMs;
  return at === undefined ? undefined : Math.max(0, at - fromMs) / 1000;
}

/** Does anybody answer a ping within three seconds? */
export async function answersPing(stage: Stage, workers: number): Promise<boolean> {
  const replies = await stage.app.control.ping({ timeout: 3 }).catch(() => []);
  return Object.keys(replies).length >= workers;
}

/** Keeps a worker up as a supervisor does, and counts how often it had to. */
export class Supervisor {
  ends = 0;
  codes: string[] = [];
  current: OwnedProcess | undefined;
  #done = false;
  readonly #stage: Stage;
  readonly #options: StageWorkerOptions;

  constructor(stage: Stage, options: StageWorkerOptions = {}) {
    this.#stage = stage;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.current = await this.#stage.worker(this.#options);
    this.#follow(this.current);
  }

  stop(): void {
    this.#done = true;
  }

  #follow(worker: OwnedProcess): void {
    void worker.exited.then(async ({ code, signal }) => {
      if (this.#done) return;
      this.ends += 1;
      this.codes.push(String(signal ?? code));
      for (;;) {
        await delay(500);
        if (this.#done) return;
        try {
          this.current = await this.#stage.worker(this.#options);
          return this.#follow(this.current);
        } catch {
          this.ends += 1;
        }
      }
    });
  }
}

function ends(supervisor: Supervisor): string {
  return supervisor.ends === 0
    ? 'the worker stayed up'
    : `the worker ended ${supervisor.ends} times (exit ${[...new Set(supervisor.codes)].join(', ')})`;
}

async function crashed(stage: Stage): Promise<Measured> {
  await stage.open({ appendonly: 'everysec' });
  await stage.worker();
  await stage.worker();
  await stage.sendMany('m', 64, { seconds: 0.25 });
  await stage.until(() => stage.book.executed() >= 8, 20, 20);
  await stage.redis.kill();
  await sleep(3);
  await stage.redis.start();
  const upMs = Date.now();
  await stage.until(() => stage.book.firstBegunAfter(upMs) !== undefined, watchS(stage), 20);
  const first = stage.book.firstBegunAfter(upMs);
  await stage.drained(watchS(stage));
  const after = await probe(stage, 'afterwards');
  const ping = await answersPing(stage, 2);
  return {
    ...(await stage.figures()),
    recoveryS: first === undefined ? undefined : (first - upMs) / 1000,
    note: `${ping ? 'ping is answered' : 'ping is not answered'}${after === undefined ? ', new work is not taken' : ''}`,
    also: { 'ping answered within 3 s': ping, 'new work is taken': after !== undefined },
  };
}

async function connectionsReceived(stage: Stage): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(String(await stage.redis.command('INFO', 'stats')))?.[1] ?? 0);
}

async function frozen(stage: Stage): Promise<Measured> {
  await stage.open();
  await stage.worker();
  await stage.sendMany('m', 40, { seconds: 0.5 });
  await stage.until(() => stage.book.executed() >= 4, 20, 20);
  const before = await connectionsReceived(stage);
  stage.redis.freeze();
  await sleep(10);
  stage.redis.thaw();
  const thawedMs = Date.now();
  await stage.until(() => stage.book.firstBegunAfter(thawedMs) !== undefined, watchS(stage), 20);
  const first = stage.book.firstBegunAfter(thawedMs);
  const opened = (await connectionsReceived(stage)) - before;
  await stage.drained(watchS(stage));
  return {
    ...(await stage.figures()),
    recoveryS: first === undefined ? undefined : (first - thawedMs) / 1000,
    note: `${opened} connections opened`,
    also: { 'no storm of connections (at most 40 in 10 s)': opened <= 40 },
  };
}

async function outOfMemory(stage: Stage): Promise<Measured> {
  await stage.open();
  const supervisor = new Supervisor(stage, { concurrency: 4 });
  await supervisor.start();
  await stage.sendMany('m', stage.few(300), { seconds: 0.15 });
  for (let bout = 0; bout < 3; bout += 1) {
    await stage.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    await sleep(4);
    await stage.redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await sleep(2);
  }
  const overMs = Date.now();
  const recoveryS = await probe(stage, 'probe', overMs).then((seconds) => (stage.book.executed() < stage.book.size ? undefined : seconds));
  await stage.until(() => (stage.book.firstBegunAfter(overMs) ?? 0) > 0, watchS(stage));
  const first = stage.book.firstBegunAfter(overMs);
  await stage.drained(watchS(stage));
  supervisor.stop();
  return {
    ...(await stage.figures()),
    recoveryS: recoveryS ?? (first === undefined ? undefined : (first - overMs) / 1000),
    note: ends(supervisor),
    also: { 'the worker stays up': supervisor.ends === 0 },
  };
}

async function readOnly(stage: Stage): Promise<Measured> {
  await stage.open();
  const worker = await stage.worker();
  await stage.sendMany('m', 40, { seconds: 0.25 });
  await stage.until(() => stage.book.executed() >= 4, 20, 20);
  await stage.redis.command('REPLICAOF', '127.0.0.1', '1');
  await sleep(10);
  await stage.redis.command('REPLICAOF', 'NO', 'ONE');
  return await afterTheRefusal(stage, worker, Date.now());
}

async function loading(stage: Stage): Promise<Measured> {
  // Each key of the file takes a fifth of a millisecond to load.
  await stage.open({ appendonly: 'everysec', args: ['--key-load-delay', '200', '--enable-debug-command', 'yes'] });
  const worker = await stage.worker();
  const filling = Array.from({ length: 20_000 }, (_, index) => ['SET', `filling-${index}`, 'x']);
  await stage.redis.commands(filling);
  await stage.redis.command('BGREWRITEAOF');
  await stage.until(async () => /aof_rewrite_in_progress:0/.test(String(await stage.redis.command('INFO', 'persistence'))), 30);
  await stage.sendMany('m', 40, { seconds: 0.25 });
  await stage.until(() => stage.book.executed() >= 4, 20, 20);
  await stage.redis.kill();
  // Resolves when it has loaded everything.
  const startedAt = performance.now();
  await stage.redis.start();
  const measured = await afterTheRefusal(stage, worker, Date.now());
  return { ...measured, note: `${((performance.now() - startedAt) / 1000).toFixed(0)} s in all; ${measured.note}` };
}

async function afterTheRefusal(stage: Stage, worker: OwnedProcess, overMs: number): Promise<Measured> {
  await stage.until(() => stage.book.firstBegunAfter(overMs) !== undefined || worker.ending !== undefined, watchS(stage), 20);
  const first = stage.book.firstBegunAfter(overMs);
  if (worker.ending === undefined) await stage.drained(watchS(stage));
  const { ending } = worker;
  return {
    ...(await stage.figures()),
    recoveryS: first === undefined ? undefined : (first - overMs) / 1000,
    note: ending === undefined ? 'the worker stayed up' : `the worker ended (exit ${ending.signal ?? ending.code})`,
    also: { 'the worker stays up': ending === undefined },
  };
}

/** The password changes under a worker, and every connection is ended; later the old one is allowed again. */
async function passwordRotated(stage: Stage): Promise<Measured> {
  await stage.open({ password: 'first' });
  const worker = await stage.worker();
  await stage.sendMany('m', 40, { seconds: 0.25 });
  await stage.until(() => stage.book.executed() >= 4, 20, 20);
  await stage.redis.command('ACL', 'SETUSER', 'admin', 'on', '>admin', '~*', '&*', '+@all');
  const asAdmin = (...command: string[]): Promise<unknown> => redisCommands(stage.redis.port, [['AUTH', 'admin', 'admin'], command]);
  await asAdmin('ACL', 'SETUSER', 'default', 'resetpass', '>second');
  await asAdmin('CLIENT', 'KILL', 'USER', 'default');
  await sleep(10);
  await asAdmin('ACL', 'SETUSER', 'default', 'resetpass', '>first');
  return await afterTheRefusal(stage, worker, Date.now());
}

export const SERVER: readonly Row[] = [
  {
    id: 'M6',
    fault: 'redis-server killed, 3 s away, restarted with its append-only file',
    goal: { words: '0 lost, first task ≤ 2 s after it is up, ping ≤ 3 s', lost: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: crashed }],
    tests: ['faults/redis-server-trouble.test.ts'],
  },
  {
    id: 'M7',
    fault: 'redis-server frozen for 10 s',
    goal: { words: '0 lost, 0 repeated, on at once, no storm of connections', lost: 0, repeated: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: frozen }],
    tests: ['faults/redis-server-trouble.test.ts'],
  },
  {
    id: 'M11',
    fault: 'redis-server full (maxmemory, noeviction), three times 4 s',
    goal: { words: 'stays up, 0 lost, 0 repeated, on ≤ 2 s', lost: 0, repeated: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: outOfMemory }],
    tests: ['faults/redis-server-trouble.test.ts'],
  },
  {
    id: 'M12',
    fault: 'redis-server read-only (a replica) for 10 s',
    goal: { words: 'stays up, 0 lost, on ≤ 2 s', lost: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: readOnly }],
    tests: ['faults/redis-server-trouble.test.ts'],
  },
  {
    id: 'M12b',
    fault: 'redis-server killed and long in LOADING',
    goal: { words: 'stays up, 0 lost, on ≤ 2 s after it has loaded', lost: 0, recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: loading }],
    tests: ['unit/connections/redis/failure.test.ts'],
  },
  {
    id: 'M12c',
    fault: 'password changed and connections ended, 10 s later the old one is valid again',
    goal: { words: 'stays up, 0 lost, on ≤ 5 s', lost: 0, recoveryS: 5 },
    scenarios: [{ engine: 'redis', run: passwordRotated }],
    tests: ['faults/redis-server-trouble.test.ts'],
  },
];
