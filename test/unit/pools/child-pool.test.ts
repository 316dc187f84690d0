import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import { encodeOutcome } from '../../../src/execution/crossing.js';
import type { Outcome } from '../../../src/execution/outcome.js';
import type { Logger } from '../../../src/logger.js';
import type { AppHome, ChildOptions, PoolWatch } from '../../../src/pool.js';
import type { FromChild, ToChild } from '../../../src/pools/child-messages.js';
import { ChildPool } from '../../../src/pools/child-pool.js';
import type { Member, MemberEnding, MemberEvents } from '../../../src/pools/member.js';
import { Signals } from '../../../src/signals.js';
import { FakeClock } from '../../support/fake-clock.js';
import { invocation } from '../execution/run-support.js';

const home: AppHome = {
  address: { workdir: '/', module: { file: '/t.js', name: 't', symbol: undefined }, included: [], places: [] },
  layers: '[]',
  baseFolder: '/',
};

class FakeMember implements Member {
  readonly name: string;
  readonly pid: number;
  readonly events: MemberEvents;
  readonly heard: ToChild[] = [];
  killed = 0;
  /** Killed and still there: for as long as the test wants. */
  diesWhenKilled = true;

  constructor(name: string, events: MemberEvents, pid: number) {
    this.name = name;
    this.events = events;
    this.pid = pid;
  }
  send(message: ToChild): void {
    this.heard.push(message);
    if (message.kind === 'leave') queueMicrotask(() => this.events.gone({ exitCode: 0, signal: null }));
  }
  stack(): Promise<readonly string[] | undefined> {
    return Promise.resolve([`at work in ${this.name}`]);
  }
  kill(): void {
    this.killed += 1;
    if (this.diesWhenKilled) queueMicrotask(() => this.die({ exitCode: null, signal: 'SIGKILL' }));
  }
  say(message: FromChild): void {
    this.events.message(message);
  }
  ready(): void {
    this.say({ kind: 'ready' });
  }
  end(outcome: Outcome, more: { spent?: boolean; weightKib?: number } = {}): void {
    this.say({ kind: 'ended', text: encodeOutcome(outcome), spent: more.spent ?? false, weightKib: more.weightKib ?? null });
  }
  die(ending: MemberEnding): void {
    this.events.gone(ending);
  }
  get last(): ToChild | undefined {
    return this.heard.at(-1);
  }
}

function logger(lines: string[], fields: Readonly<Record<string, string>> = {}): Logger {
  const at =
    (level: string) =>
    (message: string, ...args: unknown[]) => {
      const head = Object.entries(fields).map(([key, value]) => `${key}=${value} `);
      lines.push(`${level} ${head.join('')}${format(message, ...args)}`);
    };
  return {
    ...{ debug() {}, info: at('INFO'), warning: at('WARNING'), error: at('ERROR'), critical: at('CRITICAL') },
    isEnabled: (level) => level !== 'debug',
    child: (more) => logger(lines, { ...fields, ...more }),
  };
}

interface SetUp extends Partial<ChildOptions> {
  readonly size?: number;
}

function setUp({ size = 2, ...children }: SetUp = {}) {
  const clock = new FakeClock();
  const members: FakeMember[] = [];
  const lines: string[] = [];
  const stored: [string, unknown][] = [];
  let storeTrouble: Error | undefined;
  const pool = new ChildPool(
    {
      kind: 'prefork',
      weigh: 'process',
      nameOf: (index) => `Worker-${index}`,
      logFields: (name) => ({ process_name: name }),
      spawn(name, events) {
        const member = new FakeMember(name, events, 1000 + members.length);
        members.push(member);
        return member;
      },
    },
    {
      size,
      nodename: 'celery@test',
      environment: {
        tasks: new Map(),
        logger: logger(lines),
        clock,
        signals: new Signals(),
        async storeState(_request, state, meta) {
          if (storeTrouble !== undefined) throw storeTrouble;
          stored.push([state, meta]);
        },
      },
      children: { home, maxTasks: null, maxMemoryKib: null, printLevel: 'warning', ...children },
    },
  );
  const started: { watch: PoolWatch; outcome: Outcome | undefined; pids: number[]; soft: number[] }[] = [];
  return {
    clock,
    members,
    lines,
    stored,
    pool,
    member: (index: number): FakeMember => members[index] as FakeMember,
    failStores: (error: Error) => {
      storeTrouble = error;
    },
    /** With everybody ready. */
    async open(): Promise<void> {
      const opened = pool.open();
      for (let index = 0; index <= size; index++) members[index]?.ready();
      await opened;
      await clock.advance(0);
    },
    run(more: Parameters<typeof invocation>[1] = {}) {
      const run = { outcome: undefined as Outcome | undefined, pids: [] as number[], soft: [] as number[], watch: {} as PoolWatch };
      run.watch = { started: (pid) => run.pids.push(pid), softLimitExceeded: (ms) => run.soft.push(ms), abort: undefined };
      void Promise.resolve(pool.run(invocation([], more), run.watch)).then((outcome) => {
        run.outcome = outcome;
      });
      started.push(run);
      return run;
    },
    settle: () => clock.advance(0),
  };
}

const done: Outcome = { kind: 'success', value: 1 };

describe('children that start', () => {
  it('are as many as there are slots, then one that stands by', async () => {
    const { pool, members, member } = setUp({ size: 2 });
    const opened = pool.open();
    expect(members.map(({ name }) => name)).toEqual(['Worker-1', 'Worker-2']);
    expect(member(0).heard).toEqual([
      {
        kind: 'start',
        setting: {
          version: expect.any(String) as string,
          home,
          nodename: 'celery@test',
          processName: 'Worker-1',
          logLevel: 'info',
          printLevel: 'warning',
          weigh: 'never',
        },
      },
    ]);
    member(0).ready();
    await opened;
    expect(members).toHaveLength(2);
    member(1).ready();
    expect(members).toHaveLength(3);
    member(2).ready();
    expect(members).toHaveLength(3);
    expect(pool.processes).toEqual([1000, 1001, 1002]);
  });

  it('say why the app does not load, and none is left', async () => {
    const { pool, member, settle } = setUp();
    const opened = pool.open();
    member(0).say({ kind: 'failed', message: 'tasks.ts failed', hint: 'at tasks.ts:1', stack: 'stack' });
    await expect(opened).rejects.toMatchObject({ message: 'tasks.ts failed', hint: 'at tasks.ts:1', code: 'CTQ_CONFIG_APP' });
    await settle();
    expect(member(0).killed).toBe(1);
    expect(member(1).killed).toBe(1);
  });

  it('are given up at the start when three in a row die of it', async () => {
    const { pool, members, clock } = setUp({ size: 1 });
    const opened = pool.open();
    opened.catch(() => {});
    members[0]?.die({ exitCode: 1, signal: null });
    await clock.advance(100);
    members[1]?.die({ exitCode: 1, signal: null });
    await clock.advance(200);
    members[2]?.die({ exitCode: 1, signal: null });
    await expect(opened).rejects.toThrow('the children of the pool end before they are ready: exitcode 1');
  });

  it('are started again later, each time less eagerly, once somebody was ready', async () => {
    const { open, members, member, clock, lines } = setUp({ size: 1 });
    await open();
    member(1).die({ exitCode: null, signal: 'SIGSEGV' });
    expect(lines).toEqual(['ERROR Process Worker-2 pid:1001 exited with SIGSEGV']);
    for (const waitMs of [100, 200, 400]) {
      const before = members.length;
      members.at(-1)?.die({ exitCode: 1, signal: null });
      await clock.advance(waitMs - 1);
      expect(members).toHaveLength(before);
      await clock.advance(1);
      expect(members).toHaveLength(before + 1);
    }
  });

  it('are killed when they are not ready after a minute', async () => {
    const { pool, member, clock } = setUp({ size: 1 });
    const opened = pool.open();
    opened.catch(() => {});
    await clock.advance(60_000);
    await expect(opened).rejects.toThrow('a child of the pool is not ready after 60 s');
    expect(member(0).killed).toBe(1);
  });

  it('cannot be without a module to load', () => {
    expect(() => setUp({ home: undefined })).toThrow(ConfigError);
  });
});

describe('a run', () => {
  it('goes to who was busy last, and waits its turn when all are', async () => {
    const { open, run, member, settle } = setUp({ size: 2 });
    await open();
    const [first, second, third] = [run({ id: 'a' }), run({ id: 'b' }), run({ id: 'c' })];
    expect([first.pids, second.pids, third.pids]).toEqual([[1002], [1001], []]);
    member(1).end(done);
    expect(third.pids).toEqual([1001]);
    await settle();
    expect(second.outcome).toEqual(done);
    expect(second.watch.abort).toBeUndefined();
    member(1).end(done);
    run();
    expect(member(1).heard.filter(({ kind }) => kind === 'run')).toHaveLength(3);
  });

  it('ends as lost when its child dies, but as it said when it said so before', async () => {
    const { open, run, member, settle, members } = setUp({ size: 2 });
    await open();
    const [first, second] = [run(), run()];
    member(2).die({ exitCode: 1, signal: null });
    member(1).end(done);
    member(1).die({ exitCode: null, signal: 'SIGKILL' });
    await settle();
    expect(first.outcome).toEqual({ kind: 'worker-lost', exitCode: 1, signal: null });
    expect(second.outcome).toEqual(done);
    expect(members.length).toBeGreaterThan(3);
  });

  it('that ends at its soft limit before our own timer could say so has exceeded it all the same', async () => {
    const { open, run, clock, member, settle } = setUp({ size: 1 });
    await open();
    const late = run({ softTimeLimitMs: 1_000 });
    const timely = vi.spyOn(clock, 'monotonicMs');
    timely.mockReturnValue(clock.monotonicMs() + 1_000);
    member(1).end(done);
    await settle();
    timely.mockRestore();
    expect(late.soft).toEqual([1_000]);
    const early = run({ softTimeLimitMs: 1_000 });
    member(1).end(done);
    await clock.advance(2_000);
    expect(early.soft).toEqual([]);
  });

  it('is announced at the soft limit and killed at the hard one', async () => {
    const { open, run, member, clock } = setUp({ size: 1 });
    await open();
    const limited = run({ softTimeLimitMs: 1_000, timeLimitMs: 2_000 });
    await clock.advance(1_000);
    expect(limited.soft).toEqual([1_000]);
    await clock.advance(1_000);
    expect(member(1).killed).toBe(1);
    expect(limited.outcome).toEqual({ kind: 'timed-out', limitMs: 2_000 });
  });

  it('is over a second after the kill even when that does not show', async () => {
    const { open, run, member, clock, lines, members } = setUp({ size: 1 });
    await open();
    member(1).diesWhenKilled = false;
    const limited = run({ timeLimitMs: 500 });
    await clock.advance(1_499);
    expect(limited.outcome).toBeUndefined();
    await clock.advance(1);
    expect(limited.outcome).toEqual({ kind: 'timed-out', limitMs: 500 });
    expect(lines).toEqual(['ERROR Worker-2 pid:1001 was killed and has not ended yet; another one takes its place']);
    expect(members).toHaveLength(3);
    // Its end, when it comes, is nobody's business any more.
    member(1).die({ exitCode: null, signal: 'SIGKILL' });
    expect(lines).toHaveLength(1);
  });

  it('that is terminated gets half a second to say so', async () => {
    const { open, run, member, clock, settle } = setUp({ size: 2 });
    await open();
    const [quick, deaf] = [run(), run()];
    for (const { watch } of [quick, deaf]) watch.abort?.('terminated', 'SIGTERM');
    expect(member(2).last).toEqual({ kind: 'abort', reason: 'terminated', signal: 'SIGTERM' });
    member(2).end({ kind: 'success', value: 'whatever it says' });
    await settle();
    expect(quick.outcome).toEqual({ kind: 'revoked', reason: 'terminated', signal: 'SIGTERM' });
    await clock.advance(499);
    expect(member(1).killed).toBe(0);
    await clock.advance(1);
    expect(member(1).killed).toBe(1);
    expect(deaf.outcome).toMatchObject({ kind: 'revoked' });
  });

  it.each(['fenced', 'shutdown'] as const)('that is %s ends only when its child is gone', async (reason) => {
    const { open, run, member, settle } = setUp({ size: 1 });
    await open();
    member(1).diesWhenKilled = false;
    const running = run();
    running.watch.abort?.(reason);
    await settle();
    expect(running.outcome).toBeUndefined();
    member(1).die({ exitCode: null, signal: 'SIGKILL' });
    await settle();
    expect(running.outcome).toEqual({ kind: 'requeued', reason });
  });

  it('with a result that cannot be read back fails, and is not run again', async () => {
    const { open, run, member, settle } = setUp({ size: 1 });
    await open();
    const running = run();
    member(1).say({ kind: 'ended', text: '{"kind": "success"', spent: false, weightKib: null });
    await settle();
    expect(running.outcome).toMatchObject({ kind: 'failure' });
  });
});

describe('children that have served', () => {
  it('leave when they are spent, after so many tasks, or too large, and others take their place', async () => {
    const { open, run, member, members, settle, lines } = setUp({ size: 1, maxTasks: 3, maxMemoryKib: 1_000 });
    await open();
    run();
    member(1).end(done, { spent: true });
    expect(member(1).last).toEqual({ kind: 'leave' });
    run();
    member(0).end(done, { weightKib: 1_001 });
    expect(member(0).last).toEqual({ kind: 'leave' });
    await settle();
    expect(lines).toEqual(['WARNING process_name=Worker-1 child process exiting after exceeding memory limit (1001KiB / 1000KiB)']);
    const third = member(2);
    third.ready();
    for (let count = 0; count < 3; count++) {
      run();
      third.end(done, { weightKib: 1_000 });
    }
    expect(third.last).toEqual({ kind: 'leave' });
    expect(members.length).toBeGreaterThan(3);
  });

  it('are ended when they do not leave by themselves', async () => {
    const { open, pool, member, clock } = setUp({ size: 1 });
    await open();
    member(0).send = () => {};
    const closed = pool.close('drain');
    await clock.advance(2_500);
    expect(member(0).killed).toBe(1);
    await closed;
  });

  it('are replaced by a restart once a new one is ready, and not when it cannot load the app', async () => {
    const fresh: AppHome = { ...home, layers: '[["fresh"]]' };
    const { open, pool, member, members, settle, run } = setUp({ size: 1, reload: async () => fresh });
    await open();
    const running = run();
    const failing = pool.restart();
    failing.catch(() => {});
    await settle();
    expect(member(2).heard[0]).toMatchObject({ kind: 'start', setting: { home: fresh } });
    member(2).say({ kind: 'failed', message: 'no', hint: null, stack: 'no' });
    await expect(failing).rejects.toThrow('no');
    await settle();
    expect(member(0).last).toMatchObject({ kind: 'start', setting: { home } });
    const restarted = pool.restart();
    await settle();
    member(3).ready();
    await restarted;
    expect(member(0).last).toEqual({ kind: 'leave' });
    expect(member(1).last).toMatchObject({ kind: 'run' });
    member(1).end(done);
    expect(member(1).last).toEqual({ kind: 'leave' });
    await settle();
    expect(running.outcome).toEqual(done);
    expect(members).toHaveLength(5);
  });

  it('are let go, the idle first, when the pool shrinks', async () => {
    const { open, pool, member, run, settle } = setUp({ size: 3 });
    await open();
    const running = run();
    await pool.resize(1);
    await settle();
    expect([0, 1, 2, 3].map((index) => member(index).last?.kind)).toEqual(['leave', 'leave', 'start', 'run']);
    member(3).end(done);
    await settle();
    expect(running.outcome).toEqual(done);
    expect(pool.processes).toEqual([1002, 1003]);
  });
});

describe('what children say', () => {
  it('is logged as theirs, with the fields of their task', async () => {
    const { open, run, member, lines } = setUp({ size: 1 });
    await open();
    run({ id: 'i', taskName: 'tasks.it' });
    member(1).say({ kind: 'log', level: 'info', message: 'a %s', args: ['b'], fields: { task_id: 'i' } });
    member(1).events.printed('from native code');
    expect(lines).toEqual([
      'INFO task_id=i process_name=Worker-2 a b',
      'WARNING task_id=i task_name=tasks.it process_name=Worker-2 from native code',
    ]);
  });

  it('about states is stored and answered, with what went wrong', async () => {
    const { open, run, member, stored, settle, failStores } = setUp({ size: 1 });
    await open();
    run();
    member(1).say({ kind: 'state', ticket: 1, state: 'HALF', meta: '{"n": 1}' });
    await settle();
    expect(stored).toEqual([['HALF', { n: 1 }]]);
    expect(member(1).last).toEqual({ kind: 'stored', ticket: 1, problem: null });
    failStores(new Error('nobody answers'));
    member(1).say({ kind: 'state', ticket: 2, state: 'HALF', meta: '1' });
    await settle();
    expect(member(1).last).toEqual({ kind: 'stored', ticket: 2, problem: 'nobody answers' });
  });

  it('and cannot be understood ends them', async () => {
    const { open, run, member, lines, settle } = setUp({ size: 1 });
    await open();
    const running = run();
    member(1).say({ kind: 'log', level: 'shout' as 'info', message: '', args: [], fields: {} });
    await settle();
    expect(lines[0]).toMatch(/^ERROR Worker-2 pid:1001 says what nobody understands, and is ended:\n/);
    expect(running.outcome).toMatchObject({ kind: 'worker-lost' });
  });
});

describe('closing', () => {
  it('waits for what runs, or ends it, and gives back what waits', async () => {
    const { open, run, member, pool, settle } = setUp({ size: 1 });
    await open();
    const [running, waiting] = [run(), run()];
    const closed = pool.close('terminate');
    await settle();
    expect(waiting.outcome).toEqual({ kind: 'requeued', reason: 'shutdown' });
    await closed;
    expect(running.outcome).toEqual({ kind: 'requeued', reason: 'shutdown' });
    expect(member(1).killed).toBe(1);
    expect(pool.processes).toEqual([]);
  });
});
