/**
 * The long run (M34): four workers, tasks of every kind, and each five seconds a fault drawn at random. Nothing may be lost, what is repeated
 * must be explained by a kill, and the worker that nobody kills must not grow.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { chord } from '../../../src/index.js';
import type { OwnedProcess } from '../../support/owned-process.js';
import type { TcpProxy } from '../../support/proxy.js';
import type { Measured } from './row.js';
import { type Stage, sleep } from './stage.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly tasks: number;
  readonly faultEveryS: number;
  readonly say: (line: string) => void;
}

const WORKERS = 4;
const SLOTS = 8;
/** The one that is never killed: what it holds at the end it would hold after a month. */
const WITNESS = 0;
/** The one that runs its tasks in processes of their own. */
const WITH_CHILDREN = 3;

interface Sample {
  readonly atS: number;
  readonly rssMb: number;
  readonly files: number;
}

export async function soak(stage: Stage, options: SoakOptions): Promise<Measured> {
  const { minutes, tasks, faultEveryS, say } = options;
  await stage.open({ appendonly: 'everysec' });
  const proxy = await stage.proxy();
  const fleet = new Fleet(stage, proxy);
  await fleet.start();
  const startedAt = performance.now();
  const elapsedS = (): number => (performance.now() - startedAt) / 1000;
  const load = new Load(stage);
  const samples: Sample[] = [];
  const seconds = minutes * 60;
  const run = { done: false };

  const pump = async (): Promise<void> => {
    while (load.tasks < tasks) {
      const due = Math.min(tasks, Math.ceil((elapsedS() / seconds) * tasks));
      if (load.tasks < due) await load.send(Math.min(due - load.tasks, 500));
      else await sleep(0.05);
    }
    run.done = true;
  };
  const trouble = async (): Promise<void> => {
    while (!run.done) {
      await sleep(faultEveryS);
      if (run.done) return;
      const fault = await fleet.fault();
      say(
        `${elapsedS().toFixed(0)} s: ${fault}; sent ${load.tasks}, ended ${stage.book.executed()}, witness ${rssMb(fleet.witness.pid)} MB`,
      );
    }
  };
  const watch = async (): Promise<void> => {
    while (!run.done) {
      samples.push({ atS: elapsedS(), rssMb: rssMb(fleet.witness.pid), files: openFiles(fleet.witness.pid) });
      await sleep(5);
    }
  };
  await Promise.all([pump(), trouble(), watch()]);
  await fleet.settle();
  const quietAt = performance.now();
  const drained = await stage.drained(120);
  const recoveryS = (performance.now() - quietAt) / 1000;
  const figures = await stage.figures();
  if (!drained) say(`missing: ${stage.book.tally().missing.slice(0, 20).join(' ')}`);
  const left = await stage.redis.commands([
    ['HLEN', 'unacked'],
    ['ZCARD', 'unacked_index'],
    ['KEYS', 'ctq:own:*'],
  ]);
  const explained = fleet.takenAway * SLOTS;
  const [early, late] = [median(samples, 0.15, 0.3), median(samples, 0.85, 1)];
  const { wrong } = stage.book.tally();
  return {
    ...figures,
    recoveryS,
    note:
      `${load.tasks} tasks in ${(elapsedS() / 60).toFixed(1)} min (${load.kinds()}); ${fleet.said()}; ` +
      `memory of the worker that was never killed ${early.rssMb} → ${late.rssMb} MB, its descriptors ${early.files} → ${late.files}; ` +
      `${load.refused} publishes refused and told so`,
    also: {
      'repeated at most slots × workers taken away': figures.repeated <= explained,
      'memory flat within 10 %': late.rssMb <= early.rssMb * 1.1,
      'descriptors flat': late.files <= early.files + 4,
      'nothing left unacknowledged': Number(left[0]) === 0 && Number(left[1]) === 0,
      'every chord body with the right numbers': wrong === 0,
    },
  };
}

/** Publishes the mixture. */
class Load {
  tasks = 0;
  refused = 0;
  readonly #stage: Stage;
  readonly #counts = new Map<string, number>();
  #next = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async send(count: number): Promise<void> {
    const sends: Promise<void>[] = [];
    for (let sent = 0; sent < count; ) {
      const draw = Math.random();
      const name = `t${this.#next++}`;
      if (draw < 0.01) {
        sends.push(this.#one(name, 'chord', 4, () => this.#chord(name)));
        sent += 4;
        continue;
      }
      sent += 1;
      if (draw < 0.05) sends.push(this.#one(name, 'for later', 1, () => this.#task(name, 'work', 0, 1 + Math.random() * 20)));
      else if (draw < 0.09) sends.push(this.#one(name, 'retried', 1, () => this.#task(name, 'retrying', 0)));
      else if (draw < 0.13) sends.push(this.#one(name, 'computing', 1, () => this.#task(name, 'compute', 0.005)));
      else if (draw < 0.3) sends.push(this.#one(name, 'waiting', 1, () => this.#task(name, 'work', 0.01 + Math.random() * 0.1)));
      else sends.push(this.#one(name, 'plain', 1, () => this.#task(name, 'work', 0)));
    }
    await Promise.all(sends);
  }

  kinds(): string {
    return [...this.#counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
  }

  async #one(name: string, kind: string, tasks: number, send: () => Promise<unknown>): Promise<void> {
    this.#stage.book.sent(name);
    try {
      await send();
      this.tasks += tasks;
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + tasks);
    } catch {
      // The driver was told that it is not sent: nobody promised anything, though it may be there.
      this.#stage.book.unsent(name);
      this.refused += 1;
    }
  }

  #task(name: string, task: string, seconds: number, countdown?: number): Promise<unknown> {
    const { app } = this.#stage;
    return app.sendTask(`tasks.${task}`, task === 'retrying' ? [name] : [name, seconds], countdown === undefined ? {} : { countdown })
      .published;
  }

  async #chord(name: string): Promise<void> {
    const { app } = this.#stage;
    const parts = [0, 1, 2].map((value) => app.signature('tasks.part', [value, Math.random() * 0.05]));
    await chord(parts, app.signature('tasks.body', [name, 3])).delay().published;
  }
}

/** The workers, and what is done to them. */
class Fleet {
  /** Workers whose running tasks somebody else had to run again. */
  takenAway = 0;
  readonly #stage: Stage;
  readonly #proxy: TcpProxy;
  readonly #workers: OwnedProcess[] = [];
  readonly #counts = new Map<string, number>();
  /** By the number of the worker: what is being done to it. */
  readonly #busy = new Map<number, Promise<void>>();

  constructor(stage: Stage, proxy: TcpProxy) {
    this.#stage = stage;
    this.#proxy = proxy;
  }

  get witness(): OwnedProcess {
    return this.#workers[WITNESS] as OwnedProcess;
  }

  async start(): Promise<void> {
    for (let index = 0; index < WORKERS; index += 1) this.#workers[index] = await this.#worker(index, 'wait');
  }

  async settle(): Promise<void> {
    this.#proxy.mode = 'pass';
    this.#stage.redis.thaw();
    await Promise.all(this.#busy.values());
  }

  said(): string {
    return [...this.#counts].map(([fault, count]) => `${count} × ${fault}`).join(', ');
  }

  async fault(): Promise<string> {
    const faults: readonly (readonly [string, () => Promise<void>])[] = [
      ['kill -9', () => this.#one((index) => this.#replace(index, 'SIGKILL'))],
      ['kill -9', () => this.#one((index) => this.#replace(index, 'SIGKILL'))],
      ['SIGTERM', () => this.#one((index) => this.#replace(index, 'SIGTERM'))],
      ['child killed', () => this.#killChild()],
      ['worker frozen 12 s', () => this.#one((index) => this.#freezeWorker(index, 12))],
      ['redis killed and restarted', () => this.#crash()],
      ['redis frozen 2 s', () => this.#freezeRedis()],
      ['connections reset', async () => this.#proxy.cut()],
      ['connections silent', () => this.#silence()],
      ['CLIENT KILL', async () => void (await this.#stage.redis.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {}))],
    ];
    const [name, run] = faults[Math.floor(Math.random() * faults.length)] as (typeof faults)[number];
    await run();
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return name;
  }

  #worker(index: number, launch: 'wait' | 'at once'): Promise<OwnedProcess> {
    return this.#stage.worker({
      url: this.#stage.url.replace(String(this.#stage.redis.port), String(this.#proxy.port)),
      concurrency: index === WITH_CHILDREN ? SLOTS / 2 : SLOTS,
      launch,
      ctqArgs: ['-P', index === WITH_CHILDREN ? 'prefork' : 'async'],
      env: { CTQ_TEST_SETTINGS: '{"resultExpires": 60}' },
    });
  }

  /** To one that nothing is done to yet; the next fault does not wait for the end of this one. */
  async #one(act: (index: number) => Promise<void>): Promise<void> {
    const free = this.#workers.map((_, index) => index).filter((index) => index !== WITNESS && !this.#busy.has(index));
    const index = free[Math.floor(Math.random() * free.length)];
    if (index === undefined) return;
    const done = act(index).finally(() => this.#busy.delete(index));
    this.#busy.set(index, done);
  }

  async #replace(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const victim = this.#workers[index] as OwnedProcess;
    if (signal === 'SIGKILL') {
      this.takenAway += 1;
      await victim.kill();
    } else await victim.stop('SIGTERM', 60_000);
    this.#stage.workers.splice(this.#stage.workers.indexOf(victim), 1);
    this.#workers[index] = await this.#worker(index, 'at once');
  }

  async #killChild(): Promise<void> {
    const children = childrenOf((this.#workers[WITH_CHILDREN] as OwnedProcess).pid);
    const victim = children[Math.floor(Math.random() * children.length)];
    if (victim === undefined) return;
    this.takenAway += 1;
    process.kill(victim, 'SIGKILL');
  }

  async #freezeWorker(index: number, seconds: number): Promise<void> {
    const victim = this.#workers[index] as OwnedProcess;
    this.takenAway += 1;
    victim.signal('SIGSTOP');
    await sleep(seconds);
    victim.signal('SIGCONT');
  }

  async #crash(): Promise<void> {
    await this.#stage.redis.kill();
    await sleep(1);
    await this.#stage.redis.start();
  }

  async #freezeRedis(): Promise<void> {
    this.#stage.redis.freeze();
    await sleep(2);
    this.#stage.redis.thaw();
  }

  /** What is open falls silent, as behind a firewall that forgot it; what is opened anew works. */
  async #silence(): Promise<void> {
    // Whoever notices after more than seven seconds may have been taken for dead.
    this.takenAway += WORKERS;
    this.#proxy.silence();
  }
}

export function rssMb(pid: number): number {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kb ?? 0) / 1024);
  } catch {
    return 0;
  }
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim() === '' ? [] : text.trim().split(' ').map(Number);
  } catch {
    return [];
  }
}

function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** Of the samples between two shares of the run. */
function median(samples: readonly Sample[], from: number, to: number): Sample {
  const some = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { atS: 0, rssMb: middle(some.map(({ rssMb }) => rssMb)), files: middle(some.map(({ files }) => files)) };
}
