/** What `ctq failed`, `ctq retry` and `ctq doctor` print, at two widths and without colours, and how they answer to bad input. */
import { afterEach, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { systemClock } from '../../src/clock.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext, type FakeWorld } from './fake-context.js';

const NOW = Date.parse('2026-06-01T12:00:00Z');

/** Its time stands still; a spinner, which would show or not as the machine is slow or quick, never begins. */
const stillClock = {
  nowMs: () => NOW,
  monotonicMs: () => systemClock.monotonicMs(),
  setTimeout: (callback: () => void, delayMs: number) =>
    systemClock.setTimeout(callback, delayMs === SPINNER_MS ? 600_000 : delayMs).unref(),
};
const SPINNER_MS = 150;

describeWith('redis', 'failed tasks on the screen', () => {
  const redis = forSuite(() => startRedis({ appendonly: 'everysec' }));
  const folder = tmpFolder();

  afterEach(async () => {
    await redis().command('FLUSHALL');
  });

  async function ctq(argv: readonly string[], world: Partial<FakeWorld> = {}) {
    const context = { ...fakeContext({ cwd: folder, env: { NO_COLOR: '1' }, ...world }), clock: stillClock };
    const code = await main(['-b', redis().url, ...argv], context);
    return { code, stdout: context.stdout.text, stderr: context.stderr.text };
  }

  async function keep(id: string, task: string, about: Readonly<Record<string, unknown>>, minutesAgo: number, embed = {}): Promise<void> {
    const at = NOW - minutesAgo * 60_000;
    const note = { task, queue: 'celery', traceback: null, worker: 'celery@web1', retries: 0, at, ...about };
    const body = [['anna@example.org'], { retry: true }, { callbacks: null, errbacks: null, chain: null, chord: null, ...embed }];
    const message = {
      body: Buffer.from(JSON.stringify(body)).toString('base64'),
      'content-encoding': 'utf-8',
      'content-type': 'application/json',
      headers: { lang: 'py', task, id, eta: null, expires: '2026-06-01T11:00:00+00:00', retries: 2, root_id: id, parent_id: null },
      properties: { correlation_id: id, delivery_mode: 2, delivery_info: {}, priority: 0, body_encoding: 'base64', delivery_tag: 'x' },
    };
    await redis().command('HSET', 'ctq:failed', id, `${JSON.stringify(note)}\n${JSON.stringify(message)}`);
    await redis().command('ZADD', 'ctq:failed:at', String(at), id);
  }

  async function keepThree(): Promise<void> {
    await keep('11111111-aaaa-4bbb-8ccc-000000000001', 'shop.mail.send_order_confirmation', SMTP, 3, EMBED);
    await keep('22222222-aaaa-4bbb-8ccc-000000000002', 'shop.add', { exc_type: 'KeyError', exc_message: "'price'" }, 200);
    const dead = `${JSON.stringify({ reason: 'unregistered task shop.gone', at: NOW / 1000 - 86_400 * 3, owner: 'x' })}\nno message at all`;
    await redis().command('LPUSH', 'ctq:dead:imports', dead);
  }

  const SMTP = {
    exc_type: 'SMTPServerDisconnected',
    exc_message: 'Connection unexpectedly closed: timed out after 30 seconds',
    retries: 2,
    traceback:
      'Traceback (most recent call last):\n  File "mail.ts", line 3, in send\nSMTPServerDisconnected: Connection unexpectedly closed\n',
  };
  const EMBED = { errbacks: [{ task: 'shop.alert' }], chain: [{ task: 'shop.archive' }, { task: 'shop.count' }] };

  it('tells ctq find what a task was that was refused, and where one waits still that was revoked', async () => {
    const [id, revoked] = ['44444444-aaaa-4bbb-8ccc-000000000004', '55555555-aaaa-4bbb-8ccc-000000000005'];
    for (const one of [id, revoked]) await keep(one, 'shop.die', { exc_type: 'WorkerLostError' }, 1);
    const texts = ((await redis().command('HMGET', 'ctq:failed', id, revoked)) as string[]).map((text) =>
      text.slice(text.indexOf('\n') + 1),
    );
    await redis().command('DEL', 'ctq:failed', 'ctq:failed:at');
    await redis().command(
      'LPUSH',
      'ctq:dead:celery',
      `${JSON.stringify({ reason: 'signal 9 (SIGKILL)', at: NOW / 1000, owner: 'x' })}\n${texts[0]}`,
    );
    await redis().command(
      'SET',
      `celery-task-meta-${id}`,
      '{"status": "FAILURE", "result": {"exc_type": "WorkerLostError"}, "traceback": null}',
    );
    const failed = await ctq(['find', id]);
    expect(failed.stdout).toMatch(/^task +shop\.die$/m);
    expect(failed.stdout).toMatch(/^failed +signal 9 \(SIGKILL\); ctq retry 4+-\S+ sends it again/m);
    await redis().command('LPUSH', 'mail', texts[1] ?? '');
    await redis().command(
      'SET',
      `celery-task-meta-${revoked}`,
      '{"status": "REVOKED", "result": {"exc_type": "TaskRevokedError"}, "traceback": null}',
    );
    const waiting = await ctq(['find', revoked]);
    expect(waiting.stdout).toMatch(/^task +shop\.die$/m);
    expect(waiting.stdout).toMatch(/^where +ended: REVOKED; its message waits in queue mail still, to be dropped$/m);
  });

  it('tells ctq find what a task was that failed and left no result', async () => {
    await keep('11111111-aaaa-4bbb-8ccc-000000000001', 'shop.mail.send_order_confirmation', SMTP, 3, EMBED);
    const { code, stdout } = await ctq(['find', '11111111', '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { task: 'shop.mail.send_order_confirmation', where: 'dead letter', args: ['anna@example.org'], retries: 2 },
    ]);
  });

  it('fits the list into 80 columns', async () => {
    await keepThree();
    expect((await ctq(['failed'], { terminal: true, columns: 80 })).stdout).toMatchInlineSnapshot(`
      " ID         TASK                    QUEUE        FAILED   REASON
       11111111   shop.mail.send_order…   celery    3 min ago   SMTPServerDisconnect…
       22222222   shop.add                celery      3 h ago   KeyError: 'price'
       dead-74f                           imports     3 d ago   unregistered task sh…
      "
    `);
  });

  it('and into 120', async () => {
    await keepThree();
    const { stdout, stderr } = await ctq(['failed'], { terminal: true, columns: 120 });
    expect(stdout).toMatchInlineSnapshot(`
      " ID                                     TASK                          QUEUE        FAILED   REASON
       11111111-aaaa-4bbb-8ccc-000000000001   shop.mail.send_order_confi…   celery    3 min ago   SMTPServerDisconnected: Co…
       22222222-aaaa-4bbb-8ccc-000000000002   shop.add                      celery      3 h ago   KeyError: 'price'
       dead-74f28a187566                                                    imports     3 d ago   unregistered task shop.gone
      "
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "
      3 failed tasks. ctq failed show <id> says more, ctq retry <id> runs it again, ctq failed rm <id> drops it.
      "
    `);
  });

  it('gives programs lines with tabs, whole and with dates', async () => {
    await keepThree();
    expect((await ctq(['failed'])).stdout).toMatchInlineSnapshot(`
      "11111111-aaaa-4bbb-8ccc-000000000001	shop.mail.send_order_confirmation	celery	2026-06-01T11:57:00.000Z	SMTPServerDisconnected: Connection unexpectedly closed: timed out after 30 seconds
      22222222-aaaa-4bbb-8ccc-000000000002	shop.add	celery	2026-06-01T08:40:00.000Z	KeyError: 'price'
      dead-74f28a187566		imports	2026-05-29T12:00:00.000Z	unregistered task shop.gone
      "
    `);
  });

  it('shows one with its links and its traceback', async () => {
    await keepThree();
    const { stdout } = await ctq(['failed', 'show', '1111'], { terminal: true, columns: 80 });
    expect(stdout).toMatchInlineSnapshot(`
      "shop.mail.send_order_confirmation 11111111-aaaa-4bbb-8ccc-000000000001
        reason    SMTPServerDisconnected: Connection unexpectedly closed: timed out
                  after 30 seconds
        failed    3 min ago, 2026-06-01T11:57:00.000Z
        worker    celery@web1
        retries   2
        queue     celery
        args      ["anna@example.org"]
        kwargs    {"retry":true}
        expires   2026-06-01T11:00:00+00:00
        errbacks  shop.alert
        chain     shop.count → shop.archive
        kept      the message was kept: ctq retry sends it again with all its links

      Traceback (most recent call last):
        File "mail.ts", line 3, in send
      SMTPServerDisconnected: Connection unexpectedly closed
      "
    `);
    // Where there is room, the reason needs no second line.
    const wide = (await ctq(['failed', 'show', '1111'], { terminal: true, columns: 120 })).stdout;
    expect(wide).toBe(stdout.replace(/timed out\n +after/, 'timed out after'));
    expect(wide).toContain('timed out after 30 seconds\n');
  });

  it('documents one as JSON, with null where nobody knows', async () => {
    await keepThree();
    const { stdout } = await ctq(['failed', 'show', '2222', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      id: '22222222-aaaa-4bbb-8ccc-000000000002',
      handle: '22222222-aaaa-4bbb-8ccc-000000000002',
      task: 'shop.add',
      queue: 'celery',
      reason: "KeyError: 'price'",
      worker: 'celery@web1',
      retries: 0,
      failed_at: '2026-06-01T08:40:00.000Z',
      source: 'record',
      args: ['anna@example.org'],
      kwargs: { retry: true },
      argsrepr: "('anna@example.org',)",
      kwargsrepr: "{'retry': True}",
      links: { callbacks: [], errbacks: [], chain: [], chord: null },
      root_id: '22222222-aaaa-4bbb-8ccc-000000000002',
      parent_id: null,
      group: null,
      eta: null,
      expires: '2026-06-01T11:00:00+00:00',
      traceback: null,
      message_kept: true,
    });
  });

  it('chooses by name, age and queue', async () => {
    await keepThree();
    const ids = async (...argv: string[]): Promise<unknown[]> =>
      (JSON.parse((await ctq(['failed', '--json', ...argv])).stdout) as { task: string | null }[]).map(({ task }) => task);
    expect(await ids('--task', 'shop.mail.*')).toEqual(['shop.mail.send_order_confirmation']);
    expect(await ids('--since', '1h30m')).toEqual(['shop.mail.send_order_confirmation']);
    expect(await ids('--since', '1d')).toEqual(['shop.mail.send_order_confirmation', 'shop.add']);
    expect(await ids('-Q', 'imports')).toEqual([null]);
    expect(await ids('--limit', '1')).toEqual(['shop.mail.send_order_confirmation']);
  });

  it('says what would be sent again, at 80 columns and at 120, and sends nothing', async () => {
    await keepThree();
    expect((await ctq(['retry', '--failed', '--dry-run', '--task', '*'], { terminal: true, columns: 80 })).stdout).toMatchInlineSnapshot(`
      " ID         TASK                          QUEUE    NOTES
       11111111   shop.mail.send_order_confi…   celery   its expiry is over: it has …
       22222222   shop.add                      celery   its expiry is over: it has …
      "
    `);
    expect((await ctq(['retry', '--failed', '--dry-run', '--task', '*'], { terminal: true, columns: 120 })).stdout).toMatchInlineSnapshot(`
      " ID                                     TASK                                QUEUE    NOTES
       11111111-aaaa-4bbb-8ccc-000000000001   shop.mail.send_order_confirmation   celery   its expiry is over: it has none n…
       22222222-aaaa-4bbb-8ccc-000000000002   shop.add                            celery   its expiry is over: it has none n…
      "
    `);
    expect(await redis().command('EXISTS', 'celery')).toBe(0);
    expect(await redis().command('HLEN', 'ctq:failed')).toBe(2);
  });

  it('sends what was chosen, prints the ids, and says what was changed', async () => {
    await keepThree();
    const { code, stdout, stderr } = await ctq(['retry', '1111']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '11111111-aaaa-4bbb-8ccc-000000000001\n' });
    expect(stderr).toMatchInlineSnapshot(`
      "ctq: note: shop.mail.send_order_confirmation[11111111-aaaa-4bbb-8ccc-000000000001]: its expiry is over: it has none now
      ctq: note: shop.mail.send_order_confirmation[11111111-aaaa-4bbb-8ccc-000000000001]: the 2 steps after it will run too
      "
    `);
    const [text] = (await redis().command('LRANGE', 'celery', '0', '-1')) as string[];
    expect(JSON.parse(text ?? '')).toMatchObject({
      headers: { id: '11111111-aaaa-4bbb-8ccc-000000000001', retries: 0, expires: null, redelivered: true },
      properties: { delivery_info: { redelivered: true } },
    });
    expect(await redis().command('HKEYS', 'ctq:failed')).toEqual(['22222222-aaaa-4bbb-8ccc-000000000002']);
  });

  it('sends many only after a question, or with -f', async () => {
    await keepThree();
    const asked = await ctq(['retry', '--failed']);
    expect(asked).toMatchObject({ code: 2, stdout: '' });
    expect(asked.stderr).toMatchInlineSnapshot(`
      "ctq: Send 2 failed tasks again, and leave 1 that does not say what was called: nobody is here to answer (-f goes ahead without asking, --dry-run shows what would happen)
      "
    `);
    const forced = await ctq(['retry', '--failed', '--task', 'shop.*', '-f', '--json']);
    expect(JSON.parse(forced.stdout)).toMatchObject([
      { id: '11111111-aaaa-4bbb-8ccc-000000000001', task: 'shop.mail.send_order_confirmation', queue: 'celery', outcome: 'sent' },
      { id: '22222222-aaaa-4bbb-8ccc-000000000002', outcome: 'sent' },
    ]);
    expect(await redis().command('LLEN', 'celery')).toBe(2);
  });

  it('sends elsewhere when it is told to', async () => {
    await keepThree();
    expect((await ctq(['retry', '2222', '--to', 'repair'])).code).toBe(0);
    expect(await redis().command('LLEN', 'repair')).toBe(1);
  });

  it('refuses what is no message, and says so', async () => {
    await keepThree();
    const { code, stderr } = await ctq(['retry', '--failed', '-Q', 'imports', '-f']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ctq: a task without a name\[dead-[0-9a-f]{12}\] was not sent: what was kept is no message\n$/);
  });

  it('says of many once what there is to know of each', async () => {
    for (const number of [1, 2, 3]) await keep(`3333333${number}-aaaa-4bbb-8ccc-000000000002`, 'shop.add', { exc_type: 'KeyError' }, 5);
    const { stdout, stderr } = await ctq(['retry', '--failed', '-f']);
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stderr).toMatch(
      /^ctq: note: 3 tasks \(shop\.add\[3333333\d-aaaa-4bbb-8ccc-000000000002\] …\): its expiry is over: it has none now\n$/,
    );
  });

  it('names what is no message, shows it, and drops it', async () => {
    await keepThree();
    const listed = JSON.parse((await ctq(['failed', '--json', '-Q', 'imports'])).stdout) as { id: null; handle: string }[];
    const handle = listed[0]?.handle ?? '';
    expect(handle).toMatch(/^dead-[0-9a-f]{12}$/);
    expect((await ctq(['failed', 'show', handle])).stdout).toMatch(/unregistered task shop\.gone/);
    expect(await ctq(['failed', 'rm', handle])).toMatchObject({ code: 0, stdout: `${handle}\n`, stderr: '' });
    expect(await redis().command('EXISTS', 'ctq:dead:imports')).toBe(0);
    expect(await ctq(['failed', 'rm', handle])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not among the failed tasks') as string,
    });
  });

  it('drops what was chosen with its result after a question, and keeps a copy that can be run', async () => {
    await keepThree();
    await redis().command(
      'SET',
      'celery-task-meta-22222222-aaaa-4bbb-8ccc-000000000002',
      '{"status": "FAILURE", "result": {"exc_type": "KeyError"}, "traceback": null}',
    );
    const asked = await ctq(['failed', 'rm', '--all']);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(/Drop 3 failed tasks .*nobody is here to answer/)]);
    expect((await ctq(['failed', 'rm'])).stderr).toMatch(/which failed tasks are to go\?/);
    const copy = `${folder}/dropped.jsonl`;
    const { code, stdout, stderr } = await ctq(['failed', 'rm', '--task', 'shop.*', '-f', '--keep-copy', copy]);
    expect([code, stdout.trim().split('\n').sort()]).toEqual([
      0,
      ['11111111-aaaa-4bbb-8ccc-000000000001', '22222222-aaaa-4bbb-8ccc-000000000002'],
    ]);
    expect(stderr).toBe(`ctq: 2 messages kept; ctq purge --undo ${copy} puts them into their queues, to be run\n`);
    expect(await redis().command('EXISTS', 'ctq:failed', 'celery-task-meta-22222222-aaaa-4bbb-8ccc-000000000002')).toBe(0);
    expect((await ctq(['purge', '--undo', copy])).stdout).toBe('celery\t2\n');
    expect(await redis().command('LLEN', 'celery')).toBe(2);
  });

  it('looks through large results without reading those that are no failures', async () => {
    await redis().command(
      'SET',
      'celery-task-meta-large',
      `{"status": "SUCCESS", "result": "${'FAILURE'.repeat(20_000)}", "traceback": null}`,
    );
    const text = `{"status": "FAILURE", "result": {"exc_type": "ValueError", "exc_message": ["${'x'.repeat(100_000)}"]}, "traceback": null}`;
    await redis().command('SET', 'celery-task-meta-failure', text);
    await redis().command('CONFIG', 'RESETSTAT');
    const { stdout } = await ctq(['failed', '--json']);
    expect((JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)).toEqual(['failure']);
    const stats = String(await redis().command('INFO', 'commandstats'));
    expect(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? '0').toBe('1');
  });

  it('says of failures without a name why nobody can run them again', async () => {
    await redis().command(
      'SET',
      'celery-task-meta-python',
      '{"status": "FAILURE", "result": {"exc_type": "ValueError"}, "traceback": null}',
    );
    const { stderr } = await ctq(['failed'], { terminal: true, columns: 120 });
    expect(stderr).toContain(
      '1 failure of other workers cannot be run again: the result does not say what was called; result_extended = True there',
    );
  });

  it('survives what no worker of ours has written', async () => {
    const odd = {
      a: 'no json',
      b: '{"x"',
      c: '{"task":5}\nnope',
      d: '{"task":"\\u001b[31mred","exc_type":"\\u001b]0;x","queue":"q"}\n{"headers":5}',
    };
    for (const [index, [id, record]] of Object.entries(odd).entries()) {
      await redis().command('HSET', 'ctq:failed', id, record);
      await redis().command('ZADD', 'ctq:failed:at', String(NOW - index), id);
    }
    await redis().command('ZADD', 'ctq:failed:at', String(NOW), 'record-is-gone');
    await redis().command('LPUSH', 'ctq:dead:q', 'x', '', '[1]', '{"reason":7,"at":"x"}\n{}');
    await redis().command('SET', 'celery-task-meta-q', '{"status":"FAILURE","result":5}');
    await redis().command('SET', 'celery-task-meta-r', 'FAILURE');
    const listed = await ctq(['failed'], { terminal: true });
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain('\\x1b');
    expect(listed.stdout).not.toMatch(/\u001b(?!\[\?)/);
    const { code, stdout, stderr } = await ctq(['retry', '--failed', '-f']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const told = stderr.trim().split('\n');
    for (const line of told) expect(line).toMatch(/^ctq: .* (was|were) not sent: (what was kept|its result does not say)/);
    expect(told.length).toBeLessThan(5);
    await redis().command('DEL', 'ctq:failed');
    await redis().command('LPUSH', 'ctq:failed', 'x');
    expect(await ctq(['failed'])).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^ctq: cannot read from .*WRONGTYPE[^\n]*\n$/) as string,
    });
  });

  it('says what to do where nothing has failed', async () => {
    expect(await ctq(['failed'])).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stderr": "ctq: no task has failed, as far as messages and results tell. Python workers leave a trace only with a result backend
      ",
        "stdout": "",
      }
    `);
    expect(await ctq(['failed', '--task', 'x'])).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stderr": "ctq: no such task has failed; ctq failed alone lists all of them
      ",
        "stdout": "",
      }
    `);
    expect(await ctq(['failed', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await ctq(['retry', '--failed', '-f'])).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stderr": "ctq: no such task has failed; there is nothing to send again
      ",
        "stdout": "",
      }
    `);
  });

  it('answers bad input in one line', async () => {
    const lines: string[] = [];
    for (const argv of [
      ['failed', 'list'],
      ['failed', 'show'],
      ['failed', 'show', 'nobody'],
      ['failed', '--since', 'yesterday'],
      ['failed', '--limit', '-1'],
      ['retry'],
      ['retry', 'nobody'],
      ['retry', 'x', '--failed'],
      ['retry', '--failed', '--since', '5 apples'],
    ]) {
      const { code, stdout, stderr } = await ctq(argv);
      expect(stdout).toBe('');
      lines.push(`${code} ${stderr.trimEnd()}`);
    }
    expect(lines).toMatchInlineSnapshot(`
      [
        "2 ctq: ctq failed has no "list" (ctq failed lists them, ctq failed show <id> shows one, ctq failed rm <id> drops one)",
        "2 ctq: which failed task is to be shown? (ctq failed show <id>)",
        "1 ctq: nobody is not among the failed tasks (ctq result nobody prints its state)",
        "2 ctq: --since is "yesterday" (it must be how long, such as 90s, 10m, 1h30m or 2d)",
        "2 ctq: --limit is "-1" (it must be a whole number of at least 0)",
        "2 ctq: which failed tasks are to run again? (ctq retry <id…>, or ctq retry --failed for all; ctq failed lists them)",
        "1 ctq: nobody is not among the failed tasks (ctq failed lists them)",
        "2 ctq: ctq retry takes ids, or --failed with --task, --since and --queues (not both at once)",
        "2 ctq: --since is "5 apples" (it must be how long, such as 90s, 10m, 1h30m or 2d)",
      ]
    `);
  });

  it('shows what the doctor found, at 80 columns and at 120', async () => {
    await redis().command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await redis().command('SET', 'celery-task-meta-1', '{"status": "SUCCESS", "result": 1, "task_id": "1"}');
    const shown = async (columns: number): Promise<string> => {
      const { stdout, stderr } = await ctq(['doctor'], { terminal: true, columns });
      return `${stdout}${stderr}`.replaceAll(`:${redis().port}/`, ':6379/');
    };
    expect(await shown(80)).toMatchInlineSnapshot(`
      "warning  eviction-policy
        what   redis://127.0.0.1:6379/0 has the eviction policy allkeys-lru
        why    there is no memory limit now; with one, the server would throw queues
               away when it is reached
        do     CONFIG SET maxmemory-policy noeviction, and the same in redis.conf

      warning  results-for-ever
        what   1 result of 1 at redis://127.0.0.1:6379/0 has no time to live
        why    nothing ever removes them: memory fills until the server refuses to
               take anything
        do     set result_expires (86400 is the default) where they are stored; ctq
               keys clean --orphans removes those that are there

      2 warnings; looked at 1 store, 0 queues, 0 workers
      "
    `);
    expect(await shown(120)).toMatchInlineSnapshot(`
      "warning  eviction-policy
        what   redis://127.0.0.1:6379/0 has the eviction policy allkeys-lru
        why    there is no memory limit now; with one, the server would throw queues away when it is reached
        do     CONFIG SET maxmemory-policy noeviction, and the same in redis.conf

      warning  results-for-ever
        what   1 result of 1 at redis://127.0.0.1:6379/0 has no time to live
        why    nothing ever removes them: memory fills until the server refuses to take anything
        do     set result_expires (86400 is the default) where they are stored; ctq keys clean --orphans removes those that
               are there

      2 warnings; looked at 1 store, 0 queues, 0 workers
      "
    `);
    await redis().command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis().command('FLUSHALL');
    expect(await ctq(['doctor'], { terminal: true, columns: 80 })).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stderr": "nothing found; looked at 1 store, 0 queues, 0 workers
      ",
        "stdout": "",
      }
    `);
  });
});
