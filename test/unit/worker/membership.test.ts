/** A worker in a cluster of two, over the memory broker: what it hears before it takes anything, and what the other learns. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Ctq } from '../../../src/ctq.js';
import type { ReceivedEvent } from '../../../src/events/receiver.js';
import type { Worker, WorkerOptions } from '../../../src/worker/worker.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { undisturbed } from '../../support/undisturbed.js';

/** An answer takes no time here, unless the machine stands still; the default is a second. */
const PATIENT = { timeout: 20 };
const poll = <Value>(look: () => Value | Promise<Value>) => expect.poll(look, { timeout: 20_000 });

const running: { worker: Worker; app: Ctq }[] = [];
afterEach(async () => {
  for (const { worker, app } of running.splice(0)) {
    await worker.stop('cold');
    await app.close();
  }
});

async function start(url: string, hostname: string, options: WorkerOptions = {}, settings: SettingsInput = {}): Promise<Ctq> {
  const app = new Ctq('tasks', { brokerUrl: url, ...settings });
  app.task('tasks.add', (x: number, y: number) => x + y);
  app.task({ name: 'tasks.silent', sendEvents: false }, () => 1);
  app.task('tasks.fail', () => {
    throw new RangeError('too far');
  });
  const worker = await app.worker({ hostname, concurrency: 2, ...options });
  const ready = new Promise<void>((resolve) => app.signals.workerReady.connect(() => resolve()));
  void worker.start();
  await ready;
  running.push({ worker, app });
  return app;
}

const freshUrl = (): string => `memory://${randomUUID()}`;

describe('a worker that starts', () => {
  it('knows what was revoked before it was there, and does not run it', async () => {
    const url = freshUrl();
    const client = new Ctq('client', { brokerUrl: url });
    await client.control.revoke(['r-1', 'r-2']);
    const sent = client.sendTask('tasks.add', [1, 2], { taskId: 'r-1' });
    await sent.published;
    const app = await start(url, 'w1@h');
    expect(await client.AsyncResult('r-1').get({ timeout: 20, propagate: false })).toMatchObject({ state: 'REVOKED' });
    expect(await app.control.inspect(PATIENT).revoked()).toEqual({ 'w1@h': ['r-1', 'r-2'] });
    await client.close();
  });

  it('learns from the others by mingling, and they from it', async () => {
    // It waits a second for who is there.
    await undisturbed(900, async () => {
      const url = freshUrl();
      const first = await start(url, 'w1@h');
      await first.control.broadcast(
        'hello',
        { from_node: 'elsewhere@h', revoked: { foreign: [5.5, 'foreign'] } },
        { reply: true, ...PATIENT },
      );
      await start(url, 'w2@h');
      expect(await first.control.inspect(PATIENT).revoked()).toEqual({ 'w1@h': ['foreign'], 'w2@h': ['foreign'] });
      const clocks = Object.values(await first.control.inspect(PATIENT).clock()).map(({ clock }) => clock);
      expect(Math.abs((clocks[0] ?? 0) - (clocks[1] ?? 0))).toBeLessThan(10);
    });
  });

  it('takes no requests where remote control is switched off, and works', async () => {
    const url = freshUrl();
    const app = await start(url, 'w1@h', {}, { workerEnableRemoteControl: false });
    expect(await app.control.ping({ timeout: 0.1 })).toEqual({});
    expect(await app.sendTask('tasks.add', [1, 2]).get({ timeout: 20 })).toBe(3);
  });

  it('obeys only what the settings allow', async () => {
    const app = await start(freshUrl(), 'w1@h', {}, { controlAllow: ['ping', 'stats'] });
    expect(await app.control.ping(PATIENT)).toEqual({ 'w1@h': { ok: 'pong' } });
    const refused = { 'w1@h': { error: expect.stringContaining('PermissionError') } };
    // Whoever obeys this one does not answer.
    expect(await app.control.broadcast('shutdown', {}, { reply: true, ...PATIENT })).toEqual(refused);
    expect(await app.control.poolGrow(1, { reply: true, ...PATIENT })).toEqual(refused);
    expect(await app.control.ping(PATIENT)).toEqual({ 'w1@h': { ok: 'pong' } });
  });

  it('shows what waits for its time, and forgets nothing else', async () => {
    const app = await start(freshUrl(), 'w1@h');
    await app.sendTask('tasks.add', [1, 2], { taskId: 'later', countdown: 3600 });
    await poll(async () => (await app.control.inspect(PATIENT).scheduled())['w1@h']).toMatchObject([
      { priority: 6, request: { id: 'later', name: 'tasks.add', args: [1, 2], acknowledged: false } },
    ]);
    expect((await app.control.inspect(PATIENT).queryTask('later'))['w1@h']).toEqual({});
  });

  it('stops when it is told to', async () => {
    const app = await start(freshUrl(), 'w1@h');
    await app.control.shutdown();
    await poll(() => running[0]?.worker.state).toBe('stopped');
    expect(await app.control.ping(PATIENT)).toEqual({});
  });
});

describe('the events of a worker', () => {
  async function listen(app: Ctq): Promise<ReceivedEvent[]> {
    const heard: ReceivedEvent[] = [];
    const stream = await app.events.receive((event) => heard.push(event));
    running.push({ worker: { stop: () => stream.close() } as unknown as Worker, app });
    return heard;
  }

  const story = (heard: readonly ReceivedEvent[], id: string): string[] => heard.filter(({ uuid }) => uuid === id).map(({ type }) => type);

  it('tell how each task ended, with -E', async () => {
    const app = await start(freshUrl(), 'w1@h', {}, { workerSendTaskEvents: true });
    const heard = await listen(app);
    await app.sendTask('tasks.add', [1, 2], { taskId: 'fine' }).get({ timeout: 20 });
    await app.sendTask('tasks.fail', [], { taskId: 'bad' }).get({ timeout: 20, propagate: false });
    await app.sendTask('tasks.missing', [], { taskId: 'unknown' }).get({ timeout: 20, propagate: false });
    await app.sendTask('tasks.silent', [], { taskId: 'silent' }).get({ timeout: 20 });
    await app.sendTask('tasks.add', [1, 2], { taskId: 'late', expires: new Date(0) }).get({ timeout: 20, propagate: false });
    await poll(() => story(heard, 'late')).toEqual(['task-revoked']);
    expect(story(heard, 'fine')).toEqual(['task-received', 'task-started', 'task-succeeded']);
    expect(story(heard, 'bad')).toEqual(['task-received', 'task-started', 'task-failed']);
    expect(story(heard, 'unknown')).toEqual(['task-failed']);
    expect(story(heard, 'silent')).toEqual([]);
    const one = (id: string, type: string): ReceivedEvent | undefined => heard.find((event) => event['uuid'] === id && event.type === type);
    expect(one('fine', 'task-received')).toMatchObject({
      name: 'tasks.add',
      args: '(1, 2)',
      kwargs: '{}',
      root_id: 'fine',
      parent_id: null,
      retries: 0,
    });
    expect(one('fine', 'task-succeeded')).toMatchObject({ result: '3', runtime: expect.any(Number) });
    expect(one('bad', 'task-failed')).toMatchObject({
      exception: "RangeError('too far')",
      traceback: expect.stringContaining('RangeError: too far'),
    });
    expect(one('unknown', 'task-failed')).toMatchObject({ exception: "NotRegistered('tasks.missing')" });
    expect(one('late', 'task-revoked')).toMatchObject({ terminated: false, signum: null, expired: true });
  });

  it('are switched off and on again with -E, too', async () => {
    const app = await start(freshUrl(), 'w1@h', {}, { workerSendTaskEvents: true });
    const heard = await listen(app);
    const run = (taskId: string): Promise<unknown> => app.sendTask('tasks.add', [1, 2], { taskId }).get({ timeout: 20 });
    expect(await app.control.disableEvents({ reply: true, ...PATIENT })).toEqual({ 'w1@h': { ok: 'task events disabled' } });
    expect(await app.control.disableEvents({ reply: true, ...PATIENT })).toEqual({ 'w1@h': { ok: 'task events already disabled' } });
    await run('between');
    expect(await app.control.enableEvents({ reply: true, ...PATIENT })).toEqual({ 'w1@h': { ok: 'task events enabled' } });
    await run('after');
    await poll(() => story(heard, 'after')).toHaveLength(3);
    expect(story(heard, 'between')).toEqual([]);
    await app.control.heartbeat();
    await poll(() => heard.at(-1)?.type).toBe('worker-heartbeat');
  });

  it('are switched on and off at run time without -E', async () => {
    const app = await start(freshUrl(), 'w1@h');
    const heard = await listen(app);
    const run = (taskId: string): Promise<unknown> => app.sendTask('tasks.add', [1, 2], { taskId }).get({ timeout: 20 });
    await run('before');
    expect(await app.control.enableEvents({ reply: true, ...PATIENT })).toEqual({ 'w1@h': { ok: 'task events enabled' } });
    await run('between');
    await poll(() => story(heard, 'between')).toHaveLength(3);
    expect(await app.control.disableEvents({ reply: true, ...PATIENT })).toEqual({ 'w1@h': { ok: 'task events disabled' } });
    await run('after');
    await app.control.heartbeat();
    await poll(() => heard.at(-1)?.type).toBe('worker-heartbeat');
    expect([story(heard, 'before'), story(heard, 'after')]).toEqual([[], []]);
  });
});
