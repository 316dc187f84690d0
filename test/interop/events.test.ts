/** Events of a ctq worker as readers hear them: Celery's own dump beside ours, and ten thousand tasks without a gap. */
import { expect, it } from 'vitest';
import type { ReceivedEvent } from '../../src/events/receiver.js';
import { Ctq } from '../../src/index.js';
import { startCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { OwnedProcess } from '../support/owned-process.js';
import { findCeleryPython } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith('redis', 'the events of a ctq worker', () => {
  const redis = forSuite(startRedis);
  const app = forSuite(() => new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url }));
  it('are heard without a gap and in order, ten thousand tasks long', async () => {
    const count = 10_000;
    const worker = await startCtqWorker({ broker: redis().url, hostname: 'busy@test', concurrency: 100, args: ['-E'] });
    const stories = new Map<string, string[]>();
    let clock = 0;
    let backwards = 0;
    let finished = 0;
    const hear = ({ type, uuid, clock: now, hostname }: ReceivedEvent): void => {
      if (hostname !== 'busy@test') return;
      if (now <= clock) backwards += 1;
      clock = now;
      if (typeof uuid !== 'string') return;
      const story = stories.get(uuid) ?? [];
      stories.set(uuid, story);
      // Taken, given back because all slots were busy, and taken again: the same news once more.
      if (type !== 'task-received' || story.at(-1) !== type) story.push(type);
      if (type === 'task-succeeded') finished += 1;
    };
    const stream = await app().events.receive(hear);
    await Promise.all(Array.from({ length: count }, (_, index) => app().sendTask('tasks.add', [index, 1]).published));
    await eventually(() => expect(finished).toBe(count), { timeoutMs: 60_000 });
    // A heartbeat that is late makes it look dead until the next one.
    await eventually(() => expect(stream.state.alive(Date.now() / 1000).map(({ nodename }) => nodename)).toEqual(['busy@test']));
    await stream.close();
    expect(backwards).toBe(0);
    expect(stories.size).toBe(count);
    expect(new Set([...stories.values()].map((story) => story.join(' ')))).toEqual(new Set(['task-received task-started task-succeeded']));
    expect(await worker.stop('SIGTERM')).toMatchObject({ code: 0 });
  }, 120_000);

  it('begin and end with the worker’s own, and can be left out', async () => {
    const heard: string[] = [];
    const stream = await app().events.receive(({ type, hostname }) => heard.push(`${String(hostname)} ${type}`));
    const loud = await startCtqWorker({ broker: redis().url, hostname: 'loud@test', args: ['--heartbeat-interval', '0.2'] });
    await eventually(() => expect(heard.filter((line) => line === 'loud@test worker-heartbeat').length).toBeGreaterThan(2));
    expect(heard[0]).toBe('loud@test worker-online');
    const quiet = await startCtqWorker({
      ...{ broker: redis().url, hostname: 'quiet@test', queues: ['quiet'] },
      args: ['--without-heartbeat', '--without-gossip', '--without-mingle'],
    });
    await app().sendTask('tasks.add', [1, 1], { queue: 'quiet' }).get({ timeout: 30 });
    expect(quiet.output).not.toContain('mingle');
    await quiet.stop('SIGTERM');
    await loud.stop('SIGTERM');
    await eventually(() => expect(heard.at(-1)).toBe('loud@test worker-offline'));
    expect(heard.filter((line) => line.startsWith('quiet@test'))).toEqual([]);
    await stream.close();
  });

  it('tell what a client sent, where the settings ask for it', async () => {
    const client = new Ctq('client', { brokerUrl: redis().url, taskSendSentEvent: true });
    const heard: ReceivedEvent[] = [];
    const stream = await app().events.receive((event) => heard.push(event));
    await client.sendTask('tasks.nobody', [1, 'x'], { kwargs: { k: 2 }, queue: 'nowhere', taskId: 'sent-one', countdown: 60 });
    await eventually(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toEqual({
      ...{ type: 'task-sent', hostname: expect.stringMatching(/^gen\d+@/) as string, utcoffset: expect.any(Number) as number },
      ...{ pid: process.pid, clock: expect.any(Number) as number, timestamp: expect.any(Number) as number },
      ...{ uuid: 'sent-one', root_id: 'sent-one', parent_id: null, name: 'tasks.nobody', args: "(1, 'x')", kwargs: "{'k': 2}", retries: 0 },
      ...{ eta: expect.stringMatching(/^20.*\+00:00$/) as string, expires: null, queue: 'nowhere', exchange: '', routing_key: 'nowhere' },
      local_received: expect.any(Number) as number,
    });
    await stream.close();
    await client.close();
  });
});

describeWith(['redis', 'python'], 'celery events --dump and ctq events --dump', () => {
  it('print the same about the same events', async () => {
    const redis = await startRedis();
    const app = new Ctq('client', { brokerUrl: redis.url, resultBackend: redis.url });
    const celery = new OwnedProcess(findCeleryPython() ?? '', ['-m', 'celery', '-b', redis.url, 'events', '--dump'], {
      cwd: tmpFolder(),
      env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONWARNINGS: 'ignore' },
    });
    const ours = startCtq(['events', '--dump', '-b', redis.url], { cwd: tmpFolder() });
    await Promise.all([celery.waitForOutput(/starting capture/), ours.waitForOutput(/starting capture/)]);
    await eventually(async () => expect(Number(await redis.command('PUBLISH', '/0.celeryev/probe', 'no event'))).toBe(2));
    const worker = await startCtqWorker({ broker: redis.url, hostname: 'dumped@test', args: ['-E'] });
    await app.sendTask('tasks.add', [1, 2], { taskId: 'first' }).get({ timeout: 30 });
    await app.sendTask('tasks.fail', ['boom'], { taskId: 'second' }).get({ timeout: 30, propagate: false });
    await worker.stop('SIGTERM');
    await Promise.all([celery, ours].map((reader) => reader.waitForOutput(/dumped@test .* shutdown:.*\n/)));
    // Each reader has a clock of its own for when it heard of it.
    const told = (text: string): string[] => text.split('\n').map((line) => line.replace(/local_received=[\d.]+/, ''));
    expect(told(ours.stdout)).toEqual(told(celery.stdout));
    expect(ours.stdout).toContain('task succeeded: tasks.add(first) args=(1, 2) kwargs={}');
    await Promise.all([celery.stop('SIGTERM'), ours.stop('SIGTERM')]);
    await app.close();
    await redis.stop();
  });
});
