/** What a task sets in motion must not depend on where its code runs: the same canvases in every pool. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chain, chord, Ctq, group, TaskError } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { tmpFolder } from '../support/tmp.js';

describe.each(['async', 'threads', 'prefork', 'solo'])('canvases in the pool %s', (pool) => {
  let marks: string;
  let worker: OwnedProcess;
  let app: Ctq;

  beforeAll(async () => {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    marks = tmpFolder();
    worker = await startCtqWorker({ broker: url, concurrency: 2, args: ['-P', pool], env: { CTQ_TEST_MARKS: marks } });
    app = new Ctq('client', { brokerUrl: url, resultBackend: url });
  });
  afterAll(async () => {
    await app?.close();
    await worker?.stop('SIGTERM');
  });

  const s = (name: string, ...args: readonly unknown[]) => app.signature(`tasks.${name}`, args);
  const get = (sent: { get(options: object): Promise<unknown> }): Promise<unknown> => sent.get({ timeout: 40 });
  const error = (sent: { get(options: object): Promise<unknown> }): Promise<unknown> =>
    get(sent).catch((thrown: unknown) => (thrown instanceof TaskError ? thrown.message : thrown));

  it('chains, groups and chords give their values', async () => {
    expect(await get(chain(s('add', 1, 2), s('mul', 3), s('ident')).delay())).toBe(9);
    expect(await get(group([s('add', 1, 1), s('add', 2, 2)]).delay())).toEqual([2, 4]);
    const inner = chord([s('add', 1, 1), chain(s('add', 2, 2), s('mul', 2))], s('xsum'));
    expect(await get(chain(inner, group([s('add', 1), s('add', 2)]), s('xsum')).delay())).toBe(23);
    const header = Array.from({ length: 200 }, (_, index) => s('add', index, 1));
    expect(await get(chord(header, s('xsum')).delay())).toBe((200 * 199) / 2 + 200);
  });

  it('map and starmap run within the pool', async () => {
    const over = (kind: 'map' | 'starmap', name: string, it: readonly unknown[]) =>
      app.reviveSignature({ task: `celery.${kind}`, kwargs: { task: s(name).toJSON(), it }, immutable: true });
    expect(await get(over('map', 'ident', [1, 'x', null]).delay())).toEqual([1, 'x', null]);
    const pairs = [[1, 1], [2, 2], [3, 3]]; // biome-ignore format: pairs
    expect(await get(chain(over('starmap', 'add', pairs), s('gather')).delay())).toEqual([[2, 4, 6]]);
  });

  it('a task is replaced, also by a chord, also in a header, and a header grows', async () => {
    const by = chord([s('gather', 'a'), s('gather', 'b')], s('gather', 'c'));
    expect(await get(chain(s('replace_by', by), s('gather', 'after')).delay())).toEqual([[[['a'], ['b']], 'c'], 'after']);
    expect(await get(chord([s('replace_by', s('gather', 'x')), s('gather', 'y')], s('gather')).delay())).toEqual([[['x'], ['y']]]);
    const grown = (await get(chord([s('grow_chord'), s('gather', 'z')], s('gather')).delay())) as readonly (readonly unknown[])[];
    expect([...(grown[0] ?? [])].map(String).sort()).toEqual(['first', 'grown', 'z']);
  });

  it('retried parts count once, stamps arrive, and errors end what waits', async () => {
    expect(await get(chord([s('retry_me', 2), s('ident', 'x')], s('gather')).delay())).toEqual([[2, 'x']]);
    const stamped = chain(s('stamped', 1), s('stamped')).stamp({ who: ['ann'] });
    expect(await get(stamped.delay())).toMatchObject({ stamps: { who: ['ann'] }, args: [{ stamps: { who: ['ann'] } }] });
    const failed = chord([s('ident', 1), s('fail', 'in header')], s('gather')).delay();
    expect(await error(failed)).toMatch(/ValueError: in header|ValueError\('in header'\)/);
    const lost = chain(s('fail', 'first'), s('ident'), s('errback')).delay();
    expect(await error(lost)).toBe('ValueError: first');
    const { id } = app.signature('tasks.fail', ['told']).applyAsync([], { linkError: s('errback') });
    await eventually(() => expect(readdirSync(marks).some((name) => name.startsWith(`errback.${id}`))).toBe(true));
  });
});
