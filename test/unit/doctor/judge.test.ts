/** What the doctor thinks of facts that no test can bring about on a real server. */
import { describe, expect, it } from 'vitest';
import { checks } from '../../../src/doctor/checks/index.js';
import type { EstateFacts, Facts, QueueFacts, WorkerFacts } from '../../../src/doctor/facts.js';
import { hasWeight, judge } from '../../../src/doctor/judge.js';
import { hasBug, knownBugs } from '../../../src/doctor/known-bugs.js';

const NOW = Date.parse('2026-06-01T12:00:00Z');

const health: EstateFacts['health'] = {
  engine: 'redis',
  version: '7.2.0',
  roundTripMs: 1,
  clockSkewMs: 0,
  usedBytes: 1_000,
  evictionPolicy: 'noeviction',
  persistence: ['append-only file'],
  role: 'master',
  visibilityTimeoutS: 3_600,
  silentConsumers: [],
};

const worker = (change: Partial<WorkerFacts> = {}): WorkerFacts => ({
  name: 'w1@host',
  software: 'celery',
  versions: { celery: '5.6.3', kombu: '5.6.2' },
  transport: 'redis',
  skewMs: 3,
  queues: ['celery'],
  settings: { task_acks_late: true, task_time_limit: 60 },
  farthestEtaMs: undefined,
  ...change,
});

const queue = (change: Partial<QueueFacts> = {}): QueueFacts => ({
  report: { name: 'celery', ready: 3, readyByPriority: [{ priority: 0, count: 3 }], unacked: 0, delayed: 0, paused: false },
  sampled: 3,
  contentTypes: new Map([['application/json', 3]]),
  priorities: new Map([[0, 3]]),
  farthestEtaMs: undefined,
  ...change,
});

const facts = (estate: Partial<EstateFacts> = {}, change: Partial<Facts> = {}): Facts => ({
  nowMs: NOW,
  estates: [
    {
      url: 'redis://h/0',
      parts: ['broker', 'result backend'],
      health,
      queues: [],
      asides: [],
      results: { forEver: 0, all: 9 },
      orphans: new Map(),
      ...estate,
    },
  ],
  workers: [worker()],
  silentWorkers: 0,
  ...change,
});

const kinds = (given: Facts): readonly string[] => judge(given).map(({ weight, kind }) => `${weight} ${kind}`);

describe('the doctor', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(judge(facts({ queues: [queue()] }))).toEqual([]);
  });

  it('has a name of its own for each kind, and whole sentences of why and what to do', () => {
    const names = checks.map(({ kind }) => kind);
    expect(new Set(names).size).toBe(names.length);
    for (const { kind, why, remedy } of checks) {
      expect(kind).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(why.length).toBeGreaterThan(15);
      expect(remedy.length).toBeGreaterThan(5);
    }
  });

  it('names messages that a migration or a purge left aside, and how they come back', () => {
    const asides = [
      { by: 'a migration', id: 'migrate:x', queues: ['mail'], count: 7, to: 'redis://new/0' },
      { by: 'a purge', id: 'p1', queues: ['celery'], count: 1 },
    ] as const;
    expect(judge(facts({ asides })).map(({ kind, weight, what, remedy }) => [`${weight} ${kind}`, what, remedy])).toEqual([
      [
        'serious set-aside',
        '7 messages of mail stand aside at redis://h/0: a migration to redis://new/0 did not finish',
        'the same ctq migrate goes on with them; ctq migrate --put-back redis://h/0 redis://new/0 brings them back',
      ],
      [
        'serious set-aside',
        '1 message of celery stand aside at redis://h/0: a purge did not finish',
        'ctq purge --undo p1 brings them back',
      ],
    ]);
  });

  it('notices workers of one queue that know different tasks', () => {
    const workers = [
      worker({ name: 'new@h', tasks: ['mail', 'words.count', 'words.join'] }),
      worker({ name: 'old@h', tasks: ['mail'] }),
      worker({ name: 'else@h', queues: ['other'], tasks: ['quite.another'] }),
      worker({ name: 'mute@h' }),
    ];
    expect(judge(facts({}, { workers })).map(({ kind, what }) => [kind, what])).toEqual([
      ['different-tasks', 'of those that take from queue celery, words.count is not known by old@h, and 1 other task not by all of them'],
    ]);
    expect(judge(facts({}, { workers: workers.slice(1) }))).toEqual([]);
  });

  it('notices messages that a Python worker took with it, where nobody is left who could hold them', () => {
    const report = { ...queue().report, name: 'py', ready: 0, readyByPriority: [], unacked: 2 };
    const lost = { queues: [queue({ report })] };
    expect(judge(facts(lost)).map(({ kind, weight, what }) => [`${weight} ${kind}`, what])).toEqual([
      ['warning held-by-nobody', 'queue py has 2 messages that somebody took who does not answer; the visibility timeout is 60 min'],
    ]);
    expect(kinds(facts(lost, { workers: [worker({ queues: ['py'] })] }))).toEqual([]);
    expect(kinds(facts(lost, { silentWorkers: 1 }))).toEqual(['warning silent-workers']);
  });

  it('counts dead letters and what failed in the last hour, and tells of failures that do not say what was called', () => {
    const failed = {
      failed: 12,
      failedSince: 3,
      refused: new Map([
        ['mail', 2],
        ['celery', 0],
      ]),
    };
    const found = judge(facts({ failed }, { nameless: { url: 'redis://h/0', taskId: 'abc' } }));
    expect(found.map(({ kind, weight, what }) => [`${weight} ${kind}`, what])).toEqual([
      ['warning dead-letters', 'redis://h/0 has 2 dead letters of queue mail'],
      ['note recent-failures', '3 tasks failed at redis://h/0 in the last hour'],
      ['note nameless-failures', 'failures stored at redis://h/0 do not say what was called: abc, for one'],
    ]);
  });

  it('doubts that nobody takes from a queue where workers could not be asked', () => {
    const found = judge(facts({ queues: [queue()] }, { workers: [], unasked: 'the server is out of memory' }));
    expect(found.map(({ kind, weight }) => `${weight} ${kind}`)).toEqual(['warning no-consumer', 'warning unasked-workers']);
    expect(found[1]?.remedy).toMatch(/^mend what keeps the server/);
    const refused = judge(facts({}, { workers: [], unasked: 'the broker refused us: NOPERM', lacks: 'permission' }));
    expect(refused.map(({ kind, remedy }) => [kind, remedy])).toEqual([['unasked-workers', expect.stringMatching(/^give this user/)]]);
  });

  it('puts the gravest first, and takes notes for no weight', () => {
    const given = facts({ health: { ...health, version: '5.0.7', persistence: [], role: 'replica' } });
    expect(kinds(given)).toEqual(['serious replica', 'warning persistence', 'note server-version']);
    expect(hasWeight(judge(given))).toBe(true);
    expect(hasWeight(judge(facts({ health: { ...health, version: '5.0.7' } })))).toBe(false);
  });

  it('hears of an alarm at RabbitMQ, and holds nothing of Redis against it', () => {
    const rabbit = { engine: 'rabbitmq', version: '3.10.8', roundTripMs: 1, silentConsumers: [] } as const;
    const report = { ...queue().report, readyByPriority: [], unacked: undefined, delayed: undefined };
    const served = queue({ report: { ...report, name: 'a', consumerCount: 1 } });
    const late = worker({ queues: [], settings: { task_acks_late: true }, farthestEtaMs: NOW + 86_400_000 });
    expect(kinds(facts({ health: rabbit, queues: [served] }, { workers: [late] }))).toEqual([]);
    const full = { ...rabbit, alarms: ['rabbit@h is short of disk space'] };
    const given = facts(
      { health: full, queues: [queue({ report })], blindSpot: 'there may be more' },
      { workers: [worker({ queues: [] })] },
    );
    expect(kinds(given)).toEqual(['serious server-alarm', 'serious no-consumer', 'note unseen-queues']);
  });

  it('does not hold against a managed server what it will not tell', () => {
    const { persistence: _persistence, evictionPolicy: _policy, ...silent } = health;
    expect(judge(facts({ health: silent }))).toEqual([]);
  });

  it('finds a server whose clock is wrong', () => {
    expect(judge(facts({ health: { ...health, clockSkewMs: -90_000 } })).map(({ what }) => what)).toEqual([
      'the clock of redis://h/0 is 90 s behind ours',
    ]);
    expect(judge(facts({ health: { ...health, clockSkewMs: 4_000 } }))).toEqual([]);
  });

  it('doubts that nobody takes from a queue while not all workers have answered', () => {
    const lost = queue({ report: { ...queue().report, name: 'lost' } });
    expect(kinds(facts({ queues: [lost] }))).toEqual(['serious no-consumer']);
    expect(kinds(facts({ queues: [lost] }, { silentWorkers: 1 }))).toEqual(['warning no-consumer', 'warning silent-workers']);
    expect(kinds(facts({ queues: [lost] }, { workers: [worker({ queues: undefined })] }))).toEqual(['warning no-consumer']);
  });

  it('compares ETAs with the shortest visibility timeout of all workers', () => {
    const inTwoHours = queue({ farthestEtaMs: NOW + 7_200_000 });
    const patient = { ...worker().settings, broker_transport_options: { visibility_timeout: 43_200 } };
    expect(kinds(facts({ queues: [inTwoHours] }))).toEqual(['serious eta-beyond-visibility']);
    expect(kinds(facts({ queues: [inTwoHours] }, { workers: [worker({ settings: patient })] }))).toEqual([]);
    expect(kinds(facts({ queues: [inTwoHours] }, { workers: [worker({ settings: patient }), worker({ name: 'w2@host' })] }))).toEqual([
      'serious eta-beyond-visibility',
    ]);
  });

  it('finds workers that do not agree on what all must have alike', () => {
    const [one, other] = [3_600, 43_200].map((seconds, index) =>
      worker({
        name: `w${index}@host`,
        settings: { ...worker().settings, broker_transport_options: { visibility_timeout: seconds } },
      }),
    ) as [WorkerFacts, WorkerFacts];
    expect(judge(facts({}, { workers: [one, other] })).map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
      'transport-options-differ: visibility_timeout is 3600 on w0@host, 43200 on w1@host',
    ]);
    expect(judge(facts({}, { workers: [one, { ...one, name: 'w2@host' }] }))).toEqual([]);
    // What is not set is what kombu takes then: an hour.
    const unset = { ...one, name: 'w3@host', settings: { ...one.settings, broker_transport_options: {} } };
    expect(judge(facts({}, { workers: [one, unset] }))).toEqual([]);
  });

  it('knows that ctq workers renew their hold: no visibility timeout concerns them', () => {
    const ours = worker({ software: 'ctq', versions: { ctq: '0.1.0' }, settings: { task_acks_late: true } });
    expect(kinds(facts({ queues: [queue({ farthestEtaMs: NOW + 7_200_000 })] }, { workers: [ours] }))).toEqual([]);
  });

  it('names all workers with a known bug in one finding, and leaves other transports alone', () => {
    const ill = (name: string, transport = 'redis') => worker({ name, versions: { celery: '5.3.6', kombu: '5.3.7' }, transport });
    const found = judge(facts({}, { workers: [ill('a@h'), ill('b@h'), ill('c@h', 'amqp')] }));
    expect(found.map(({ what }) => what)).toEqual([
      'kombu 5.3.7 on a@h, b@h: workers stop taking tasks after the connection to Redis was lost, and look alive',
    ]);
    expect(found[0]?.remedy).toBe('update kombu to 5.4.0 or later');
  });

  it('knows from where to where a bug goes', () => {
    const bug = { from: '5.2.3', fixedIn: '5.4.0' };
    expect(['5.2.2', '5.2.3', '5.3.7', '5.4.0', '5.4.0rc1', '5.10.0'].map((version) => hasBug(bug, version))).toEqual([
      ...[false, true, true, false, false, false],
    ]);
    for (const { source } of knownBugs) expect(source).toMatch(/(celery|kombu)#\d+|CVE-\d+/);
  });
});
