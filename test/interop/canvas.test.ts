/**
 * The same canvas called by both kinds of client and run by both kinds of worker: four ways, one outcome.
 * Celery calling Celery is the reference; where that never ends, or ends differently for no reason that
 * anybody could want, the table says so.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AnyResult, Ctq, TaskError, WaitTimeoutError } from '../../src/index.js';
import {
  type Canvas,
  immutable,
  inChain,
  inChord,
  inChunks,
  inGroup,
  linked,
  linkedError,
  mapped,
  piped,
  PYTHON_PRELUDE,
  starmapped,
  task,
  toCtq,
  toPython,
  withOptions,
} from '../support/canvas-cases.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

const WAYS = ['Celery → Celery', 'Celery → ctq', 'ctq → Celery', 'ctq → ctq'] as const;
type Way = (typeof WAYS)[number];

interface Case {
  readonly canvas: Canvas;
  /** Ids whose results count, too: callbacks'. `%` stands for the way it is run. */
  readonly watch?: readonly string[];
  /** Ways that never end, or as chance has it: they are not gone, and the others must end alike. */
  readonly hangs?: { readonly ways: readonly Way[]; readonly because: string };
  /** What it must give, where ways that agree could all be wrong. */
  readonly value?: unknown;
}

let leaves = 0;
/** A task that gives what it was given and a letter of its own: the result shows who was called with what. */
const leaf = (): Canvas => task('gather', `t${++leaves}`);
/** Pairs one after the other, and one at the end: each is given both results of the pair before it. */
function inPairs(pairs: number): Required<Pick<Case, 'canvas' | 'value'>> {
  let results: readonly unknown[] = [];
  const groups = Array.from({ length: pairs }, () => {
    const before: readonly unknown[] = results.length === 0 ? [] : [results];
    results = [leaves + 1, leaves + 2].map((number) => before.concat(`t${number}`));
    return inGroup(leaf(), leaf());
  });
  return { canvas: inChain(...groups, leaf()), value: [results, `t${leaves}`] };
}

const fail = (): Canvas => task('fail');
const failNow = (): Canvas => immutable('fail', 'now');

/** Celery 5.2 waits for other ids than it sends when a chord in a chain in a group is called. */
const LOST_BY_THE_CLIENT: Required<Case>['hangs'] = {
  ways: ['Celery → Celery', 'Celery → ctq'],
  because: 'a client of Celery 5.2 gives such a chord new ids when it sends it, and waits for the old ones',
};

const HANGING_NESTINGS: Readonly<Record<string, Required<Case>['hangs']>> = {
  'a chain as a body, that in a group': LOST_BY_THE_CLIENT,
  'a chord first in a chain, that in a group': LOST_BY_THE_CLIENT,
  'a chord in the middle of a chain, that in a group': LOST_BY_THE_CLIENT,
};

/** The places in which something can stand. */
const PLACES: Readonly<Record<string, (inner: Canvas) => Canvas>> = {
  'first in a chain': (inner) => inChain(inner, leaf()),
  'in the middle of a chain': (inner) => inChain(leaf(), inner, leaf()),
  'last in a chain': (inner) => inChain(leaf(), inner),
  'in a group': (inner) => inGroup(inner, leaf()),
  'in a header': (inner) => inChord([inner, leaf()], leaf()),
  'as a body': (inner) => inChord([leaf(), leaf()], inner),
};

const THINGS: Readonly<Record<string, () => Canvas>> = {
  'a chain': () => inChain(leaf(), leaf()),
  'a group': () => inGroup(leaf(), leaf()),
  'a chord': () => inChord([leaf(), leaf()], leaf()),
};

function nestings(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [thing, make] of Object.entries(THINGS)) {
    for (const [place, put] of Object.entries(PLACES)) {
      cases[`${thing} ${place}`] = { canvas: put(make()) };
      for (const [outer, putAgain] of Object.entries(PLACES)) {
        const name = `${thing} ${place}, that ${outer}`;
        const hangs = HANGING_NESTINGS[name];
        cases[name] = { canvas: putAgain(put(make())), ...(hangs === undefined ? {} : { hangs }) };
      }
    }
  }
  return cases;
}

const add = (...args: readonly unknown[]): Canvas => task('add', ...args);

/** Celery 5.2 has no `stamp()` yet, but carries and reads the headers that it writes. */
const stamped = (who: string): Canvas => withOptions(task('stamped'), { headers: { stamped_headers: ['who'], stamps: { who: [who] } } });

const SPECIALS: Readonly<Record<string, Case>> = {
  'a single task': { canvas: add(1, 2) },
  'a chain of three': { canvas: inChain(add(1, 2), task('mul', 3), task('ident')) },
  'a chain of one': { canvas: inChain(add(1, 2)) },
  'a group of one': { canvas: inGroup(add(1, 2)) },
  'an empty group': { canvas: inGroup() },
  'a chord of one': { canvas: inChord([add(1, 2)], task('ident')) },
  'a chord of none': { canvas: inChord([], task('ident')) },
  'a chord of a thousand': {
    canvas: inChord(
      Array.from({ length: 1000 }, (_, index) => add(index, 1)),
      task('xsum'),
    ),
  },
  'a group of one in a chain': { canvas: inChain(leaf(), inGroup(leaf()), leaf()) },
  'a group of groups': { canvas: inGroup(inGroup(leaf(), leaf()), inGroup(leaf())) },
  'a group as header': { canvas: inChord(inGroup(leaf(), leaf()), leaf()) },
  'task | group | task | group': { canvas: piped(leaf(), inGroup(leaf(), leaf()), leaf(), inGroup(leaf(), leaf())) },
  'six groups, one after the other': {
    ...inPairs(6),
    hangs: { ways: ['Celery → Celery'], because: 'a client of Celery lets each member of the second group call what follows by itself' },
  },
  'group | group': { canvas: piped(inGroup(leaf(), leaf()), inGroup(leaf(), leaf())) },
  'group | chain': { canvas: piped(inGroup(leaf(), leaf()), inChain(leaf(), leaf())) },
  'chord | task | task': { canvas: piped(inChord([leaf(), leaf()], leaf()), leaf(), leaf()) },
  'chord | chord': { canvas: piped(inChord([leaf(), leaf()], leaf()), inChord([leaf(), leaf()], leaf())) },
  'chord | group': { canvas: piped(inChord([leaf(), leaf()], leaf()), inGroup(leaf(), leaf())) },
  map: { canvas: mapped('ident', [1, 'two', null, [3]]) },
  starmap: { canvas: starmapped('add', [[1, 2], [3, 4]]) }, // biome-ignore format: pairs
  chunks: { canvas: inChunks('add', [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]], 2) }, // biome-ignore format: pairs
  'chunks, then a task': { canvas: inChain(inChunks('add', [[1, 1], [2, 2], [3, 3]], 2), leaf()) }, // biome-ignore format: pairs
  'map in a chain': { canvas: inChain(leaf(), mapped('ident', [1, 2]), leaf()) },
  'map in a header': { canvas: inChord([mapped('ident', [1, 2]), leaf()], leaf()) },
  'starmap as a body': { canvas: inChord([leaf(), leaf()], starmapped('add', [[1, 2]])) },
  'map of an unknown task': { canvas: mapped('fail', ['x']) },

  'immutable in the middle': { canvas: inChain(leaf(), immutable('gather', 'alone'), leaf()) },
  'immutable in a header after a step': { canvas: inChain(leaf(), inGroup(immutable('gather', 'alone'), leaf()), leaf()) },
  'an immutable body': { canvas: inChord([leaf(), leaf()], immutable('gather', 'alone')) },
  'partial arguments': { canvas: inChain(add(1, 2), inGroup(add(10), task('mul', 10)), task('xsum')) },
  'countdown inside a chain': { canvas: inChain(leaf(), withOptions(leaf(), { countdown: 1 }), leaf()) },
  'countdown inside a header': { canvas: inChord([withOptions(leaf(), { countdown: 1 }), leaf()], leaf()) },
  'countdown of a body': { canvas: inChord([leaf(), leaf()], withOptions(leaf(), { countdown: 1 })) },
  'priorities inside': {
    canvas: inChain(withOptions(leaf(), { priority: 9 }), inGroup(withOptions(leaf(), { priority: 3 }), leaf()), leaf()),
  },
  'ignored results inside a header': { canvas: inChord([withOptions(leaf(), { ignoreResult: true }), leaf()], leaf()) },
  'an ignored result inside a chain': { canvas: inChain(withOptions(leaf(), { ignoreResult: true }), leaf()) },
  'a stamped task': { canvas: stamped('ann') },
  'a stamped chain': { canvas: inChain(stamped('ann'), stamped('bob')) },
  'a stamped group': { canvas: inGroup(stamped('ann'), stamped('bob')) },
  'a stamped chord': { canvas: inChord([stamped('ann'), inChain(stamped('bob'), stamped('cleo'))], stamped('dora')) },
  'a stamped link': {
    canvas: withOptions(leaf(), {
      link: [{ ...stamped('ann'), options: { headers: { stamped_headers: ['who'], stamps: { who: 'ann' } }, taskId: '%-link' } } as Canvas],
    }),
    watch: ['%-link'],
  },
  'a retried part': { canvas: inChord([task('retry_me', 1), leaf()], leaf()) },
  'a retried step': { canvas: inChain(immutable('retry_me', 2), leaf()) },

  'a link': { canvas: withOptions(leaf(), { link: [withOptions(leaf(), { taskId: '%-link' })] }), watch: ['%-link'] },
  'two links': {
    canvas: withOptions(leaf(), {
      link: [withOptions(leaf(), { taskId: '%-one' }), withOptions(immutable('gather', 'x'), { taskId: '%-two' })],
    }),
    watch: ['%-one', '%-two'],
  },
  'a link of a link': {
    canvas: withOptions(leaf(), { link: [withOptions(leaf(), { taskId: '%-first', link: [withOptions(leaf(), { taskId: '%-then' })] })] }),
    watch: ['%-first', '%-then'],
  },
  'a chain as link': {
    canvas: withOptions(leaf(), { link: [inChain(leaf(), withOptions(leaf(), { taskId: '%-link' }))] }),
    watch: ['%-link'],
  },
  'a chord as link': {
    canvas: withOptions(leaf(), { link: [inChord([leaf(), leaf()], withOptions(leaf(), { taskId: '%-link' }))] }),
    watch: ['%-link'],
  },
  'a link of a chain': { canvas: linked(inChain(leaf(), leaf()), withOptions(leaf(), { taskId: '%-link' })), watch: ['%-link'] },
  'a link of a chord': { canvas: linked(inChord([leaf(), leaf()], leaf()), withOptions(leaf(), { taskId: '%-link' })), watch: ['%-link'] },
  'a link of a step': {
    canvas: inChain(leaf(), withOptions(leaf(), { link: [withOptions(leaf(), { taskId: '%-link' })] }), leaf()),
    watch: ['%-link'],
  },
  'a link of a part': {
    canvas: inChord([withOptions(leaf(), { link: [withOptions(leaf(), { taskId: '%-link' })] }), leaf()], leaf()),
    watch: ['%-link'],
  },
  'an errback': {
    canvas: withOptions(fail(), { linkError: [withOptions(immutable('ident', 'told'), { taskId: '%-errback' })] }),
    watch: ['%-errback'],
  },
  'an errback of a chain': {
    canvas: linkedError(inChain(leaf(), failNow(), leaf()), withOptions(immutable('ident', 'told'), { taskId: '%-errback' })),
    watch: ['%-errback'],
  },
  'an errback of a body whose header fails': {
    canvas: inChord(
      [leaf(), fail()],
      withOptions(leaf(), { linkError: [withOptions(immutable('ident', 'told'), { taskId: '%-errback' })] }),
    ),
    watch: ['%-errback'],
  },
  'an errback of a body that fails': {
    canvas: inChord(
      [leaf(), leaf()],
      withOptions(failNow(), { linkError: [withOptions(immutable('ident', 'told'), { taskId: '%-errback' })] }),
    ),
    watch: ['%-errback'],
  },

  'a failure first in a chain': { canvas: inChain(fail(), leaf(), leaf()) },
  'a failure in the middle of a chain': { canvas: inChain(leaf(), failNow(), leaf()) },
  'a failure last in a chain': { canvas: inChain(leaf(), failNow()) },
  'a failure in a group': { canvas: inGroup(leaf(), fail()) },
  'a failure in a header': { canvas: inChord([leaf(), fail()], leaf()) },
  'a failure first in a header': { canvas: inChord([fail(), leaf()], leaf()) },
  'two failures in a header': { canvas: inChord([failNow(), leaf(), fail()], leaf()) },
  'a failure in a body': { canvas: inChord([leaf(), leaf()], failNow()) },
  'a failure in a chain in a header': { canvas: inChord([inChain(leaf(), failNow()), leaf()], leaf()) },
  'a failure in the middle of a chain in a header': { canvas: inChord([inChain(leaf(), failNow(), leaf()), leaf()], leaf()) },
  'a failure in a chain as body': { canvas: inChord([leaf(), leaf()], inChain(leaf(), failNow(), leaf())) },
  'a failure before a group': {
    canvas: inChain(failNow(), inGroup(leaf(), leaf())),
    hangs: { ways: ['Celery → Celery', 'ctq → Celery'], because: 'Celery stores the failure for the group, and for none of its members' },
  },
  'a failure in a group in a chain': { canvas: inChain(leaf(), inGroup(failNow(), leaf()), leaf()) },

  'a task replaced by a task': { canvas: task('replace_by', leaf()) },
  'a task replaced by a chain': { canvas: task('replace_by', inChain(leaf(), leaf())) },
  'a task replaced by a group': { canvas: task('replace_by', inGroup(leaf(), leaf())) },
  'a task replaced by a chord': { canvas: task('replace_by', inChord([leaf(), leaf()], leaf())) },
  'a first step replaced': { canvas: inChain(task('replace_by', leaf()), leaf()) },
  'a first step replaced by a chain': { canvas: inChain(task('replace_by', inChain(leaf(), leaf())), leaf()) },
  'a first step replaced by a group': { canvas: inChain(task('replace_by', inGroup(leaf(), leaf())), leaf()) },
  'a middle step replaced': { canvas: inChain(leaf(), immutable('replace_by', leaf()), leaf()) },
  'a middle step replaced by a group': { canvas: inChain(leaf(), immutable('replace_by', inGroup(leaf(), leaf())), leaf()) },
  'a last step replaced': { canvas: inChain(leaf(), immutable('replace_by', inChain(leaf(), leaf()))) },
  'a member of a group replaced': { canvas: inGroup(task('replace_by', leaf()), leaf()) },
  'a part replaced': { canvas: inChord([task('replace_by', leaf()), leaf()], leaf()) },
  'a part replaced by a chain': { canvas: inChord([task('replace_by', inChain(leaf(), leaf())), leaf()], leaf()) },
  // Celery 5.2 gives all members one index, so their order is chance: they are alike.
  'a part replaced by a group': {
    canvas: inChord([task('replace_by', inGroup(task('gather', 'same'), task('gather', 'same'))), leaf()], leaf()),
  },
  'a body replaced': { canvas: inChord([leaf(), leaf()], immutable('replace_by', leaf())) },
  'a replaced replacement': { canvas: task('replace_by', task('replace_by', leaf())) },
  'a replaced task with a link': {
    canvas: withOptions(task('replace_by', leaf()), { link: [withOptions(leaf(), { taskId: '%-link' })] }),
    watch: ['%-link'],
  },
  'a chord that grows': { canvas: inChord([task('grow_chord')], immutable('gather', 'grown up')) },
};

const CASES: Readonly<Record<string, Case>> = { ...SPECIALS, ...nestings() };

/** Long enough for the slowest of them on a busy machine. */
const PATIENCE_S = 90;

interface Outcome {
  readonly value: unknown;
  readonly watched: readonly unknown[];
}

type Outcomes = Readonly<Record<string, Outcome>>;

/** Ids differ from run to run. */
function anonymous<T>(value: T): T {
  const text = JSON.stringify(value);
  return text === undefined
    ? value
    : (JSON.parse(text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'some-id')) as T);
}

/** What is gone this way. */
function casesOf(way: Way): [name: string, one: Case][] {
  return Object.entries(CASES).filter(([, { hangs }]) => hangs?.ways.includes(way) !== true);
}

function renamed(canvas: Canvas, way: string, name: string): Canvas {
  return JSON.parse(JSON.stringify(canvas).replaceAll('"%-', `"${way} ${name} `)) as Canvas;
}

function watched({ watch = [] }: Case, way: string, name: string): string[] {
  return watch.map((id) => id.replace('%-', `${way} ${name} `));
}

/** All cases from one Python process. */
async function fromPython(way: Way, broker: string, backend: string): Promise<Outcomes> {
  const rows = casesOf(way).map(
    ([name, one]) =>
      `    (${JSON.stringify(name)}, lambda: ${toPython(renamed(one.canvas, way, name))}, ${JSON.stringify(watched(one, way, name))}),`,
  );
  const snippet = `${PYTHON_PRELUDE}
import time
from celery.exceptions import TimeoutError as CeleryTimeoutError

def shown(value):
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "args": [str(arg) for arg in value.args]}
    return [shown(one) for one in value] if isinstance(value, (list, tuple)) else value

def outcome(result):
    try:
        return shown(result.get(timeout=max(0.05, deadline - time.time()), propagate=False))
    except CeleryTimeoutError:
        return "hangs"
    except Exception as error:
        return shown(error)

cases = [
${rows.join('\n')}
]
sent = []
for name, make, watch in cases:
    try:
        sent.append((name, make().apply_async(), watch))
    except Exception as error:
        sent.append((name, error, watch))
deadline = time.time() + ${PATIENCE_S}
result = {}
for name, handle, watch in sent:
    value = shown(handle) if isinstance(handle, BaseException) else outcome(handle)
    result[name] = {"value": value, "watched": [outcome(AsyncResult(id)) for id in watch]}
`;
  return (await runPython(snippet, { broker, backend, timeoutMs: (PATIENCE_S + 60) * 1000 })) as Outcomes;
}

/** All cases from this process. */
async function fromCtq(way: Way, broker: string, backend: string): Promise<Outcomes> {
  const app = new Ctq('tasks', { brokerUrl: broker, resultBackend: backend });
  const deadlineMs = Date.now() + PATIENCE_S * 1000;
  const outcome = async (result: AnyResult): Promise<unknown> => {
    try {
      return shown(await result.get({ timeout: Math.max(0.05, (deadlineMs - Date.now()) / 1000), propagate: false }));
    } catch (error) {
      return error instanceof WaitTimeoutError ? 'hangs' : shown(error);
    }
  };
  try {
    const outcomes = casesOf(way).map(async ([name, one]) => {
      let value: unknown;
      try {
        value = await outcome((await toCtq(app, renamed(one.canvas, way, name)).applyAsync()) as AnyResult);
      } catch (error) {
        value = shown(error);
      }
      const others = watched(one, way, name).map((id) => outcome(app.AsyncResult(id)));
      return [name, { value, watched: await Promise.all(others) }] as const;
    });
    return Object.fromEntries(await Promise.all(outcomes));
  } finally {
    await app.close();
  }
}

function shown(value: unknown): unknown {
  if (value instanceof TaskError) return { error: value.remote.type, args: value.remote.args.map(String) };
  if (value instanceof Error) return { error: value.name, args: [value.message] };
  return Array.isArray(value) ? value.map(shown) : value;
}

describeWith(['redis', 'python'], 'canvases, four ways', () => {
  const redis = forSuite(startRedis);
  let python: CeleryWorker;
  let ctq: OwnedProcess;
  let ways: Readonly<Record<Way, Outcomes>>;

  beforeAll(async () => {
    const [py, js] = [redis().urlOf(0), redis().urlOf(2)];
    const [pyResults, jsResults] = [redis().urlOf(1), redis().urlOf(3)];
    [python, ctq] = await Promise.all([
      startCeleryWorker({ broker: py, backend: pyResults, concurrency: 4 }),
      startCtqWorker({ broker: js, backend: jsResults, concurrency: 8 }),
    ]);
    const [a, b, c, d] = await Promise.all([
      fromPython('Celery → Celery', py, pyResults),
      fromPython('Celery → ctq', js, jsResults),
      fromCtq('ctq → Celery', py, pyResults),
      fromCtq('ctq → ctq', js, jsResults),
    ]);
    ways = anonymous({ 'Celery → Celery': a, 'Celery → ctq': b, 'ctq → Celery': c, 'ctq → ctq': d });
  }, 240_000);

  afterAll(async () => {
    await Promise.all([python?.stop(), ctq?.stop('SIGTERM')]);
  });

  it('are at least eighty', () => {
    expect(Object.keys(CASES).length).toBeGreaterThanOrEqual(80);
  });

  it.each(Object.keys(CASES))('%s', (name) => {
    const outcomes = Object.fromEntries(WAYS.flatMap((way) => (ways[way][name] === undefined ? [] : [[way, ways[way][name]]])));
    expect(Object.keys(outcomes).length).toBe(WAYS.length - (CASES[name]?.hangs?.ways.length ?? 0));
    const [reference] = Object.values(outcomes);
    expect(outcomes).toEqual(Object.fromEntries(Object.keys(outcomes).map((way) => [way, reference])));
    expect(JSON.stringify(reference)).not.toContain('"hangs"');
    if (CASES[name]?.value !== undefined) expect(reference?.value).toEqual(CASES[name].value);
  });
});
