/** Every recorded canvas, called here in the same words, must put the same messages in the same queues. */
import { afterEach, describe, expect, it } from 'vitest';
import { nodeFromJson, nodeToJson } from '../../../src/canvas/node-json.js';
import { type AnySignature, chain, chord, Ctq, group, type StampingVisitor } from '../../../src/index.js';
import { decodeEnvelope } from '../../../src/protocol/envelope.js';
import { parseJson } from '../../../src/protocol/kombu-json.js';
import type { Message } from '../../../src/protocol/message.js';
import { consume } from '../../contract/broker/verbs.js';
import { DeliveryLog } from '../../contract/delivery-log.js';
import { type CaptureEntry, CELERY_VERSIONS, capturedMessages, readCapture } from '../../support/captures.js';

const url = 'memory://canvas-captures';
const app = new Ctq('tasks', { brokerUrl: url, resultBackend: url });
const add = app.task('tasks.add', (x: number, y: number) => x + y);
const mul = app.task('tasks.mul', (x: number, y: number) => x * y);
const ident = app.task('tasks.ident', (x: unknown) => x);
const xsum = app.task('tasks.xsum', (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0));
const echo = app.task('tasks.echo', (...args: unknown[]) => args);
const errback = app.task('tasks.errback', (taskId: string) => taskId);

const stamps: StampingVisitor = { onSignature: () => ({ mtask_id: 'stamp-1' }) };

/** The call in JavaScript for every recorded canvas, by its title. */
const CALLS: Readonly<Record<string, () => PromiseLike<unknown>>> = {
  'link one callback': () => add.applyAsync([1, 2], { link: mul.s(10) }),
  'link two callbacks': () => add.applyAsync([1, 2], { link: [mul.s(10), ident.si('immutable')] }),
  link_error: () => add.applyAsync([1, 2], { linkError: errback.s() }),
  'link and link_error in signature options': () =>
    add
      .s(1, 2)
      .set({ link: [mul.s(3)], linkError: [errback.s()] })
      .applyAsync(),
  'chain of three': () => chain(add.s(1, 2), mul.s(3), ident.s()).delay(),
  'chain with immutable middle': () => chain(add.s(1, 2), mul.si(3, 4), add.s(5)).applyAsync(),
  'chain with options on steps': () =>
    chain(add.s(1, 2).set({ queue: 'q1' }), mul.s(3).set({ queue: 'q2', countdown: 5, priority: 6 })).applyAsync(),
  'chain with link_error on the whole': () => chain(add.s(1, 2), mul.s(3)).applyAsync([], { linkError: errback.s() }),
  'chain with link on the whole': () => chain(add.s(1, 2), mul.s(3)).applyAsync([], { link: ident.s() }),
  'chain apply_async(task_id=..)': () => chain(add.s(1, 2), mul.s(3)).applyAsync([], { taskId: 'chain-tid' }),
  'chain with countdown': () => chain(add.s(1, 2), mul.s(3)).applyAsync([], { countdown: 10 }),
  'single-element chain': () => chain(add.s(1, 2)).applyAsync(),
  'group of three': () => group([0, 1, 2].map((i) => add.s(i, i))).delay(),
  'group of one': () => group(add.s(1, 1)).delay(),
  'empty group': () => group().delay(),
  'group with partial args': () => group(add.s(10), mul.s(20)).applyAsync([5]),
  'nested group': () => group(add.s(1, 1), group(add.s(2, 2), add.s(3, 3))).delay(),
  chord: () => chord([add.s(1, 1), add.s(2, 2)], xsum.s()).delay(),
  'chord empty header': () => chord([], xsum.s()).delay(),
  'chord with one header task': () => chord([add.s(1, 1)], xsum.s()).delay(),
  'chord with body errback': () => chord([add.s(1, 1), add.s(2, 2)], xsum.s().onError(errback.s())).delay(),
  'chord body chain': () => chord([add.s(1, 1), add.s(2, 2)], chain(xsum.s(), mul.s(2))).delay(),
  'chord body group': () => chord([add.s(1, 1), add.s(2, 2)], group(ident.s(), xsum.s())).delay(),
  'group | task (upgraded to chord)': () => chain(group(add.s(1, 1), add.s(2, 2)), xsum.s()).delay(),
  'task | group | task': () => chain(add.s(1, 1), group(add.s(2), add.s(3)), xsum.s()).delay(),
  'chain(chord, task)': () =>
    chord([add.s(1, 1), add.s(2, 2)], xsum.s())
      .pipe(mul.s(2))
      .delay(),
  'group of chains as chord header': () => chord([chain(add.s(1, 1), mul.s(2)), chain(add.s(3, 3), mul.s(4))], xsum.s()).delay(),
  'nested chord in header': () => chord([chord([add.s(1, 1), add.s(2, 2)], xsum.s()), add.s(3, 3)], xsum.s()).delay(),
  'group inside chord header': () => chord([group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)] as AnySignature[], xsum.s()).delay(),
  'chain | group at the end': () => chain(add.s(1, 1), group(add.s(2), add.s(3))).delay(),
  'group with a chain ending in group': () => group(chain(add.s(1, 1), group(add.s(2), add.s(3)))).delay(),
  map: () => add.map([1, 2, 3]).applyAsync(),
  starmap: () =>
    add
      .starmap([
        [1, 2],
        [3, 4],
      ])
      .applyAsync(),
  chunks: () =>
    add
      .chunks(
        [0, 1, 2, 3, 4].map((i) => [i, i] as [number, number]),
        2,
      )
      .applyAsync(),
  'chunks as group signature in chain': () =>
    chain(
      add.chunks(
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
        2,
      ),
    ).delay(),
  'signature passed as an argument (serialised dict)': () =>
    echo.delay(add.s(1, 2), group(add.s(1, 1)), chain(add.s(1, 1), mul.s(2)), chord([add.s(1, 1)], xsum.s())),
  'map/starmap/chunks signatures as arguments': () =>
    echo.delay(
      add.map([1, 2]),
      add.starmap([[1, 2]]),
      add.chunks(
        [
          [1, 1],
          [2, 2],
        ],
        1,
      ),
    ),
  'stamped: sig.stamp(stamp="value")': () => add.s(1, 2).stamp({ stamp: 'value' }).applyAsync(),
  'stamped: two stamps, list value': () =>
    add
      .s(1, 2)
      .stamp({ a: ['x', 'y'], b: 1 })
      .applyAsync(),
  'stamped: visitor on chain': () => chain(add.s(1, 2), mul.s(3)).stamp(stamps).applyAsync(),
  'stamped: group': () => group(add.s(1, 2), mul.s(3, 4)).stamp({ monitor: 'g' }).applyAsync(),
  'stamped: chord': () =>
    chord([add.s(1, 1), add.s(2, 2)], xsum.s())
      .stamp({ monitor: 'c' })
      .applyAsync(),
  'stamped: link is stamped too': () =>
    add
      .s(1, 2)
      .set({ link: [mul.s(2)], linkError: [errback.s()] })
      .stamp({ monitor: 'l' })
      .applyAsync(),
  'stamped_headers passed to apply_async': () => add.applyAsync([1, 2], { stampedHeaders: ['foo'], stamps: { foo: 'bar' } }),
};

const FIRST = 'link one callback';
const LAST = 'map/starmap/chunks signatures as arguments';

/** The entries that are canvases, except those of protocol 1, which nothing here writes. */
function canvases(version: (typeof CELERY_VERSIONS)[number]): readonly CaptureEntry[] {
  const entries = readCapture(`messages-${version}`);
  const titles = entries.map(({ what }) => what);
  const stamped = entries.filter(({ what }) => what.startsWith('stamped'));
  return [...entries.slice(titles.indexOf(FIRST), titles.indexOf(LAST) + 1), ...stamped];
}

/** What of a message says something about its canvas; the rest is held by the tests of protocol/. */
function essence(message: Message): object {
  const { eta, origin: _origin, lang: _lang, argsrepr, kwargsrepr, ...headers } = message.headers;
  // Tuples are lists here, and of a class like Celery's signatures its repr forgets some commas (messages #85).
  const reprs = [argsrepr, kwargsrepr].map((text) => String(text).replaceAll(/[()[\], ]/g, ''));
  const { correlationId, replyTo, priority } = message.properties;
  const body = parseJson(Buffer.from(message.body).toString());
  return { headers: { ...headers, eta: eta !== null }, reprs, correlationId, replyTo, priority, body };
}

/** Ids become numbers in the order in which they appear, once every object has its keys in order. */
function anonymous(value: unknown): unknown {
  const ids = new Map<string, string>();
  const sorted = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  return JSON.parse(
    sorted.replace(uuid, (id) => {
      ids.set(id, ids.get(id) ?? `id-${ids.size + 1}`);
      return ids.get(id) ?? id;
    }),
  );
}

/** Group id and size of every chord that a call wrote down. */
function capturedSizes(entry: CaptureEntry): [string, number][] {
  return (entry.redis ?? [])
    .filter(({ type, key }) => type === 'string' && key?.endsWith('.s') === true)
    .map(({ key = '', value }) => [key.replace(/^celery-taskset-meta-(.*)\.s$/, '$1'), Number(value)]);
}

/** What a call puts into queues; the queues are empty afterwards. */
async function sent(call: () => PromiseLike<unknown>): Promise<{ messages: Message[]; sizes: [string, number][] }> {
  const sizes: [string, number][] = [];
  const { chords } = await app.backend();
  if (chords === undefined) throw new Error('memory:// counts chords');
  const setSize = chords.setSize.bind(chords);
  chords.setSize = (groupId, size) => {
    sizes.push([groupId, size]);
    return setSize(groupId, size);
  };
  await call();
  chords.setSize = setSize;
  const broker = await app.broker();
  const messages: Message[] = [];
  for (const queue of ['celery', 'q1', 'q2']) {
    const count = await broker.depth(queue);
    if (count === 0) continue;
    const log = new DeliveryLog();
    await consume(broker, [app.router.queues.get(queue)], count, log);
    const deliveries = await log.first(count);
    messages.push(...deliveries.map(({ message }) => message));
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
  }
  return { messages, sizes };
}

afterEach(() => app.close());

describe('canvases as Celery 5.6 sends them', () => {
  it('are all called here', () => {
    expect(canvases('5.6').map(({ what }) => what)).toEqual(Object.keys(CALLS));
    expect(Object.keys(CALLS).length).toBeGreaterThanOrEqual(44);
  });

  it.each(canvases('5.6').map((entry) => [entry.what, entry] as const))('%s', async (title, entry) => {
    const call = CALLS[title];
    if (call === undefined) throw new Error(`no call for '${title}'`);
    const expected = capturedMessages(entry).map((text) => essence(decodeEnvelope(text)));
    const ours = await sent(call);
    expect(anonymous([ours.messages.map(essence), ours.sizes])).toEqual(anonymous([expected, capturedSizes(entry)]));
  });
});

describe.each(CELERY_VERSIONS)('signatures in messages of Celery %s', (version) => {
  it('are written as they were read', () => {
    let count = 0;
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('task' in value && 'subtask_type' in value) {
        count += 1;
        expect(nodeToJson(nodeFromJson(value))).toEqual(value);
      }
      for (const item of Object.values(value)) check(item);
    };
    for (const entry of readCapture(`messages-${version}`)) {
      for (const { decoded_bodies: bodies = [] } of entry.redis ?? []) {
        for (const body of bodies) if (/^[[{]/.test(body)) check(parseJson(body));
      }
    }
    expect(count).toBeGreaterThan(60);
  });
});
