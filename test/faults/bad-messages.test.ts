/**
 * Malformed messages through the real program: none crashes the worker, each says what is wrong, and the
 * next good message runs at once (M15; WIRE 5 shows which of these end a Python worker).
 */
import { expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { BAD, ODD_BUT_GOOD } from '../support/bad-messages.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

describeWith('redis', 'a worker that is fed malformed messages', () => {
  const redis = forSuite(startRedis);
  const worker = forSuite(() => startCtqWorker({ broker: redis().url }));
  const app = forSuite(() => new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url }));

  /** How long each good message behind a bad one took, send to result. */
  const delaysMs: number[] = [];

  it.each(Object.entries(BAD))('puts aside %s, says so, and runs the next good one', async (_name, raw) => {
    const before = worker().output.length;
    await redis().command('LPUSH', 'celery', raw);
    const sentAt = performance.now();
    expect(await app().sendTask('tasks.add', [2, 3]).get({ timeout: 30 })).toBe(5);
    delaysMs.push(performance.now() - sentAt);
    expect(worker().ending).toBeUndefined();
    await eventually(() => expect(worker().output.slice(before)).toMatch(/(ERROR|WARNING|CRITICAL)\/MainProcess\]/));
    // Answered for: neither waiting nor held.
    await eventually(async () =>
      expect([await redis().command('LLEN', 'celery'), await redis().command('HLEN', 'unacked')]).toEqual([0, 0]),
    );
  });

  it('keeps no good message waiting behind them', () => {
    // A machine may stand still during some, but not during every other one.
    expect(delaysMs.sort((a, b) => a - b)[Math.floor(delaysMs.length / 2)]).toBeLessThan(1_000);
  });

  it.each(Object.entries(ODD_BUT_GOOD))('runs the task in spite of %s', async (_name, raw) => {
    const id = (JSON.parse(raw) as { headers: { id: string } }).headers.id;
    await redis().command('LPUSH', 'celery', raw);
    expect(await app().AsyncResult(id).get({ timeout: 30 })).toBe(3);
  });

  it('writes no forged line and no escape byte into its log', () => {
    expect(worker().output).not.toMatch(/^\[2026-01-01 00:00:00,000: ERROR/m);
    expect(worker().stderr).not.toContain('\u001b[31m');
  });

  it('keeps what it refused in the dead letters', async () => {
    expect(await redis().command('LLEN', 'ctq:dead:celery')).toBeGreaterThan(20);
  });
});
