/** What the one-shot commands print, with a terminal and without. The app and its broker are real, in memory. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { systemClock } from '../../src/clock.js';
import { chain, chord, Ctq, group, signature } from '../../src/index.js';
import type { ResultMeta } from '../../src/protocol/result-meta.js';
import { consume } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { eventually } from '../support/eventually.js';
import { tmpFolder } from '../support/tmp.js';
import { type FakeContext, fakeContext, type FakeWorld } from './fake-context.js';

const folder = tmpFolder();
const url = `memory://${randomUUID()}`;
const app = new Ctq('test', { brokerUrl: url });

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ctq(argv: readonly string[], world: Partial<FakeWorld> = {}): Promise<Run> {
  const context = fakeContext({ cwd: folder, ...world });
  const code = await main(['-b', url, ...argv], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

async function store(status: string, result: unknown, more: Partial<ResultMeta> = {}): Promise<string> {
  const taskId = randomUUID();
  const dateDone = '2026-11-21T08:19:33+00:00';
  await (await app.backend()).store({ taskId, status, result, traceback: null, children: [], dateDone, ...more });
  return taskId;
}

interface Sent {
  readonly id: unknown;
  readonly task: unknown;
  readonly group: unknown;
  readonly args: unknown;
  readonly embed: Readonly<Record<string, unknown>>;
}

/** The next messages of a queue. */
async function sentTo(queue: string, count: number): Promise<Sent[]> {
  const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
  const consumer = await consume(await app.broker(), [queue], 100, log);
  await log.first(count);
  await consumer.close();
  return log.deliveries.map(({ message: { body, headers } }) => {
    const [args, , embed] = JSON.parse(Buffer.from(body).toString()) as [unknown, unknown, Sent['embed']];
    return { id: headers['id'], task: headers['task'], group: headers['group'], args, embed };
  });
}

const boom = { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('ctq send', () => {
  it('prints the id, alone; and tells a person at a terminal what to do with it', async () => {
    for (const terminal of [false, true]) {
      const { code, stdout, stderr } = await ctq(['send', 'tasks.add', '3', '4'], { terminal });
      const id = stdout.trimEnd();
      expect([code, stderr]).toEqual([0, terminal ? `ctq: ctq result -b ${url} --wait ${id} waits for its value\n` : '']);
      expect(id).toMatch(uuid);
    }
    // The other command has to look in the same place.
    const { stderr } = await ctq(['send', 'tasks.add', '--result-backend', url], { terminal: true });
    expect(stderr).toContain(`ctq: ctq result -b ${url} --result-backend ${url} --wait`);
    for (const silencer of ['--quiet', '--json', '--ignore-result'])
      expect((await ctq(['send', 'tasks.add', silencer], { terminal: true })).stderr).toBe('');
  });

  it('prints a document with --json, before the command or after', async () => {
    for (const argv of [
      ['--json', 'send', 'tasks.add', '--task-id', 'my-id'],
      ['send', '--task-id', 'my-id', 'tasks.add', '--json'],
    ]) {
      expect(JSON.parse((await ctq(argv)).stdout)).toEqual({ id: 'my-id', task: 'tasks.add' });
    }
  });

  const endedBefore = (id: string, state: string): string =>
    `ctq: note: a task ${id} has ended before, ${state}: what is printed may be its result\n`;

  it('waits for the value and prints it: a text as it is, everything else as JSON', async () => {
    for (const [value, printed] of [
      [7, '7'],
      ['text', 'text'],
      [null, 'null'],
      [[1, { a: 2 }], '[1,{"a":2}]'],
      [12345678901234567890n, '12345678901234567890'],
    ] as const) {
      const id = await store('SUCCESS', value);
      const { code, stdout, stderr } = await ctq(['send', 'tasks.any', '--task-id', id, '--wait']);
      expect([code, stdout, stderr]).toEqual([0, `${printed}\n`, endedBefore(id, 'SUCCESS')]);
    }
  });

  it('tells in one line why a task failed', async () => {
    const id = await store('FAILURE', boom, { traceback: 'Traceback …' });
    const { code, stdout, stderr } = await ctq(['send', 'tasks.any', '--task-id', id, '-w']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `${endedBefore(id, 'FAILURE')}ctq: ValueError: boom (task ${id} failed; ctq result --traceback ${id} tells more)\n`,
    );
  });

  it('prints a failure as a document with --json, too', async () => {
    const id = await store('FAILURE', boom);
    const { code, stdout } = await ctq(['send', 'tasks.any', '--task-id', id, '-w', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ id, state: 'FAILURE', result: boom, traceback: null, children: [] });
  });

  it('gives up after the timeout, and says how to go on', async () => {
    const { code, stdout, stderr } = await ctq(['send', 'tasks.any', '--task-id', 'slow', '--timeout', '0.05']);
    expect([code, stdout]).toEqual([75, '']);
    expect(stderr).toBe('ctq: slow is not ready after 0.05 s (it may still finish: ctq result --wait slow)\n');
  });

  it('says after two seconds that nobody will run it, and how to go on waiting when it is told to stop', async () => {
    const waits: number[] = [];
    // The two seconds are over at once.
    const hurried = (callback: () => void, delayMs: number) => {
      waits.push(delayMs);
      return systemClock.setTimeout(callback, delayMs === 2_000 ? 0 : delayMs);
    };
    const clock = { ...systemClock, setTimeout: hurried };
    const context = fakeContext({ cwd: folder, terminal: true });
    const running = main(['-b', url, 'send', 'tasks.any', '--task-id', 'alone', '-Q', 'letters', '--wait'], { ...context, clock });
    await context.stderr.waitFor(/no worker has answered; ctq worker -A <app> -Q letters starts one/);
    context.signal('SIGINT');
    expect(await running).toBe(130);
    expect(context.stderr.text).toContain('ctq: no longer waiting; ctq result --wait alone does again\n');
    expect(waits).toContain(2_000);
    const given = ['-b', url, '-q', 'send', 'tasks.any', '--task-id', 'late', '--timeout', '1'];
    const quiet = fakeContext({ cwd: folder });
    expect(await main(given, { ...quiet, clock })).toBe(75);
    expect(quiet.stderr.text).toBe(
      'ctq: late is not ready after 1 s (no worker has answered; ctq worker -A <app> starts one, then ctq result --wait late)\n',
    );
  });

  it('turns a spinner on a terminal only, and leaves nothing of it', async () => {
    const context = fakeContext({ cwd: folder, terminal: true });
    const running = main(['-b', url, 'send', 'tasks.any', '--task-id', 'spin', '--wait'], context);
    await context.stderr.waitFor(/waiting for tasks\.any/);
    await (await app.backend()).store({ taskId: 'spin', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    expect(await running).toBe(0);
    expect(context.stdout.text).toBe('1\n');
    expect(context.stderr.text).toMatch(/\u001b\[\?25h$|\u001b\[2K|\u001b\[G/);
    const piped = fakeContext({ cwd: folder });
    expect(await main(['-b', url, 'send', 'tasks.any', '--task-id', 'nospin', '--timeout', '0.3'], piped)).toBe(75);
    expect(piped.stderr.text).not.toContain('waiting');
  });

  it('puts every option where Celery expects it', async () => {
    const argv = [
      'send',
      'tasks.mail',
      'ann',
      '-k',
      'n=3',
      '--kwargs',
      '{"n": 2, "m": 1}',
      '-Q',
      'mail',
      '--priority',
      '3',
      '--shadow',
      'Mail',
    ];
    const beganMs = Date.now();
    const { stdout } = await ctq([
      ...argv,
      '-H',
      'trace=abc',
      '--link',
      'tasks.log',
      '--time-limit',
      '30',
      '--expires',
      '60',
      '--countdown',
      '5',
    ]);
    const endedMs = Date.now();
    const broker = await app.broker();
    const got = await new Promise<Record<string, unknown>>((resolve, reject) => {
      void broker.consume({
        queues: [app.router.queues.get('mail')],
        prefetch: 1,
        name: 'test',
        handler: {
          deliver: ([delivery]) => {
            if (delivery !== undefined)
              void delivery.ack().then(() =>
                resolve({
                  ...delivery.message.headers,
                  ...delivery.message.properties,
                  body: Buffer.from(delivery.message.body).toString(),
                }),
              );
          },
          malformed: () => reject(new Error('malformed')),
          disconnected: () => {},
          connected: () => {},
          fenced: () => {},
        },
      });
    });
    expect(got).toMatchObject({ id: stdout.trim(), task: 'tasks.mail', shadow: 'Mail', trace: 'abc', timelimit: [30, null], priority: 3 });
    const [args, kwargs, embed] = JSON.parse(String(got['body'])) as [unknown, unknown, Record<string, unknown>];
    expect([args, kwargs]).toEqual([['ann'], { n: 3, m: 1 }]);
    expect(embed['callbacks']).toMatchObject([{ task: 'tasks.log' }]);
    for (const [name, seconds] of [
      ['eta', 5],
      ['expires', 60],
    ] as const) {
      const fromMs = new Date(String(got[name])).getTime() - seconds * 1000;
      expect([name, fromMs >= beganMs - 1, fromMs <= endedMs + 1]).toEqual([name, true, true]);
    }
  });
});

describe('ctq result', () => {
  it('prints the value of one task', async () => {
    const id = await store('SUCCESS', 7);
    expect(await ctq(['result', id])).toEqual({ code: 0, stdout: '7\n', stderr: '' });
  });

  it('shows on a terminal no escape sequence of a value, and changes nothing of it in a pipe', async () => {
    const id = await store('SUCCESS', 'a\u001b[2J\nb');
    expect((await ctq(['result', id], { terminal: true })).stdout).toBe('a\\x1b[2J\nb\n');
    expect((await ctq(['result', id])).stdout).toBe('a\u001b[2J\nb\n');
  });

  it.each([
    ['FAILURE', boom, 1, 'ctq: ValueError: boom (task ID failed; ctq result --traceback ID tells more)'],
    [
      'REVOKED',
      { exc_type: 'TaskRevokedError', exc_message: ['revoked'], exc_module: 'celery.exceptions' },
      1,
      'ctq: TaskRevokedError: revoked (task ID was revoked; ',
    ],
    ['STARTED', { pid: 1 }, 75, 'ctq: ID is STARTED (--wait waits)'],
    ['RETRY', boom, 75, 'ctq: ID is RETRY (--wait waits)'],
    ['PROGRESS', { done: 3 }, 75, 'ctq: ID is PROGRESS (--wait waits)'],
  ])('says of %s what it is', async (state, result, exitCode, line) => {
    const id = await store(state, result);
    const { code, stdout, stderr } = await ctq(['result', id]);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr.replaceAll(id, 'ID')).toContain(line);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  it('says that it knows nothing of a task', async () => {
    const { code, stderr } = await ctq(['result', 'nobody']);
    expect([code, stderr]).toEqual([75, 'ctq: nobody is PENDING (not begun, or no such task; --wait waits)\n']);
  });

  it('prints tracebacks when asked', async () => {
    const id = await store('FAILURE', boom, { traceback: 'Traceback (most recent call last):\n  …\nValueError: boom' });
    const { stderr } = await ctq(['result', '--traceback', id]);
    expect(stderr).toMatch(/^Traceback \(most recent call last\):\n {2}…\nValueError: boom\nctq: ValueError: boom/);
  });

  it('prints several as lines in a pipe, as a table on a terminal, and the worst as exit code', async () => {
    const [good, bad] = [await store('SUCCESS', 'x\ty'), await store('FAILURE', boom)];
    const lines = await ctq(['result', good, bad, 'nobody']);
    expect(lines.code).toBe(1);
    expect(lines.stdout).toBe(`${good}\tSUCCESS\t"x\\ty"\n${bad}\tFAILURE\tValueError: boom\nnobody\tPENDING\t\n`);
    const table = await ctq(['result', good, bad], { terminal: true });
    expect(table.stdout).toMatch(/ID\s+STATE\s+RESULT/);
    expect(table.stdout).toContain('\u001b[32mSUCCESS\u001b[39m');
    expect((await ctq(['result', good, bad, '--no-color'], { terminal: true })).stdout).not.toContain('\u001b');
    expect((await ctq(['result', good, bad], { terminal: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
    expect((await ctq(['result', good, 'nobody'])).code).toBe(75);
    expect((await ctq(['result', good, good])).code).toBe(0);
  });

  it('prints one document with --json, a list for several', async () => {
    const id = await store('SUCCESS', { n: 12345678901234567890n, nan: Number.NaN });
    const { stdout } = await ctq(['result', id, '--json']);
    expect(stdout).toContain('12345678901234567890');
    expect(stdout).toContain('NaN');
    expect(JSON.parse((await ctq(['result', '--json', 'a', 'b'])).stdout)).toEqual(
      ['a', 'b'].map((one) => ({ id: one, state: 'PENDING', result: null, traceback: null, children: [], date_done: null })),
    );
  });

  it('prints with --json what was called and where, if it is stored', async () => {
    const extended = { name: 'tasks.add', args: [1, 2], kwargs: {}, worker: 'w@host', retries: 0, queue: 'celery' };
    const stamps = { who: ['ann'], visit: 7 };
    const id = await store('SUCCESS', 3, { extended, stamps });
    const document = { id, state: 'SUCCESS', result: 3, ...extended, stamps };
    expect(JSON.parse((await ctq(['result', id, '--json'])).stdout)).toMatchObject(document);
    expect(JSON.parse((await ctq(['result', id, '--json', '--tree'])).stdout)).toMatchObject(document);
  });

  it('waits, and gives up in time', async () => {
    const running = ctq(['result', '--wait', '--timeout', '20', 'late']);
    await (await app.backend()).store({ taskId: 'late', status: 'SUCCESS', result: 'now', traceback: null, children: [], dateDone: null });
    expect(await running).toEqual({ code: 0, stdout: 'now\n', stderr: '' });
    expect((await ctq(['result', '--timeout', '0.05', 'never'])).code).toBe(75);
  });

  it('forgets what it has printed', async () => {
    const id = await store('SUCCESS', 7);
    expect((await ctq(['result', '--forget', id])).stdout).toBe('7\n');
    expect((await ctq(['result', id])).code).toBe(75);
  });

  it('prints the tasks and groups that a task sent, each once', async () => {
    const leaf = await store('SUCCESS', 2);
    const root = await store('SUCCESS', 1);
    await (await app.backend()).store({
      taskId: root,
      status: 'SUCCESS',
      result: 1,
      traceback: null,
      children: [],
      dateDone: null,
    });
    const parent = await store('SUCCESS', 0, {
      children: [
        [[leaf, null], null],
        [
          ['group', null],
          [
            [[root, null], null],
            [[leaf, null], null],
          ],
        ],
      ],
    });
    expect((await ctq(['result', '--tree', parent])).stdout).toBe(
      `${parent} SUCCESS 0\n  ${leaf} SUCCESS 2\n  group group\n    ${root} SUCCESS 1\n`,
    );
    const tree: unknown = JSON.parse((await ctq(['result', '--tree', '--json', parent])).stdout);
    expect(tree).toMatchObject({
      id: parent,
      state: 'SUCCESS',
      children: [
        { id: leaf, state: 'SUCCESS' },
        { id: 'group', group: true },
      ],
    });
    expect(tree).toMatchObject({ children: [{}, { children: [{ id: root, state: 'SUCCESS', result: 1, children: [] }] }] });
  });

  it('takes the id of a saved group for its members', async () => {
    const [one, two] = [await store('SUCCESS', 1), await store('SUCCESS', 2)];
    const groupId = randomUUID();
    const chords = (await app.backend()).chords;
    await chords?.saveGroup(groupId, [[groupId, null], [one, two].map((id) => [[id, null], null])]);
    expect((await ctq(['result', groupId])).stdout).toBe(`${one}\tSUCCESS\t1\n${two}\tSUCCESS\t2\n`);
    expect((await ctq(['result', '--tree', groupId])).stdout).toBe(`${groupId} group\n  ${one} SUCCESS 1\n  ${two} SUCCESS 2\n`);
    await ctq(['result', '--forget', groupId]);
    expect((await ctq(['result', groupId])).code).toBe(75);
    expect(await chords?.loadGroup(groupId)).toBeUndefined();
  });

  it('shows on a terminal how far a task is that says so', async () => {
    const context = fakeContext({ cwd: folder, terminal: true });
    const running = main(['-b', url, 'result', '--wait', 'far'], context);
    const backend = await app.backend();
    const meta = { taskId: 'far', traceback: null, children: [], dateDone: null };
    await context.stderr.waitFor(/waiting for far/);
    await backend.store({ ...meta, status: 'PROGRESS', result: { current: 3, total: 10, status: 'resizing\u001b[2J' } });
    await context.stderr.waitFor(/far █{7}░{17} 30 % \(3\/10\) resizing\\x1b\[2J/);
    await backend.store({ ...meta, status: 'SUCCESS', result: 'done' });
    expect(await running).toBe(0);
    expect(context.stdout.text).toBe('done\n');
  });

  it('counts on a terminal how many of several are ready', async () => {
    const context = fakeContext({ cwd: folder, terminal: true });
    const running = main(['-b', url, 'result', '--wait', 'c1', 'c2'], context);
    const backend = await app.backend();
    await context.stderr.waitFor(/waiting for 2 tasks/);
    await backend.store({ taskId: 'c1', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    await context.stderr.waitFor(/2 tasks █{12}░{12} 50 % \(1\/2\)/);
    await backend.store({ taskId: 'c2', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    expect(await running).toBe(0);
  });
});

describe('ctq send --batch', () => {
  const lines = (...values: unknown[]): string =>
    values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join('');

  it('sends a task a line and prints their ids in order', async () => {
    const input = lines({ task: 'tasks.add', args: [1, 2], options: { task_id: 'one' } }, '', {
      task: 'tasks.add',
      options: { taskId: 'two', countdown: 5 },
    });
    expect(await ctq(['send', '--batch', '-'], { input })).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: 'sent 2 tasks\n' });
  });

  it('takes the name of all lines from the command line', async () => {
    const { stdout } = await ctq(['send', 'tasks.add', '--batch', '-', '-q', '--json'], {
      input: lines({ args: [1], options: { taskId: 'a' } }),
    });
    expect(JSON.parse(stdout)).toEqual({ id: 'a', task: 'tasks.add', line: 1 });
  });

  it.each<[unknown, string]>([
    ['{broken', 'no JSON: '],
    [[1, 2], '[1,2] is no object'],
    [{ tsk: 'a' }, 'unknown key "tsk" (did you mean task?)'],
    [{ task: 'a', queue: 'mail' }, 'unknown key "queue" (it is an option: "options": {"queue": …})'],
    [{ args: [1] }, 'the task is missing'],
    [{ task: '' }, 'the task is missing'],
    [{ task: 'a', args: 3 }, 'args is 3 (it must be a list)'],
    [{ task: 'a', kwargs: [] }, 'kwargs is [] (it must be an object)'],
    [{ task: 'a', options: 3 }, 'options is 3'],
    [{ task: 'a', options: { contdown: 1 } }, 'unknown option "contdown" (did you mean countdown?)'],
    [{ task: 'a', options: { countdown: 'x' } }, 'countdown is "x" (it must be a number)'],
    [{ task: 'a', options: { ignore_result: 1 } }, 'ignore_result is 1 (it must be true or false)'],
    [{ task: 'a', options: { serializer: 'pickle' } }, 'pickle'],
  ])('leaves out the line %j, says why, and sends the others', async (bad, why) => {
    const good = { task: 'a', options: { taskId: 'good' } };
    const { code, stdout, stderr } = await ctq(['send', '--batch', '-'], { input: lines(good, bad, good) });
    expect([code, stdout]).toEqual([2, 'good\ngood\n']);
    expect(stderr).toContain(`ctq: standard input:2: `);
    expect(stderr).toContain(why);
    expect(stderr).toMatch(/\nsent 2 tasks, left out 1 bad line\n$/);
  });

  it('sends thousands without keeping them all', async () => {
    const count = 5000;
    const { stdout, stderr } = await ctq(['send', 'tasks.add', '--batch', '-'], {
      input: Array.from({ length: count }, (_, n) => `{"args": [${n}]}\n`),
    });
    expect(stdout.trimEnd().split('\n')).toHaveLength(count);
    // On a machine with other things to do it says how far it is, meanwhile.
    expect(stderr).toMatch(new RegExp(`^(?:ctq: sent [\\d,]+\\n)*sent ${count} tasks\\n$`));
  });

  it('reads a file below the working directory', async () => {
    const cwd = tmpFolder({ 'calls.jsonl': lines({ task: 'a', options: { taskId: 'x' } }) });
    expect((await ctq(['send', '--batch', 'calls.jsonl'], { cwd })).stdout).toBe('x\n');
  });
});

describe('ctq send --chain, --group and --chord', () => {
  const steps = [{ task: 'tasks.add', args: [1, 2] }, { task: 'tasks.mul', args: [3] }, 'tasks.say'];
  const send = async (count: number, kind: string, canvas: unknown, ...more: string[]): Promise<{ sent: Sent[]; id: string }> => {
    const queue = `q-${randomUUID()}`;
    const run = await ctq(['send', `--${kind}`, '-', '-Q', queue, ...more], { input: JSON.stringify(canvas) });
    expect([run.code, run.stderr]).toEqual([0, '']);
    return { sent: await sentTo(queue, count), id: run.stdout.trimEnd() };
  };

  it('sends the first step with the others in it, and prints the id of the last', async () => {
    const { sent, id } = await send(1, 'chain', steps);
    expect(sent).toMatchObject([{ task: 'tasks.add', args: [1, 2], embed: { chain: [{ task: 'tasks.say' }, { task: 'tasks.mul' }] } }]);
    expect(sent[0]?.embed['chain']).toMatchObject([{ options: { task_id: id } }, {}]);
  });

  it('sends all of a group, and keeps its members for ctq result', async () => {
    const { sent, id } = await send(2, 'group', steps.slice(0, 2), '10');
    expect(sent.map(({ task, args, group }) => [task, args, group])).toEqual([
      ['tasks.add', [10, 1, 2], id],
      ['tasks.mul', [10, 3], id],
    ]);
    const members = (await (await app.backend()).chords?.loadGroup(id))?.[1]?.map(([[member]]) => member);
    expect(members).toEqual(sent.map((one) => one.id));
    expect((await ctq(['result', id])).stdout).toBe(members?.map((member) => `${member}\tPENDING\t\n`).join(''));
  });

  it('sends the header of a chord, with its body in every part', async () => {
    const { sent, id } = await send(2, 'chord', { header: steps.slice(0, 2), body: 'tasks.sum' });
    expect(sent.map(({ task, embed }) => [task, (embed['chord'] as { options: object }).options])).toMatchObject([
      ['tasks.add', { task_id: id }],
      ['tasks.mul', { task_id: id }],
    ]);
  });

  it('takes what json.dumps writes of a canvas, nested as it may be', async () => {
    const nested = chain(signature('a'), group([signature('b'), chain(signature('c'), signature('d'))]), signature('e'));
    for (const kind of ['chain', 'group', 'chord'] as const) {
      const canvas = { chain: nested, group: group([nested, nested]), chord: chord([nested], signature('e')) }[kind];
      const { sent } = await send(kind === 'group' ? 2 : 1, kind, canvas.toJSON());
      expect(sent.map(({ task }) => task)).toEqual(kind === 'group' ? ['a', 'a'] : ['a']);
    }
  });

  it('prints ids of everything with --json, as Celery keeps them', async () => {
    const { stdout } = await ctq(['--json', 'send', '--chain', '-', '--task-id', 'last'], { input: JSON.stringify(steps) });
    expect(JSON.parse(stdout)).toMatchObject({
      id: 'last',
      task: 'celery.chain',
      tree: [['last', [[{}, [[{}, null], null]], null]], null],
    });
  });

  it('waits for the value, of a group the list of all, shown as it comes in', async () => {
    const signatures = [await store('SUCCESS', 1), await store('SUCCESS', 2)].map((id) => ({ task: 'a', options: { task_id: id } }));
    const cwd = tmpFolder({ 'group.json': JSON.stringify(signatures) });
    expect(await ctq(['send', '--group', 'group.json', '--wait'], { cwd })).toEqual({ code: 0, stdout: '[1,2]\n', stderr: '' });
    const documents: unknown = JSON.parse((await ctq(['send', '--group', 'group.json', '--wait', '--json'], { cwd })).stdout);
    expect(documents).toMatchObject([{ result: 1 }, { result: 2 }]);
    const input = JSON.stringify(['a', signatures[0]]);
    expect(await ctq(['send', '--chain', '-', '--wait', '-q'], { input })).toMatchObject({ code: 0, stdout: '1\n' });
  });

  it.each<[string, unknown, string]>([
    ['chain', '{broken', '--chain standard input is no JSON'],
    ['chain', [], '--chain standard input is empty'],
    ['chain', 3, '--chain standard input is 3 (write a list of signatures, such as'],
    ['chain', ['a', 3], '--chain standard input: number 2 is 3 (write {"task"'],
    ['chain', ['a', { task: 'b', arg: [1] }], '--chain standard input: number 2 has an unknown key "arg" (did you mean args?)'],
    ['chain', [{ task: 'b', args: 3 }], '--chain -: not a signature: the args of b are no list'],
    ['chain', { task: 'a' }, '--chain standard input holds a single task'],
    ['chain', group([signature('a')]).toJSON(), '--chain standard input holds a group (send it with --group)'],
    ['chord', ['a'], '--chord standard input is ["a"] (write {"header":'],
    ['chord', { header: ['a'] }, '--chord standard input: body is undefined'],
    ['chord', { header: ['a'], bdy: 'b' }, 'unknown key "bdy" (did you mean body?)'],
  ])('says of a --%s %j what is wrong with it', async (kind, canvas, why) => {
    const input = typeof canvas === 'string' ? canvas : JSON.stringify(canvas);
    const { code, stdout, stderr } = await ctq(['send', `--${kind}`, '-'], { input });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`ctq: `);
    expect(stderr).toContain(why);
  });
});

describe('a command that is interrupted', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends with %i and without a word', async (signal, exitCode) => {
    const context: FakeContext = fakeContext({ cwd: folder });
    const running = main(['-b', url, 'result', '--wait', 'never'], context);
    await eventually(() => expect(context.signal(signal)).toBe(true));
    expect(await running).toBe(exitCode);
    expect([context.stdout.text, context.stderr.text]).toEqual(['', '']);
  });

  it('by a reader that has gone ends with 0', async () => {
    const context = fakeContext({ cwd: folder });
    const running = main(['-b', url, 'result', '--wait', 'never'], context);
    context.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await running).toBe(0);
  });

  it('by a full disk says so', async () => {
    const context = fakeContext({ cwd: folder });
    const running = main(['-b', url, 'result', '--wait', 'never'], context);
    context.stdout.emit('error', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    expect(await running).toBe(73);
    expect(context.stderr.text).toContain('cannot write to standard output: no space left on device');
  });
});

describe('help', () => {
  it.each([['--help'], ['-h'], ['help']])('%s lists the commands', async (word) => {
    const { code, stdout, stderr } = await ctq([word]);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of ['worker', 'send', 'result']) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it.each(['worker', 'send', 'result'])('of %s shows its options and three examples', async (name) => {
    const { code, stdout } = await ctq([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: ctq ${name} `));
    expect(stdout.match(/^ {2}# /gm)).toHaveLength(3);
    expect(stdout).toContain('Global options:');
    expect((await ctq(['help', name])).stdout).toBe(stdout);
    expect((await ctq(['--help', name])).stdout).toBe(stdout);
  });

  it('keeps to the width of the terminal', async () => {
    const { stdout } = await ctq(['send', '--help'], { terminal: true });
    expect(
      Math.max(
        ...stdout
          .split('\n')
          .filter((line) => !line.startsWith('  ctq '))
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(100);
  });

  it('gives the version anywhere', async () => {
    for (const argv of [['--version'], ['send', '--version'], ['--version', 'worker']])
      expect((await ctq(argv)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
