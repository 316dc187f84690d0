/** What a canvas may cost whoever sends it: Celery writes messages that quadruple with every group of a chain. */
import { afterAll, describe, expect, it } from 'vitest';
import { type CanvasNode, chainNode, chordNode, groupNode, taskNode } from '../../../src/canvas/node.js';
import { nodeFromJson } from '../../../src/canvas/node-json.js';
import { plan } from '../../../src/canvas/plan.js';
import { MAX_MESSAGES, MAX_SIGNATURES } from '../../../src/canvas/weight.js';
import { chain, Ctq, group, signature } from '../../../src/index.js';

const url = 'memory://canvas-limits';
const app = new Ctq('limits', { brokerUrl: url, resultBackend: url });
afterAll(() => app.close());

const some = (count: number): CanvasNode[] => Array.from({ length: count }, () => taskNode('a'));

/** A chain of so many groups of two, and a task at the end. */
const groups = (count: number): CanvasNode => chainNode([...Array.from({ length: count }, () => groupNode(some(2))), taskNode('z')]);

const size = (node: CanvasNode): number => JSON.stringify(plan(node).calls).length;

describe('a chain of groups', () => {
  it('grows by the same with every group', () => {
    const [ten, twenty, forty] = [10, 20, 40].map((count) => size(groups(count))) as [number, number, number];
    expect(forty - twenty).toBeLessThan(2.5 * (twenty - ten));
    expect(forty).toBeLessThan(100_000);
  });

  it('says where each part belongs when its turn comes, read from what was written', () => {
    const [first] = plan(groups(3)).calls;
    let body = nodeFromJson(first?.options.chord);
    for (let left = 2; left > 0; left--) {
      const { calls, chords } = plan(body, { args: [[1, 1]] });
      expect(calls.map(({ task }) => task)).toEqual(['a', 'a']);
      const [chord] = chords;
      expect(calls.map(({ options }) => options.groupId)).toEqual([chord?.groupId, chord?.groupId]);
      body = nodeFromJson(calls[1]?.options.chord);
    }
    expect(body).toMatchObject({ kind: 'task', task: 'z' });
  });

  it('that no reader could take is refused by whoever sends it', () => {
    const steps = Array.from({ length: 150 }, () => group([signature('a'), signature('b')]));
    expect(() => app.reviveSignature(chain([...steps, signature('z')]).toJSON()).delay()).toThrow('nested deeper than 200 levels');
  });
});

describe('a group', () => {
  it('of more messages than one worker can send together is refused, flat or nested', () => {
    const [half, one] = [groupNode(some(MAX_MESSAGES / 2)), groupNode(some(1))];
    expect(() => plan(groupNode(some(MAX_MESSAGES + 1)))).toThrow(`more than ${MAX_MESSAGES} messages in one call`);
    expect(() => plan(groupNode([half, half, one]))).toThrow(`more than ${MAX_MESSAGES} messages in one call`);
  });
});

describe('a chord', () => {
  it('of many parts with a body of many tasks is refused before anything is written', () => {
    const parts = 2_000;
    const wide = chordNode(some(parts), chordNode(some(MAX_SIGNATURES / parts), taskNode('z')));
    expect(() => plan(wide)).toThrow(`2000 messages with more than ${MAX_SIGNATURES} signatures in them`);
  });

  it('of ten thousand parts and a plain body is none of these', () => {
    expect(plan(chordNode(some(10_000), taskNode('z'))).calls).toHaveLength(10_000);
    expect(plan(chordNode(some(1_000), chordNode(some(1_000), taskNode('z')))).calls).toHaveLength(1_000);
  });
});
