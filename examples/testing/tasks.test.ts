/** How tasks are tested: no server, no worker process, no waiting. Run by vitest; `node:test` and Jest do as well. */
import { runTask, type TestKit, testKit } from 'ctq/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { add, app, double, mailer, sendMail, signUp } from './tasks.js';

describe('one task', () => {
  it('runs as a function', () => {
    expect(add.run(2, 3)).toBe(5);
  });

  it('runs as a worker would run it: retries, limits, handlers', async () => {
    vi.spyOn(mailer, 'deliver').mockRejectedValueOnce(new Error('greylisted'));
    const run = await runTask(sendMail, ['a@example.org', 'hello']);
    expect(run).toMatchObject({ state: 'SUCCESS', result: 'delivered 5 characters to a@example.org', retries: 1, delays: [60] });
  });

  it('gives up in the end', async () => {
    vi.spyOn(mailer, 'deliver').mockRejectedValue(new Error('no such box'));
    const run = await runTask(sendMail, ['b@example.org', 'hello']);
    expect(run).toMatchObject({ state: 'FAILURE', retries: 3, delays: [60, 120, 240] });
    expect(run.error?.message).toBe('Error: no such box');
  });
});

describe('what sends tasks', () => {
  let kit: TestKit;
  beforeEach(async () => {
    kit = await testKit(app, { mode: 'queued' });
  });
  afterEach(() => kit.close());

  it('sends these, and none of them has run', async () => {
    await signUp('a@example.org');
    expect(kit.sent(sendMail)).toMatchObject([{ args: ['a@example.org', 'welcome'], routingKey: 'mail' }]);
    expect(kit.sent(sendMail)[0]?.eta?.getTime()).toBeGreaterThan(Date.now());
    expect(kit.runs()).toEqual([]);
  });

  it('has all of it run: no countdown is waited for, and the chain goes on', async () => {
    const delivered = vi.fn<() => string>(() => 'sent');
    kit.stub(sendMail, delivered);
    await signUp('a@example.org');
    const runs = await kit.drain();
    expect(runs.map(({ task, state }) => `${task} ${state}`).sort()).toEqual([
      'tasks.add SUCCESS',
      'tasks.double SUCCESS',
      'tasks.sendMail SUCCESS',
    ]);
    expect(kit.runs(double)).toMatchObject([{ args: [21], result: 42 }]);
    expect(delivered).toHaveBeenCalledOnce();
  });
});

describe('what waits for results', () => {
  it('gets them, for tasks run as they are sent', async () => {
    const kit = await testKit(app);
    expect(await (await add.delay(2, 3)).get({ timeout: 5 })).toBe(5);
    await kit.close();
  });
});
