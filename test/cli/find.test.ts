/** `ctq find`: what it says of a task in each of its places, at 80 and 120 columns, and of one that is nowhere. */
import { describe, expect, it } from 'vitest';
import { findDocument } from '../../src/cli/find/document.js';
import type { Located } from '../../src/cli/find/locate.js';
import { findFields } from '../../src/cli/find/text.js';
import { main } from '../../src/cli/main.js';
import { fieldsText } from '../../src/cli/output/fields.js';
import { Ctq } from '../../src/index.js';
import type { TaskPlace } from '../../src/estate/tasks.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext, FakeStream } from './fake-context.js';

const nowMs = Date.parse('2026-11-21T12:00:00Z');
const id = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
const other = '6afc67c8-73c5-4c2c-87c4-cb39830760e7';

const nowhere: Located = {
  ...{ taskId: id, result: undefined, resultTtlMs: undefined, revoked: false, failedAtMs: undefined, places: [], workers: [] },
  ...{ deadLetters: [], search: undefined, message: undefined, chord: undefined },
};
const message = {
  ...{
    id,
    task: 'reports.build',
    args: ['november', { pages: 12 }],
    kwargs: { draft: true },
    callbacks: null,
    errbacks: null,
    chain: null,
  },
  headers: { id, task: 'reports.build', parent_id: other, root_id: other, group: 'a-group' },
  chord: { task: 'reports.bind', options: { task_id: other } },
  ...{
    properties: {},
    content_type: 'application/json',
    content_encoding: 'utf-8',
    compression: null,
    body_bytes: 90,
    pickle: null,
    problem: null,
  },
};
function place(change: Partial<TaskPlace>, headers: Readonly<Record<string, unknown>> = {}): TaskPlace {
  const wire = { headers, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.alloc(0) };
  return { queue: 'reports', place: 'ready', priority: 0, position: 0, raw: Buffer.alloc(0), message: wire, ...change };
}
const result = (status: string, value: unknown): Located['result'] => ({
  ...{ taskId: id, status, result: value, traceback: null, children: [[[other, null], null]] },
  dateDone: '2026-11-21T11:57:00+00:00',
  extended: { name: 'reports.build', args: ['november'], kwargs: {}, worker: 'celery@host', retries: 2, queue: 'reports' },
});

const CASES: Readonly<Record<string, Located>> = {
  queued: {
    ...nowhere,
    message,
    places: [place({ priority: 6, position: 1999, among: 4000 })],
    search: { searched: 10_000, total: 200_000 },
    chord: { groupId: 'a-group', done: 3, size: 10 },
  },
  'next in its queue': { ...nowhere, message, places: [place({ among: 1 })] },
  'running on a worker': {
    ...nowhere,
    message,
    workers: [{ node: 'celery@host', state: 'active', startedAtMs: nowMs - 90_000, pid: 42, name: 'reports.build' }],
  },
  'running though it was revoked': {
    ...{ ...nowhere, message, revoked: true },
    workers: [{ node: 'celery@host', state: 'active', startedAtMs: nowMs - 90_000, pid: 42, name: 'reports.build' }],
  },
  'reserved by a worker': { ...nowhere, message, places: [place({ place: 'unacked', takenAtMs: nowMs - 5_000, owner: 'celery@host' })] },
  'taken by a worker that is gone': { ...nowhere, message, places: [place({ place: 'unacked', takenAtMs: nowMs - 7_200_000 })] },
  parked: { ...nowhere, message, places: [place({ place: 'delayed', dueAtMs: nowMs + 3_600_000 })] },
  'held by Python until its time': { ...nowhere, message, places: [place({ place: 'unacked' }, { eta: '2026-11-21T13:00:00+00:00' })] },
  done: { ...nowhere, workers: undefined, result: result('SUCCESS', { pages: 12 }), resultTtlMs: 82_800_000 },
  failed: {
    ...nowhere,
    workers: undefined,
    result: result('FAILURE', { exc_type: 'ValueError', exc_message: ['no such month'], exc_module: 'builtins' }),
    failedAtMs: nowMs - 180_000,
  },
  'a dead letter': { ...nowhere, deadLetters: [{ queue: 'reports', reason: 'poison', atMs: nowMs - 60_000 }] },
  revoked: { ...nowhere, revoked: true },
  'lost on its way': { ...nowhere, result: { ...result('RETRY', null), taskId: id, status: 'RETRY', result: null } as Located['result'] },
};

describe.each([80, 120])('at %i columns, a task that is', (columns) => {
  it.each(Object.entries(CASES))('%s', (_name, located) => {
    const text = fieldsText([['id', located.taskId], ...findFields(located, nowMs)], new FakeStream(true, columns));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(text).toMatchSnapshot();
  });
});

describe('the document of ctq find', () => {
  it('has the same keys whatever was found', () => {
    const shapes = Object.values(CASES).map((located) => Object.keys(findDocument(located, nowMs)).join());
    expect(new Set(shapes).size).toBe(1);
    expect(Object.entries(CASES).map(([name, located]) => `${name}: ${findDocument(located, nowMs).where}`)).toMatchInlineSnapshot(`
      [
        "queued: queued",
        "next in its queue: queued",
        "running on a worker: running",
        "running though it was revoked: running",
        "reserved by a worker: reserved",
        "taken by a worker that is gone: reserved",
        "parked: delayed",
        "held by Python until its time: delayed",
        "done: done",
        "failed: done",
        "a dead letter: dead letter",
        "revoked: revoked",
        "lost on its way: unknown",
      ]
    `);
  });
});

describe('ctq find', () => {
  const folder = tmpFolder();
  const url = `sqlite://${folder}/ctq.db`;

  async function ctq(argv: readonly string[]): Promise<readonly [number, string, string]> {
    const context = fakeContext({ cwd: folder });
    return [await main([...argv, '-b', url], context), context.stdout.text, context.stderr.text];
  }

  it('takes the beginning of an id, and lists those that begin so when they are several', async () => {
    const app = new Ctq('t', { brokerUrl: url });
    for (const taskId of ['abc-1', 'abc-2', 'abd-3']) await app.sendTask('tasks.add', [taskId], { taskId });
    await app.close();
    expect((await ctq(['find', 'abd']))[1]).toContain('abd-3');
    expect(await ctq(['find', 'ab'])).toEqual([
      2,
      'abc-1\nabc-2\nabd-3\n',
      'ctq: 3 tasks have ids that begin with ab (5 characters tell them apart)\n',
    ]);
    // A whole id is one, though another begins so.
    await new Ctq('t', { brokerUrl: url }).sendTask('tasks.add', [], { taskId: 'abd' });
    expect((await ctq(['find', 'abd']))[1]).toMatch(/^id +abd\n/);
  });

  it('says of the id of a group that it is one', async () => {
    const app = new Ctq('t', { brokerUrl: url });
    await (await app.backend()).chords?.setSize('a-group', 3);
    await app.close();
    expect(await ctq(['find', 'a-group'])).toEqual([
      1,
      '',
      "ctq: a-group is no task but a group: 0 of 3 parts of its chord are in (ctq keys '*a-group*' lists what is kept of it)\n",
    ]);
  });

  it('says of an id that nobody knows where it looked and what that may mean', async () => {
    expect(await ctq(['find', 'nix'])).toEqual([
      1,
      '',
      `ctq: nobody knows a task nix at ${url} (it was never sent there, or its result has expired; ctq result --wait waits for one that is yet to come)\n`,
    ]);
    expect((await ctq(['find', '']))[0]).toBe(2);
    expect((await ctq(['find']))[0]).toBe(2);
  });
});
