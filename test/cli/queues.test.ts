/** What `ctq queues` prints: each view at 80 and 120 columns, and the real thing on a file. */
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { breakdownText, queueDocument, queuesText } from '../../src/cli/queues/listing.js';
import { peekedDocument, peekText } from '../../src/cli/queues/peek.js';
import type { QueueView } from '../../src/ctq/queue-census.js';
import { readMessage } from '../../src/estates/stored.js';
import { Ctq } from '../../src/index.js';
import { makeEmptyFile } from '../support/empty-file.js';
import { tmpFolder } from '../support/tmp.js';
import { FakeStream, type FakeWorld, fakeContext } from './fake-context.js';

const base: QueueView = {
  ...{ name: 'celery', ready: 0, readyByPriority: [], unacked: 0, delayed: 0, paused: false, consumers: [] },
  ...{ oldest: undefined, finishRate: { perSecond: 0, known: 'exactly' }, publishRate: undefined },
};

const quiet: readonly QueueView[] = [
  base,
  { ...base, name: 'mail', ready: 12, readyByPriority: [{ priority: 0, count: 12 }], oldest: { ageMs: 95_000, basis: 'header' } },
];

const busy: readonly QueueView[] = [
  {
    ...base,
    ready: 60_000,
    readyByPriority: [
      { priority: 0, count: 54_000 },
      { priority: 6, count: 6_000 },
    ],
    ...{ unacked: 412, delayed: 1_250, consumers: ['celery@web1', 'celery@web2'] },
    ...{ oldest: { ageMs: 7_300_000, basis: 'estimate' }, finishRate: { perSecond: 812.34, known: 'at least' } },
    publishRate: { perSecond: 1_204.5, known: 'at least' },
  },
  { ...base, name: 'mail.newsletters.of.the.whole.company', paused: true, finishRate: undefined },
];

const tasks = new Map([
  ['celery', { sampled: 1_000, of: 60_000, counts: { 'tasks.thumbnail': 900, 'tasks.mail': 100 } }],
  ['mail', { sampled: 12, of: 12, counts: { 'tasks.mail': 12 } }],
]);

describe('the list of queues', () => {
  it('fits 80 columns', async () => {
    expect(await queuesText(quiet, new FakeStream(true, 80))).toMatchInlineSnapshot(`
      " QUEUE    READY   UNACKED   DELAYED   WORKERS   OLDEST
       celery       0         0         0         0
       mail        12         0         0         0     95 s
      "
    `);
    expect(await queuesText(busy, new FakeStream(true, 80))).toMatchInlineSnapshot(`
      "QUEUE           READY  UNACKED  DELAYED  WORKERS    IN/S  OUT/S  OLDEST  STATE
      celery         60,000      412    1,250        2  >1,205   >812    ~2 h
      mail.newslet…       0        0        0        0                         paused

       QUEUE    PRIORITY    READY
       celery   0          54,000
       celery   6           6,000
      "
    `);
  });

  it('fits 120 columns', async () => {
    expect(await queuesText(quiet, new FakeStream(true, 120))).toMatchInlineSnapshot(`
      " QUEUE    READY   UNACKED   DELAYED   WORKERS   OLDEST
       celery       0         0         0         0
       mail        12         0         0         0     95 s
      "
    `);
    expect(await queuesText(busy, new FakeStream(true, 120))).toMatchInlineSnapshot(`
      " QUEUE                     READY   UNACKED   DELAYED   WORKERS     IN/S   OUT/S   OLDEST   STATE            BY PRIORITY
       celery                   60,000       412     1,250         2   >1,205    >812     ~2 h            0: 54,000, 6: 6,000
       mail.newsletters.of.t…        0         0         0         0                             paused
      "
    `);
  });

  it('has every column at its place in a pipe, whatever is in it', async () => {
    expect(await queuesText([...quiet, ...busy], new FakeStream(false))).toMatchInlineSnapshot(`
      "celery	0	0	0	0		0			
      mail	12	0	0	0		0	95		0:12
      celery	60000	412	1250	2	1204.5	812.3	~7300		0:54000,6:6000
      mail.newsletters.of.the.whole.company	0	0	0	0				paused	
      "
    `);
  });

  it('tells programs the same', () => {
    expect(queueDocument(busy[0] as QueueView, tasks.get('celery'))).toMatchInlineSnapshot(`
      {
        "consumers": [
          "celery@web1",
          "celery@web2",
        ],
        "delayed": 1250,
        "finish_rate": {
          "known": "at least",
          "per_second": 812.3,
        },
        "name": "celery",
        "oldest": {
          "age": 7300,
          "basis": "estimate",
        },
        "paused": false,
        "publish_rate": {
          "known": "at least",
          "per_second": 1204.5,
        },
        "ready": 60000,
        "ready_by_priority": {
          "0": 54000,
          "6": 6000,
        },
        "tasks": {
          "counts": {
            "tasks.mail": 100,
            "tasks.thumbnail": 900,
          },
          "of": 60000,
          "sampled": 1000,
        },
        "unacked": 412,
      }
    `);
  });
});

describe('the tasks of a queue', () => {
  it.each([80, 120])('fit %d columns, estimates marked', async (columns) => {
    expect(await breakdownText([...tasks], new FakeStream(true, columns))).toMatchInlineSnapshot(`
      " QUEUE    TASK                READY
       celery   tasks.thumbnail   ~54,000
       celery   tasks.mail         ~6,000
       mail     tasks.mail             12
      "
    `);
  });
});

const NOW = Date.parse('2026-11-21T12:00:00Z');

function envelope(args: string, more: { readonly contentType?: string; readonly eta?: string; readonly task?: string } = {}): Uint8Array {
  const { contentType = 'application/json', eta = null, task = 'tasks.thumbnail' } = more;
  const body = Buffer.from(
    contentType === 'application/json' ? `[${args}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]` : args,
  );
  return Buffer.from(
    JSON.stringify({
      body: body.toString('base64'),
      'content-encoding': 'utf-8',
      'content-type': contentType,
      headers: { lang: 'py', task, id: '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', eta },
      properties: { priority: 0, body_encoding: 'base64', timestamp: NOW / 1000 - 95, delivery_tag: 't' },
    }),
  );
}

async function peeked(raws: readonly Uint8Array[]) {
  return Promise.all(
    raws.map((raw, position) => {
      const message = readMessage(raw);
      const published = message === undefined ? {} : { publishedAtMs: NOW - 95_000 };
      return peekedDocument({ queue: 'celery', place: 'ready', priority: 0, position, raw, message, ...published }, NOW);
    }),
  );
}

describe('the messages of a queue', () => {
  const raws = [
    envelope('["https://example.org/a/very/long/address/of/an/image.jpg", 640], {"quality": 80, "\\u001b[31mred": "\\u001b[2J"}'),
    envelope('[], {}', { eta: '2026-11-21T15:00:00+00:00', task: 'tasks.reports.monthly_summary' }),
    envelope('\x80\x04K\x01.', { contentType: 'application/x-python-serialize' }),
    Buffer.from('no message at all'),
  ];

  it('fit 80 columns, whatever they hold', async () => {
    expect(await peekText(await peeked(raws), NOW, new FakeStream(true, 80))).toMatchInlineSnapshot(`
      "PLACE  ID                                    TASK        AGE     ETA  ARGUMENTS
      0/0    57cb3c6b-2ca6-471b-b17f-ba3d9a43a368  tasks.th…  95 s          ["https:…
      0/1    57cb3c6b-2ca6-471b-b17f-ba3d9a43a368  tasks.re…  95 s  in 3 h  []
      0/2    57cb3c6b-2ca6-471b-b17f-ba3d9a43a368  tasks.th…  95 s          pickle, …
      0/3                                                                   no messa…
      "
    `);
  });

  it('fit 120 columns', async () => {
    expect(await peekText(await peeked(raws), NOW, new FakeStream(true, 120))).toMatchInlineSnapshot(`
      " PLACE   ID                                     TASK                          AGE      ETA   ARGUMENTS
       0/0     57cb3c6b-2ca6-471b-b17f-ba3d9a43a368   tasks.thumbnail              95 s            ["https://example.org/a/v…
       0/1     57cb3c6b-2ca6-471b-b17f-ba3d9a43a368   tasks.reports.monthly_sum…   95 s   in 3 h   []
       0/2     57cb3c6b-2ca6-471b-b17f-ba3d9a43a368   tasks.thumbnail              95 s            pickle, not read: 6 bytes
       0/3                                                                                         no message: 17 bytes
      "
    `);
  });

  it('are described to programs, a pickle without loading it', async () => {
    const [first, , pickle, nothing] = await peeked(raws);
    expect(first).toMatchObject({
      task: 'tasks.thumbnail',
      args: ['https://example.org/a/very/long/address/of/an/image.jpg', 640],
      age: 95,
    });
    expect(pickle).toMatchObject({ task: 'tasks.thumbnail', args: null, message: { pickle: expect.anything() as unknown } });
    expect(nothing).toMatchObject({ id: null, task: null, bytes: 17, message: null });
  });
});

describe('ctq queues on a file', () => {
  const apps: Ctq[] = [];
  afterAll(() => Promise.all(apps.map((app) => app.close())));

  function place(): { readonly url: string; readonly app: Ctq; run(argv: readonly string[], world?: Partial<FakeWorld>): Promise<Ran> } {
    const cwd = tmpFolder();
    const url = `sqlite://${cwd}/ctq.db`;
    const app = new Ctq('queues', { brokerUrl: url });
    apps.push(app);
    return {
      url,
      app,
      async run(argv, world = {}) {
        const context = fakeContext({ cwd, ...world });
        const code = await main(['queues', '-b', url, ...argv], context);
        return { code, stdout: context.stdout.text, stderr: context.stderr.text };
      },
    };
  }
  interface Ran {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }

  it('says what to do where there are none', async () => {
    const { url, run } = place();
    await makeEmptyFile(url);
    expect(await run([], { terminal: true })).toEqual({
      code: 0,
      stdout: '',
      stderr: 'ctq: no queues here yet; ctq send <task> makes the first, and so does a worker: ctq worker -A <app>\n',
    });
    expect((await run(['--json'])).stdout).toBe('[]\n');
    expect((await run(['peek', 'mail'])).stderr).toBe('ctq: nobody uses a queue of the name mail (ctq queues lists those there are)\n');
  });

  it('names what waits, and that nobody takes from it', async () => {
    const { app, run } = place();
    await Promise.all([1, 2, 3].map((n) => app.sendTask('tasks.add', [n], { queue: 'mail' }).published));
    await app.sendTask('tasks.add', [4], { queue: 'mail', priority: 9 }).published;
    const { stdout, stderr } = await run([]);
    expect(stdout).toMatch(/^mail\t4\t0\t0\t0\t\t0\t\d+\t\t0:3,9:1\n$/);
    expect(stderr).toBe('ctq: nobody takes from mail; ctq worker -A <app> -Q mail does\n');
    expect((await run(['-q'])).stderr).toBe('');
  });

  it('lists a queue that is named, and doubts the name of one that nobody has used', async () => {
    const { app, run } = place();
    for (const queue of ['mail', 'video']) await app.sendTask('tasks.add', [1], { queue }).published;
    expect((await run(['mail'])).stdout).toMatch(/^mail\t1\t[^\n]*\n$/);
    const unsure = 'ctq: nobody uses a queue of the name mial (did you mean mail?)\n';
    expect(await run(['-Q', 'mial'])).toMatchObject({ code: 0, stderr: unsure });
    expect(await run(['peek', 'mial'])).toMatchObject({ code: 0, stdout: '', stderr: unsure });
  });

  it('pages through messages, and says where it goes on', async () => {
    const { app, run } = place();
    await Promise.all(Array.from({ length: 25 }, (_, n) => app.sendTask('tasks.add', [n], { queue: 'mail' }).published));
    const { stdout, stderr } = await run(['peek', 'mail', '--offset', '5', '--limit', '3']);
    expect(stdout.split('\n').map((line) => line.split('\t').at(-1))).toEqual(['[5]', '[6]', '[7]', '']);
    expect(stderr).toBe('ctq: 8 of 25 messages; --offset 8 shows the next\n');
    const documents = JSON.parse((await run(['peek', 'mail', '--json', '--offset', '24'])).stdout) as { args: unknown }[];
    expect(documents.map(({ args }) => args)).toEqual([[24]]);
  });

  it('pauses and resumes', async () => {
    const { app, run } = place();
    await app.sendTask('tasks.add', [1], { queue: 'mail' }).published;
    expect(await run(['pause', 'mail', 'video'])).toMatchObject({
      stdout: 'mail: paused\nvideo: paused\n',
      stderr: 'ctq: note: nobody uses a queue of the name video (ctq queues lists those there are)\n',
    });
    expect((await run(['pause', 'mail'])).stdout).toBe('mail: was paused already\n');
    expect((await run([])).stdout).toContain('\tpaused\t');
    expect((await run(['resume', 'mail', '--json'])).stdout).toBe(
      '[{"name":"mail","paused":false,"changed":true,"told":[],"silent":[]}]\n',
    );
    expect((await run(['resume', 'mail'])).stdout).toBe('mail: was not paused\n');
  });

  it('refuses what it does not know, in one line', async () => {
    const { run } = place();
    const refused = async (...argv: string[]): Promise<string> => {
      const { code, stderr } = await run(argv);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('pose', 'mail')).toBe(
      'ctq: ctq queues knows no "pose" (it knows peek, pause and resume, and no queue of that name)\n',
    );
    expect(await refused('peek')).toContain('ctq queues peek needs a queue');
    expect(await refused('peek', 'a', 'b')).toContain('looks into one queue');
    expect(await refused('pause')).toContain('which queues shall pause?');
    expect(await refused('--limit', '0')).toContain('--limit');
  });
});
