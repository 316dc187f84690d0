/**
 * A canvas gives what its parts mean, whatever stands in what. Ways that end alike (`canvas.test.ts`) may all be wrong;
 * here a model of ten lines says what is right.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AnyResult, Ctq } from '../../src/index.js';
import { type Canvas, inChain, inChord, inGroup, task, toCtq } from '../support/canvas-cases.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

/** Its tasks give the list of what they were given and their own name. */
function meaning(canvas: Canvas, given: readonly unknown[]): unknown {
  switch (canvas.kind) {
    case 'task':
      return [...given, ...canvas.args];
    case 'chain':
      return canvas.parts.reduce<readonly unknown[]>((before, part) => [meaning(part, before)], given)[0];
    case 'group':
      return canvas.parts.map((part) => meaning(part, given));
    case 'chord':
      return meaning(canvas.body, [(canvas.header as readonly Canvas[]).map((part) => meaning(part, given))]);
    default:
      throw new Error(`no meaning of ${canvas.kind}`);
  }
}

/** `[a b]→(c | [d e])`: chains in brackets, groups in square ones, chords with an arrow. */
function shown(canvas: Canvas): string {
  switch (canvas.kind) {
    case 'task':
      return canvas.args.join(' ');
    case 'chain':
      return `(${canvas.parts.map(shown).join(' | ')})`;
    case 'group':
      return `[${canvas.parts.map(shown).join(' ')}]`;
    case 'chord':
      return `[${(canvas.header as readonly Canvas[]).map(shown).join(' ')}]→${shown(canvas.body)}`;
    default:
      return canvas.kind;
  }
}

const named = (name: number): Canvas => task('gather', `t${name}`);

/** A group in a group dissolves, in Celery and here; as the end of a chain it stays one. */
const whole = (part: Canvas): Canvas => (part.kind === 'group' ? inChain(named(0), part) : part);

const { canvas: anyCanvas } = fc.letrec<{ canvas: Canvas; leaf: Canvas; members: Canvas[] }>((tie) => ({
  leaf: fc.integer({ min: 1, max: 99 }).map(named),
  members: fc.array(tie('canvas').map(whole), { minLength: 2, maxLength: 4 }),
  canvas: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'canvas' },
    tie('leaf'),
    fc.array(tie('canvas'), { minLength: 2, maxLength: 6 }).map((parts) => inChain(...parts)),
    tie('members').map((parts) => inGroup(...parts)),
    fc.tuple(tie('members'), tie('canvas')).map(([header, body]) => inChord(header, body)),
  ),
}));

/** @param longest - So many letters: what follows a group stands in the message of each member. */
function samples(count: number, longest: number, seed: number): readonly Canvas[] {
  return fc.sample(anyCanvas, { numRuns: count, seed }).filter((canvas) => shown(canvas).length <= longest);
}

/** So many are under way: they mostly wait. */
const AT_ONCE = 5;

/** The canvases that gave something else, and what. */
async function misread(canvases: readonly Canvas[], broker: string, backend: string): Promise<readonly (readonly [string, unknown])[]> {
  const app = new Ctq('tasks', { brokerUrl: broker, resultBackend: backend });
  const wrong: (readonly [string, unknown])[] = [];
  try {
    const left = [...canvases];
    const few = Array.from({ length: AT_ONCE }, async () => {
      for (let canvas = left.shift(); canvas !== undefined; canvas = left.shift()) {
        const result = (await toCtq(app, canvas).applyAsync()) as AnyResult;
        const value = await result.get({ timeout: 45 }).catch(String);
        if (JSON.stringify(value) !== JSON.stringify(meaning(canvas, []))) wrong.push([shown(canvas), value]);
      }
    });
    await Promise.all(few);
  } finally {
    await app.close();
  }
  return wrong;
}

describeWith('redis', 'any canvas gives what its parts mean', () => {
  const redis = forSuite(startRedis);

  it.each([
    ['one store', 0],
    ['two', 1],
  ])('with messages and results in %s', { timeout: 120_000 }, async (_, results) => {
    const [broker, backend] = [redis().urlOf(results * 2), redis().urlOf(results * 3)];
    const worker = await startCtqWorker({ broker, backend, concurrency: 8 });
    expect(await misread(samples(100, 1_000, 20_261_122 + results), broker, backend)).toEqual([]);
    await worker.stop('SIGTERM');
  });
});
