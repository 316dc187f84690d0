/** The operator's commands on RabbitMQ, as a user types them: each works, or says in one line why it cannot. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/index.js';
import { consume } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { forSuite } from '../support/for-suite.js';
import { sharedRabbit } from '../support/shared-rabbit.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const BLIND =
  'ctq: there may be more queues: RabbitMQ lists them by its management plugin only (management_url in broker_transport_options)\n';

describeWith('rabbitmq', 'ctq on RabbitMQ', () => {
  const rabbit = forSuite(sharedRabbit);
  let url: string;
  let app: Ctq;
  const cwd = tmpFolder();

  beforeEach(async () => {
    url = await rabbit().freshVhost();
    // A server that stands still for four seconds is not away.
    app = new Ctq('client', { brokerUrl: url, brokerConnectionTimeout: 20 });
  });
  afterEach(() => app.close());

  async function ctq(...argv: readonly string[]): Promise<Ran> {
    const context = fakeContext({ cwd });
    const code = await main([...argv, '-b', url, '--connect-timeout', '20'], context);
    return { code, stdout: context.stdout.text, stderr: context.stderr.text };
  }

  async function sent(count: number, name = 'tasks.add', queue = 'celery'): Promise<string[]> {
    const tasks = Array.from({ length: count }, (_one, index) => app.sendTask(name, [index], { queue }));
    await Promise.all(tasks.map(({ published }) => published));
    return tasks.map(({ id }) => id);
  }

  /** What `ctq queues peek` shows, in short. */
  async function peeked(...argv: readonly string[]): Promise<string[]> {
    const { stdout } = await ctq('queues', 'peek', 'celery', ...argv, '--json');
    return (JSON.parse(stdout) as { task: string; args: readonly unknown[] }[]).map(({ task, args }) => `${task} ${args.join()}`);
  }

  it('lists queues, and leaves empty what nobody can say', async () => {
    expect(await ctq('queues')).toEqual({
      code: 0,
      stdout: '',
      stderr: `${BLIND}ctq: no queue is known here: -Q <queue> names one\n`,
    });
    await sent(3);
    expect((await ctq('queues')).stdout).toBe('celery\t3\t0\t0\t0\t\t0\t\t\t\n');
    const broker = await app.broker();
    const log = new DeliveryLog();
    await consume(broker, ['celery'], 2, log);
    await log.first(2);
    // Somebody has some of them, and AMQP does not say how many; nor did that consumer answer.
    const { stdout, stderr } = await ctq('queues');
    expect(stdout).toBe('celery\t1\t\t0\t0\t\t\t\t\t\n');
    expect(stderr).toBe(`${BLIND}ctq: 1 worker did not answer in time: WORKERS and OUT/S may be more\n`);
    const [document] = JSON.parse((await ctq('queues', '--json')).stdout) as Record<string, unknown>[];
    expect(document).toMatchObject({ name: 'celery', ready: 1, unacked: null, delayed: 0, oldest: null });
    expect((await ctq('top', '--once')).stdout).toMatch(/ready 1 {2}unacked - {2}delayed 0/);
  });

  it('looks at messages, and leaves them', async () => {
    await sent(5);
    expect(await peeked('--offset', '1', '--limit', '2')).toEqual(['tasks.add 1', 'tasks.add 2']);
    expect((await ctq('queues', 'peek', 'celery', '--limit', '2')).stderr).toBe('ctq: 2 of 5 messages; --offset 2 shows the next\n');
    expect((await ctq('keys')).stdout).toBe('celery\tqueue celery\t5\t\t\n');
    expect((await ctq('keys')).stderr).toBe(`ctq: 1 key, 0 B; ctq keys show <key> decodes one\n${BLIND}`);
    expect((await ctq('keys', 'show', 'celery', '--limit', '1')).stdout).toContain('tasks.add');
    expect(await ctq('keys', 'clean', '--orphans')).toMatchObject({ code: 0, stderr: 'ctq: no orphans: nothing to clean\n' });
    expect(await ctq('keys', 'show', 'nix')).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no key nix at amqp://') });
    const { stdout } = await ctq('queues', '--by-task');
    expect(stdout).toContain('celery\ttasks.add\t5\n');
    expect(await peeked()).toHaveLength(5);
  });

  it('removes messages with a copy, and brings them back behind the others, once', async () => {
    await sent(2, 'tasks.add');
    await sent(2, 'tasks.mail');
    const copy = `${cwd}/${new URL(url).pathname.slice(1)}.jsonl`;
    expect((await ctq('purge', '--task', 'tasks.a*', '--dry-run')).stdout).toBe('celery\t2\n');
    expect((await ctq('purge', '-f', '--task', 'tasks.a*', '--keep-copy', copy)).stdout).toBe('celery\t2\n');
    expect(readFileSync(copy, 'utf8').split('\n')).toHaveLength(3);
    expect(await peeked()).toEqual(['tasks.mail 0', 'tasks.mail 1']);
    expect(await ctq('purge', '--undo', copy)).toEqual({
      code: 0,
      stdout: 'celery\t2\n',
      stderr: 'ctq: note: they wait behind what has come since: RabbitMQ takes messages at the end of a queue only\n',
    });
    expect(await ctq('purge', '--undo', copy)).toMatchObject({ code: 1, stderr: expect.stringContaining('was undone already') });
    expect(await peeked()).toEqual(['tasks.mail 0', 'tasks.mail 1', 'tasks.add 0', 'tasks.add 1']);
    expect((await ctq('purge', '-f', '-Q', 'celery,nix')).stdout).toBe('celery\t4\nnix\t0\n');
  });

  it('finds a task, and what was refused, which it sends again', async () => {
    const [first = '', second = ''] = await sent(2);
    expect((await ctq('find', second)).stdout).toMatch(/where +queued in celery: behind 1 other\n/);
    const missing = await ctq('find', '00000000-0000-0000-0000-000000000000');
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('there may be more queues') });
    const broker = await app.broker();
    const log = new DeliveryLog();
    const consumer = await consume(broker, ['celery'], 1, log);
    await (await log.nth(0)).reject('nobody knows it');
    await consumer.close();
    expect((await ctq('failed')).stdout).toMatch(new RegExp(`^${first}\ttasks.add\tcelery\t.*\tnobody knows it\n$`));
    expect((await ctq('find', first)).stdout).toMatch(/where +dead letter of queue celery: nobody knows it\n/);
    expect(await ctq('retry', first)).toMatchObject({ code: 0, stdout: `${first}\n` });
    expect((await ctq('failed')).stdout).toBe('');
    expect(await peeked()).toEqual(['tasks.add 1', 'tasks.add 0']);
  });

  it('says what it cannot tell, and what to do about it', async () => {
    await sent(1);
    expect(await ctq('result', '00000000-0000-0000-0000-000000000000')).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^ctq: rpc:\/\/ keeps no results: each goes to who sent the task.* \(ctq send --wait .*\)\n$/),
    });
    const file = `sqlite://${cwd}/${new URL(url).pathname.slice(1)}.db`;
    const blind = fakeContext({ cwd });
    expect(await main(['migrate', url, file], blind)).toBe(2);
    expect(blind.stderr.text).toMatch(/^ctq: nobody can say which queues there are at amqp:.* \(-Q names them; .*\)\n$/);
    const named = fakeContext({ cwd });
    expect(await main(['migrate', url, file, '-Q', 'celery'], named)).toBe(0);
    expect(named.stdout.text).toBe('celery\t1\t0\n');
    expect(await ctq('status')).toMatchObject({ code: 69, stderr: expect.stringContaining('no worker answered') });
  });

  it('does for one who may only read what reading is enough for, and says of the rest in one line that it was refused', async () => {
    await sent(1);
    const vhost = new URL(url).pathname.slice(1);
    await rabbit().erlang(
      `begin rabbit_auth_backend_internal:add_user(<<"reader">>, <<"r">>, <<"ctq">>), rabbit_auth_backend_internal:set_permissions(<<"reader">>, <<"${vhost}">>, <<"">>, <<"">>, <<".*">>, <<"ctq">>) end.`,
    );
    const reader = url.replace('guest:guest', 'reader:r');
    const read = async (...argv: readonly string[]): Promise<Ran> => {
      const context = fakeContext({ cwd });
      const code = await main([...argv, '-b', reader], context);
      return { code, stdout: context.stdout.text, stderr: context.stderr.text };
    };
    expect((await read('queues', '-Q', 'celery')).stdout).toMatch(/^celery\t1\t/);
    expect((await read('queues', 'peek', 'celery', '--json')).stdout).toContain('tasks.add');
    expect((await read('keys')).stderr).toContain('RabbitMQ lists them by its management plugin only');
    expect((await read('failed')).code).toBe(0);
    for (const argv of [
      ['status'],
      ['inspect', 'ping'],
      ['events'],
      ['exporter', '-p', '0'],
      ['queues', 'pause', 'celery'],
      ['send', 'tasks.add', '1', '2'],
    ]) {
      const { code, stdout, stderr } = await read(...argv);
      expect([code, stdout], stderr).toEqual([69, '']);
      expect(stderr, argv.join(' ')).toMatch(/^ctq: [^\n]*refused us: ACCESS_REFUSED[^\n]*permissions of the user[^\n]*\n$/);
    }
  });

  it('pauses a queue, and says who is not held', async () => {
    await sent(1);
    expect(await ctq('queues', 'pause', 'celery')).toEqual({
      code: 0,
      stdout: 'celery: paused\n',
      stderr: 'ctq: note: a Python worker that starts later is not held; pause again then\n',
    });
    expect((await ctq('queues')).stdout).toBe('celery\t1\t0\t0\t0\t\t0\t\tpaused\t\n');
    expect((await ctq('doctor')).stdout).toMatch(/unseen-queues.*\n.*paused-queue/);
    expect((await ctq('queues', 'resume', 'celery')).stdout).toBe('celery: goes on\n');
    expect((await ctq('doctor', '--json')).stdout).toContain('no-consumer');
  });
});
