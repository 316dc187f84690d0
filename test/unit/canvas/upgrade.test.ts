import { describe, expect, it } from 'vitest';
import { type AnySignature, chain, chord, group, signature } from '../../../src/index.js';
import type { SignatureJson } from '../../../src/protocol/signature.js';

const s = (name: string): AnySignature => signature(name);
const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(s) as [AnySignature, AnySignature, AnySignature, AnySignature, AnySignature];

/** `a | [b c] → d`: steps with bars, groups in brackets, a chord with an arrow. */
function shape({ task, kwargs, subtask_type: kind }: SignatureJson): string {
  const list = (value: unknown): string[] => (value as SignatureJson[]).map(shape);
  switch (kind) {
    case 'chain':
      return list(kwargs['tasks'])
        .map((step) => (step.includes(' | ') ? `(${step})` : step))
        .join(' | ');
    case 'group':
      return `[${list(kwargs['tasks']).join(' ')}]`;
    case 'chord': {
      const { header, body } = kwargs as { readonly header: SignatureJson | SignatureJson[]; readonly body: SignatureJson };
      const tasks = Array.isArray(header) ? `[${list(header).join(' ')}]` : shape(header);
      return `${tasks} → ${body.subtask_type === null ? shape(body) : `(${shape(body)})`}`;
    }
    default:
      return task;
  }
}

const after = (...parts: readonly AnySignature[]): AnySignature => parts.reduce((before, next) => before.pipe(next));

describe('one after the other', () => {
  it.each<[string, AnySignature]>([
    ['a | b', after(a, b)],
    ['a | b | c', after(a, b, c)],
    ['a | b | c', after(chain([a, b]), c)],
    ['a | b | c', after(a, chain([b, c]))],
    ['a | b | c | d', after(chain([a, b]), chain([c, d]))],
    ['a | b | c | d', chain([chain([a, b]), chain([chain([c]), d])])],
    ['a | [b c]', after(a, group([b, c]))],
    // A group of one is the one, a chain of one the one.
    ['a | b', after(a, group([b]))],
    ['a', chain([a])],
    // What follows a group turns it into a chord.
    ['[a b] → c', after(group([a, b]), c)],
    ['[a b] → (c | d)', after(group([a, b]), c, d)],
    ['[a b] → (c | d)', after(group([a, b]), chain([c, d]))],
    ['a | [b c] → d', after(a, group([b, c]), d)],
    ['a | ([b c] → (d | e))', after(a, group([b, c]), d, e)],
    ['[a b] → ([c d])', after(group([a, b]), group([c, d]))],
    ['a | [b c] | [d e]', after(a, group([b, c]), group([d, e]))],
    // What follows a chord lengthens its body; a group after it stays a step.
    ['[a b] → (c | d)', after(chord([a, b], c), d)],
    ['[a b] → c | [d e]', after(chord([a, b], c), group([d, e]))],
    ['[a b] → c | d | e', after(chord([a, b], c), chain([d, e]))],
    ['a | ([b c] → (d | e))', after(a, chord([b, c], d), e)],
    ['a | [b] → c', after(a, chord([b], c))],
    // A group within a group stays one; the members of a header that is a group are the header.
    ['[[a b] c]', group([group([a, b]) as AnySignature, c])],
    ['[a b] → c', chord(group([a, b]), c)],
  ])('%s', (expected, canvas) => {
    expect(shape(canvas.toJSON())).toBe(expected);
  });

  it('changes none of its parts', () => {
    const parts = [group([a, b]), chain([c, d]), chord([a, b], c)] as AnySignature[];
    const before = JSON.stringify(parts);
    for (const one of parts) for (const other of parts) after(one, other, e);
    expect(JSON.stringify(parts)).toBe(before);
  });

  it('gives links of a chain that is taken apart to its steps', () => {
    const linked = chain([a, b]).link(c).linkError(d);
    const { tasks } = after(linked, e).toJSON().kwargs as { readonly tasks: readonly SignatureJson[] };
    const callbacks = tasks.map(({ options: { link, link_error } }) =>
      [link, link_error].map((list) => ((list ?? []) as SignatureJson[]).map(shape)),
    );
    expect(callbacks).toEqual([
      [[], ['d']],
      [['c'], ['d']],
      [[], []],
    ]);
  });
});
