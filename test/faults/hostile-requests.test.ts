/** Ten thousand requests from somebody who can write to the broker and means no good: the worker stays, and answers. */
import { expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { remoteCommands } from '../../src/remote-control/commands/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

const COUNT = 10_000;

let seed = 20_261_121;
/** Reproducible. */
function dice(sides: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * sides);
}

function oneOf<T>(choices: readonly T[]): T {
  return choices[dice(choices.length)] as T;
}

/** What stops, mutes or slows the worker when it is well-formed is left to the other tests. */
const methods = remoteCommands
  .map(({ name }) => name)
  .filter((name) => name !== 'shutdown' && name !== 'cancel_consumer' && name !== 'pool_shrink');
const values = [
  '',
  'x',
  -1,
  1e308,
  null,
  true,
  [],
  {},
  ['a', 1, null],
  { a: { b: [] } },
  '__proto__',
  '\u001b[2J\nERROR/',
  'y'.repeat(20_000),
  9007199254740993n,
];
const names = [
  'task_id',
  'signal',
  'task_name',
  'rate_limit',
  'soft',
  'hard',
  'n',
  'max',
  'min',
  'ids',
  'id',
  'topic',
  'headers',
  'from_node',
  'revoked',
  '__proto__',
];

function json(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));
}

function body(): string {
  const args = Object.fromEntries(names.filter(() => dice(3) === 0).map((name) => [name, oneOf(values)]));
  const request = {
    method: dice(8) === 0 ? oneOf(values) : oneOf([...methods, 'toString', '__proto__', 'frobnicate']),
    arguments: dice(8) === 0 ? oneOf(values) : args,
    ...(dice(4) === 0 ? { destination: oneOf(values) } : {}),
    ...(dice(8) === 0
      ? { pattern: oneOf(['^(a+)+$', '(((((x*)*)*)*)*)*y', '[', '*'.repeat(200), ...values]), matcher: oneOf(['pcre', 'glob', 'sql']) }
      : {}),
    ...(dice(2) === 0
      ? {
          ticket: oneOf([...values, 'z'.repeat(200_000)]),
          reply_to: oneOf([{ exchange: 'reply.celery.pidbox', routing_key: 'nowhere' }, { exchange: '' }, 7]),
        }
      : {}),
  };
  return json(request);
}

function envelope(): string {
  const text = body();
  const bytes = Buffer.from(dice(15) === 0 ? text.slice(0, dice(text.length)) : text);
  const whole = json({
    body: dice(30) === 0 ? oneOf(values) : bytes.toString('base64'),
    'content-encoding': oneOf(['utf-8', 'utf-8', 'utf-8', 'latin-1', null]),
    'content-type': oneOf(['application/json', 'application/json', 'application/json', 'application/x-python-serialize', 'text/html']),
    headers: oneOf<unknown>([{}, { clock: oneOf(values), expires: oneOf(values) }, null, 7]),
    properties: oneOf<unknown>([
      { body_encoding: 'base64', delivery_info: {}, delivery_tag: 'x' },
      { body_encoding: oneOf(values) },
      {},
      null,
    ]),
  });
  return dice(20) === 0 ? whole.slice(0, dice(whole.length)) : whole;
}

describeWith('redis', 'a worker fed ten thousand hostile control requests and events', () => {
  it('stays up, runs tasks, and answers the next ping', async () => {
    const redis = await startRedis();
    const worker = await startCtqWorker({ broker: redis.url, hostname: 'target@test', args: ['-E'] });
    const app = new Ctq('client', { brokerUrl: redis.url, resultBackend: redis.url });
    for (let sent = 0; sent < COUNT; sent += 500) {
      const batch = Array.from({ length: 500 }, () => [
        'PUBLISH',
        dice(10) === 0
          ? oneOf(['/0.celeryev/worker.heartbeat', '/0.celeryev/worker.elect', '/0.celeryev/worker.elect.ack'])
          : '/0.celery.pidbox',
        dice(50) === 0 ? oneOf(['', 'not JSON', '[]', '\u0000', '['.repeat(10_000)]) : envelope(),
      ]);
      await redis.commands(batch);
    }
    // A worker that is slower than the flood is cut off by the server (its limit for a subscriber's backlog) and subscribes anew.
    await eventually(async () => expect(await app.control.ping({ timeout: 2 })).toEqual({ 'target@test': { ok: 'pong' } }), {
      timeoutMs: 60_000,
    });
    expect(await app.sendTask('tasks.add', [3, 4]).get({ timeout: 20 })).toBe(7);
    const { 'target@test': stats } = await app.control.inspect({ timeout: 20 }).stats();
    expect((stats?.['rusage'] as { maxrss: number } | undefined)?.maxrss).toBeLessThan(400 * 1024);
    expect(worker.output).not.toMatch(/Uncaught exception|Unhandled rejection/);
    // No line of the log was forged, no screen cleared.
    expect(worker.output).not.toContain('\u001b[2J');
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await app.close();
    await redis.stop();
  }, 120_000);

  it('is heard again after the server cut it off, its backlog having outgrown the limit of a subscriber', async () => {
    const redis = await startRedis();
    const worker = await startCtqWorker({ broker: redis.url, hostname: 'slow@test' });
    const app = new Ctq('client', { brokerUrl: redis.url, resultBackend: redis.url });
    const subscribers = async () => Number(await redis.command('PUBLISH', '/0.celery.pidbox', 'z'.repeat(4_000_000)));
    await eventually(async () => expect(await redis.command('PUBLISH', '/0.celery.pidbox', 'z')).toBe(1));
    worker.signal('SIGSTOP');
    await eventually(async () => expect(await subscribers()).toBe(0), { timeoutMs: 30_000 });
    worker.signal('SIGCONT');
    await eventually(async () => expect(await app.control.ping({ timeout: 2 })).toEqual({ 'slow@test': { ok: 'pong' } }), {
      timeoutMs: 60_000,
    });
    expect(await app.sendTask('tasks.add', [3, 4]).get({ timeout: 20 })).toBe(7);
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await app.close();
    await redis.stop();
  }, 120_000);
});
