/** Every command answers what Celery's own worker answered in the recordings, for a worker in the same state. */
import { beforeEach, describe, expect, it } from 'vitest';
import { commandTable, remoteCommands } from '../../../src/remote-control/commands/index.js';
import { Mailbox } from '../../../src/remote-control/mailbox.js';
import { decodeReply } from '../../../src/protocol/pidbox.js';
import { fakeRequest, FakeWorker } from '../../support/fake-worker.js';
import { answersOf, pidboxCaptures, pidboxEntry, requestsOf } from '../../support/pidbox-captures.js';
import { PublishingBroker } from '../../support/publishing-broker.js';

const recorded = pidboxCaptures['5.6'];

let worker: FakeWorker;
let broker: PublishingBroker;
let mailbox: Mailbox;

beforeEach(() => {
  worker = new FakeWorker();
  broker = new PublishingBroker();
  mailbox = new Mailbox({
    broker,
    worker,
    commands: commandTable(remoteCommands),
    namespace: 'celery',
    limits: { ttlS: 300, expiresS: 10 },
    allowed: null,
    monotonicMs: () => 0,
  });
});

/** Plays the recorded requests to our mailbox; returns what it answered. */
async function play(what: string): Promise<unknown[]> {
  const before = broker.published.length;
  for (const request of requestsOf(pidboxEntry(recorded, what))) mailbox.receive(request);
  await new Promise((resolve) => setImmediate(resolve));
  return broker.published.slice(before).map(({ message }) => decodeReply(message).values.get('worker1@host'));
}

/** Values gone, names, nesting and kinds of value kept. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
  return value === null ? 'null' : typeof value;
}

const running = fakeRequest('active-task-id', {
  name: 'tasks.sleep',
  type: 'tasks.sleep',
  args: [60],
  argsRepr: '(60,)',
  startedAtMs: 1795249806020.5,
  acknowledged: true,
  workerPid: 15634,
});
const waiting = (id: string) => fakeRequest(id, { args: [1, 'two'], kwargs: { k: [1] } });

describe('the table of commands', () => {
  it('has every command that Celery 5.6 lists, and the ones it hides', () => {
    const inspect =
      'active active_queues clock conf hello memdump memsample objgraph ping query_task registered report reserved revoked scheduled stats';
    const control =
      'add_consumer autoscale cancel_consumer disable_events election enable_events heartbeat pool_grow pool_restart pool_shrink rate_limit revoke revoke_by_stamped_headers shutdown terminate time_limit';
    const named = (kind: string) => remoteCommands.filter((command) => command.kind === kind).map(({ name }) => name);
    // And more, if somebody adds one.
    expect(named('inspect')).toEqual(expect.arrayContaining(inspect.split(' ')));
    expect(named('control')).toEqual(expect.arrayContaining(control.split(' ')));
  });

  it('knows no name twice', () => {
    const names = remoteCommands.flatMap(({ name, alias }) => [name, ...(alias === undefined ? [] : [alias])]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('says something about each', () => {
    for (const { summary, parameters, variadic, usage } of remoteCommands) {
      expect(summary).toMatch(/^[a-z]/);
      expect(usage === undefined).toBe(parameters === undefined && variadic === undefined);
    }
  });
});

describe('a command answers as in the recording', () => {
  it.each([
    'inspect ping',
    'inspect ping with destination',
    'inspect ping with an unknown destination',
    'inspect ping with pattern/matcher glob',
    'inspect ping with pattern/matcher pcre',
    'control.ping (broadcast API)',
    'inspect command with extra keyword (ping)',
    'inspect hello from the node itself (reply null)',
    'control revoke (no reply asked)',
    'control revoke with reply',
    'control revoke terminate unknown id',
    'control terminate unknown id',
    'raw terminate command',
    'control revoke_by_stamped_headers',
    'control revoke_by_stamped_headers terminate',
    'control revoke_by_stamped_headers (list form)',
    'control rate_limit unknown task',
    'control rate_limit invalid',
    'control time_limit unknown task',
    'control add_consumer',
    'control add_consumer with exchange',
    'control cancel_consumer',
    'control cancel_consumer unknown queue',
    'control enable_events',
    'control disable_events again',
    'control heartbeat',
    'control pool_grow',
    'control pool_shrink',
    'control autoscale (not enabled)',
    'control shutdown',
    'control election with two workers (signature as action)',
    'unknown command',
    'known command, unknown argument',
  ])('%s', async (what) => {
    expect(await play(what)).toEqual(answersOf(pidboxEntry(recorded, what)));
  });

  it('inspect active, with values and with texts', async () => {
    worker.held.active.push(running);
    const withoutRounding = (value: unknown) => JSON.parse(JSON.stringify(value).replace(/1795249806\.\d+/g, '1795249806.02'));
    for (const what of ['inspect active', 'inspect active safe=True']) {
      expect(withoutRounding(await play(what))).toEqual(withoutRounding(answersOf(pidboxEntry(recorded, what))));
    }
  });

  it('inspect reserved', async () => {
    worker.held.reserved.push(waiting('reserved-task-id-1'), waiting('reserved-task-id-0'));
    expect(await play('inspect reserved')).toEqual(answersOf(pidboxEntry(recorded, 'inspect reserved')));
  });

  it('inspect scheduled', async () => {
    worker.held.scheduled.push({ etaMs: Date.parse('2026-11-21T08:40:06.824Z'), request: fakeRequest('scheduled-task-id', { args: [3] }) });
    const exact = JSON.parse(JSON.stringify(answersOf(pidboxEntry(recorded, 'inspect scheduled'))).replace('06.824630', '06.824000'));
    expect(await play('inspect scheduled')).toEqual(exact);
  });

  it('inspect query_task, the unknown and the scheduled left out', async () => {
    worker.held.active.push({ ...running, startedAtMs: 1795249806_000 });
    worker.held.reserved.push(waiting('reserved-task-id-0'));
    const [answer] = (await play('inspect query_task')) as [Record<string, [string, unknown]>];
    const [wanted] = answersOf(pidboxEntry(recorded, 'inspect query_task')) as [Record<string, [string, unknown]>];
    expect(shapeOf(answer)).toEqual(shapeOf(wanted));
    expect(answer['active-task-id']?.[0]).toBe('active');
    expect(answer['reserved-task-id-0']).toEqual(wanted['reserved-task-id-0']);
  });

  it('inspect revoked', async () => {
    worker.revokedIds.set('revoked-task-id', 1);
    expect(await play('inspect revoked')).toEqual([['revoked-task-id']]);
  });

  it('inspect registered, with the attributes asked for, and builtin tasks when wanted', async () => {
    for (const name of ['tasks.mul', 'tasks.add', 'celery.chain']) worker.attributes.set(name, { max_retries: 3, acks_late: false });
    worker.attributes.set('tasks.limited', { max_retries: 3, acks_late: false, rate_limit: '1/m' });
    const wanted = (what: string, ...names: string[]) =>
      (answersOf(pidboxEntry(recorded, what))[0] as string[]).filter((line) => names.includes(line.split(' ')[0] ?? ''));
    const own = ['tasks.add', 'tasks.limited', 'tasks.mul'];
    expect(await play('inspect registered')).toEqual([wanted('inspect registered', ...own)]);
    expect(await play('inspect registered with attributes')).toEqual([wanted('inspect registered with attributes', ...own)]);
    expect(await play('inspect registered builtins')).toEqual([wanted('inspect registered builtins', ...own, 'celery.chain')]);
  });

  it('inspect stats, key by key', async () => {
    worker.now = { ...worker.now, total: { 'tasks.sleep': 1 } };
    const [answer] = (await play('inspect stats')) as [Record<string, unknown>];
    const [wanted] = answersOf(pidboxEntry(recorded, 'inspect stats')) as [Record<string, unknown>];
    expect(shapeOf({ ...answer, pool: 0 })).toEqual(shapeOf({ ...wanted, pool: 0 }));
    expect(answer['broker']).toEqual(wanted['broker']);
    expect(answer).toMatchObject({ total: { 'tasks.sleep': 1 }, uptime: 22, prefetch_count: 5, pid: 15583 });
    expect(typeof answer['clock']).toBe('string');
  });

  it.each([
    ['amqp://user:**@host', '/'],
    ['amqp://user:**@host/%2F', '/'],
    ['pyamqp://user:**@host//', '/'],
    ['amqps://user:**@host/shop', 'shop'],
  ])('inspect stats names the virtual host of %s as kombu does', async (brokerUrl, host) => {
    worker.now = { ...worker.now, brokerUrl };
    const answers = (await play('inspect stats')) as { readonly broker: unknown }[];
    expect(JSON.stringify(answers)).toContain(`"virtual_host":"${host}"`);
  });

  it('inspect stats of a worker with autoscale', async () => {
    const figures = { max: 4, min: 1, current: 1, qty: 0 };
    worker.autoscale = { info: () => figures, update: (max, min) => ({ max: max ?? 4, min: min ?? 1 }) };
    const [answer] = (await play('inspect stats (autoscale)')) as [Record<string, unknown>];
    expect(answer['autoscaler']).toEqual(figures);
    expect(await play('control autoscale')).toEqual(answersOf(pidboxEntry(recorded, 'control autoscale')));
    expect(await play('control pool_grow with autoscale')).toEqual(answersOf(pidboxEntry(recorded, 'control pool_grow with autoscale')));
  });

  it('inspect active_queues', async () => {
    expect(await play('inspect active_queues')).toEqual(answersOf(pidboxEntry(recorded, 'inspect active_queues')));
    await play('control add_consumer');
    await play('control add_consumer with exchange');
    const after = 'inspect active_queues after add_consumer';
    expect(await play(after)).toEqual(answersOf(pidboxEntry(recorded, after)));
  });

  it('inspect conf and inspect conf with defaults', async () => {
    const [changed] = answersOf(pidboxEntry(recorded, 'inspect conf')) as [Record<string, unknown>];
    worker.changed = { ...changed, include: changed['include'] };
    worker.defaults = { broker_password: null, task_default_routing_key: null, worker_pool: 'async' };
    expect(await play('inspect conf')).toEqual([changed]);
    const [all] = (await play('inspect conf with defaults')) as [Record<string, unknown>];
    const [wanted] = answersOf(pidboxEntry(recorded, 'inspect conf with defaults')) as [Record<string, unknown>];
    for (const key of ['broker_password', 'task_default_routing_key', 'broker_url']) expect(all[key]).toEqual(wanted[key]);
    expect(all['worker_pool']).toBe('async');
  });

  it('inspect clock', async () => {
    const [{ clock }] = (await play('inspect clock')) as [{ clock: number }];
    expect(clock).toBeGreaterThan(0);
    expect(Number.isInteger(clock)).toBe(true);
  });

  it('inspect report: a text with the same parts', async () => {
    worker.changed = { broker_url: 'redis://:secret@127.0.0.1:7301/0', worker_pool_restarts: true };
    const [{ ok }] = (await play('inspect report')) as [{ ok: string }];
    expect(ok).toMatch(/^\nsoftware -> ctq:\S+ node:\S+ /);
    expect(ok).toContain('platform -> system:');
    expect(ok).toContain('settings -> transport:redis');
    expect(ok).toContain('worker_pool_restarts: True');
    expect(ok).not.toContain('secret');
  });

  it('inspect memsample and memdump', async () => {
    const [sample] = (await play('inspect memsample')) as [string];
    expect(sample).toMatch(/^\d+(\.\d+)?[KMG]B$/);
    const [dump] = (await play('inspect memdump')) as [string];
    expect(dump).toMatch(new RegExp(`^- rss \\(sample\\):\\n- {4}> ${sample},\\n- rss \\(end\\): \\S+\\.\\n$`));
  });

  it('inspect objgraph: the heap, where Celery draws objects', async () => {
    const [answer] = (await play('inspect objgraph')) as [Record<string, Record<string, number>>];
    expect(answer['heap']?.['used_heap_size']).toBeGreaterThan(0);
    expect(answer['memory']?.['rss']).toBeGreaterThan(0);
  });

  it('inspect hello: learns ids, tells ours with times that Python takes, moves the clock', async () => {
    worker.revokedIds.set('revoked-task-id', 2526);
    const clockBefore = worker.clock.value;
    const [answer] = (await play('inspect hello')) as [{ revoked: Record<string, [number, string]>; clock: number }];
    const [wanted] = answersOf(pidboxEntry(recorded, 'inspect hello'));
    expect(shapeOf(answer)).toEqual(shapeOf(wanted));
    expect(worker.revokes.ids()).toContain('foreign-revoked-id');
    for (const [seconds, id] of Object.values(answer.revoked)) {
      expect(JSON.stringify(seconds), `${id} must be a float for Python`).toContain('.');
    }
    expect(answer.clock).toBeGreaterThan(clockBefore);
    expect(worker.log).toContainEqual({ level: 'info', text: 'sync with other@host' });
  });

  it('under the older names as well', async () => {
    const what = 'aliases: dump_active, dump_reserved, dump_schedule, dump_revoked, dump_tasks, dump_conf';
    expect(await play(what)).toHaveLength(answersOf(pidboxEntry(recorded, what)).length);
    expect(JSON.stringify(await play(what))).not.toContain('KeyError');
  });

  it('control revoke of several ids, printed as a Python set', async () => {
    expect(await play('control revoke list with reply')).toEqual([{ ok: "tasks {'r-3', 'r-4'} flagged as revoked" }]);
    expect(worker.deeds).toEqual([['revoke', ['r-3', 'r-4'], 'mark']]);
    expect(worker.log.at(-1)).toEqual({ level: 'info', text: 'Tasks flagged as revoked: r-3, r-4' });
  });

  it('control revoke tells a task that runs, by id and by stamp', async () => {
    worker.held.active.push(fakeRequest('r-3', { stamps: { mtask_id: ['s-2'] } }), fakeRequest('other'));
    await play('control revoke list with reply');
    expect(worker.deeds).toContainEqual(['tell revoked', 'r-3']);
    worker.deeds.length = 0;
    await play('control revoke_by_stamped_headers');
    expect(worker.deeds).toContainEqual(['tell revoked', 'r-3']);
    expect(worker.deeds).not.toContainEqual(['tell revoked', 'other']);
  });

  it('control terminate of a task that runs', async () => {
    worker.held.active.push(fakeRequest('r-5'));
    expect(await play('control revoke terminate unknown id')).toEqual([{ ok: 'terminate: r-5' }]);
    // Whoever ends the run stores its result.
    expect(worker.deeds).toContainEqual(['revoke', ['r-5'], 'leave']);
    expect(worker.deeds).toContainEqual(['terminate', ['r-5'], 'SIGKILL']);
    expect(worker.log.at(-1)).toEqual({ level: 'info', text: 'Terminating r-5 (9)' });
  });

  it('control revoke_by_stamped_headers of a task that runs', async () => {
    worker.held.active.push(fakeRequest('stamped', { stamps: { mtask_id: ['s-3'] } }), fakeRequest('other'));
    expect(await play('control revoke_by_stamped_headers terminate')).toEqual([{ ok: "headers {'mtask_id': 's-3'} revoked" }]);
    expect(worker.deeds).toContainEqual(['terminate', ['stamped'], 'SIGTERM']);
  });

  it('control rate_limit, on and off', async () => {
    worker.attributes.set('tasks.add', {});
    for (const what of ['control rate_limit', 'control rate_limit off']) {
      expect(await play(what)).toEqual(answersOf(pidboxEntry(recorded, what)));
    }
    expect(worker.deeds).toEqual([
      ['setRateLimit', 'tasks.add', '10/m'],
      ['setRateLimit', 'tasks.add', null],
    ]);
    expect(worker.log.map(({ text }) => text)).toContain('New rate limit for tasks of type tasks.add: 10/m.');
  });

  it('control time_limit', async () => {
    worker.attributes.set('tasks.add', {});
    expect(await play('control time_limit')).toEqual(answersOf(pidboxEntry(recorded, 'control time_limit')));
    expect(worker.deeds).toEqual([['setTimeLimits', 'tasks.add', { soft: 60, hard: 120 }]]);
    expect(worker.log.at(-1)?.text).toBe('New time limits for tasks of type tasks.add: soft=60 hard=120');
  });

  it('control enable_events twice, then disable_events', async () => {
    for (const what of ['control enable_events', 'control enable_events again', 'control disable_events']) {
      expect(await play(what)).toEqual(answersOf(pidboxEntry(recorded, what)));
    }
    expect(worker.log.map(({ text }) => text).filter((text) => text.startsWith('Events'))).toEqual([
      'Events of group {task} enabled by remote.',
      'Events of group {task} disabled by remote.',
    ]);
  });

  it('control pool_restart, where it is enabled and where not', async () => {
    expect(await play('control pool_restart')).toEqual([{ error: "ValueError('Pool restarts not enabled')" }]);
    worker.changed = { worker_pool_restarts: true };
    expect(await play('control pool_restart')).toEqual(answersOf(pidboxEntry(recorded, 'control pool_restart')));
    expect(worker.deeds).toEqual([['restart']]);
  });

  it('control shutdown: without a word, with a warning', async () => {
    await play('control shutdown');
    expect(worker.deeds).toEqual([['shutdown']]);
    expect(worker.log.at(-1)).toEqual({ level: 'warning', text: 'Got shutdown from remote' });
  });
});

describe('what commands show', () => {
  it('holds no secret, wherever in the settings it stands', async () => {
    worker.changed = {
      broker_url: 'redis://user:hunter2@host/0',
      result_backend: 'sentinel://:hunter2@a:1;sentinel://:hunter2@b:2',
      redis_password: 'hunter2',
      broker_transport_options: { sentinel_kwargs: { password: 'hunter2' }, api: { inner: 'hunter2' } },
      beat_schedule: { x: { task: 't', args: ['postgres://u:hunter2@db/x'] } },
      worker_timer: () => 'hunter2',
    };
    worker.now = { ...worker.now, brokerUrl: 'redis://user:**@host/0', transportOptions: { password: 'hunter2' } };
    const answers = [...(await play('inspect conf')), ...(await play('inspect conf with defaults')), ...(await play('inspect report'))];
    answers.push(...(await play('inspect stats')));
    expect(answers).toHaveLength(4);
    expect(JSON.stringify(answers)).not.toContain('hunter2');
  });
});
