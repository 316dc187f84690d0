import { describe, expect, it } from 'vitest';
import { type AnySignature, chain, chord, group, signature, type StampingVisitor } from '../../../src/index.js';
import type { SignatureJson } from '../../../src/protocol/signature.js';

const a = (): AnySignature => signature('a');
const b = (): AnySignature => signature('b');
const c = (): AnySignature => signature('c');

/** Each task of a canvas with its stamps, links among them. */
function stampsOf(json: SignatureJson): Record<string, unknown> {
  const { kwargs, options, task, subtask_type: kind } = json;
  const nested = [kwargs['tasks'], kwargs['header'], kwargs['body'], options['link'], options['link_error']].flat();
  const inner = nested.filter((one) => one !== null && one !== undefined).map((one) => stampsOf(one as SignatureJson));
  const names = (options['stamped_headers'] ?? []) as string[];
  const own = kind === null ? { [task]: Object.fromEntries(names.map((name) => [name, options[name]])) } : {};
  return Object.assign(own, ...inner) as Record<string, unknown>;
}

const stamped = (canvas: AnySignature, ...how: Parameters<AnySignature['stamp']>): Record<string, unknown> =>
  stampsOf(canvas.stamp(...how).toJSON());

const visitor = (more: Partial<StampingVisitor> = {}): StampingVisitor => ({ onSignature: ({ task }) => ({ own: task }), ...more });

describe('stamp()', () => {
  it('puts a value on every task of a chain or group, and on links', () => {
    const linked = a().link(b()).linkError(c());
    expect(stamped(linked, { who: 'me' })).toEqual({ a: { who: 'me' }, b: { who: 'me' }, c: { who: 'me' } });
    expect(stamped(chain([a(), b()]), { who: 'me' })).toEqual({ a: { who: 'me' }, b: { who: 'me' } });
    expect(stamped(group([a(), chain([b(), c()])]), { who: 1 })).toEqual({ a: { who: 1 }, b: { who: 1 }, c: { who: 1 } });
  });

  it('leaves the body of a chord alone, as Celery does', () => {
    expect(stamped(chord([a(), b()], c()), { who: 'me' })).toEqual({ a: { who: 'me' }, b: { who: 'me' }, c: {} });
  });

  it('keeps the first value of a stamp, joins lists, and appends when asked', () => {
    const twice = (first: unknown, second: unknown, append = false): unknown =>
      stampsOf(a().stamp({ who: first }).stamp({ who: second }, { append }).toJSON())['a'];
    expect(twice('x', 'y')).toEqual({ who: 'y' });
    expect(twice(['x'], ['y'])).toEqual({ who: ['y', 'x'] });
    expect(twice('x', 'y', true)).toEqual({ who: ['y', 'x'] });
  });
});

describe('a stamping visitor', () => {
  it('says what each task gets', () => {
    expect(stamped(chain([a(), b()]), visitor())).toEqual({ a: { own: 'a' }, b: { own: 'b' } });
    expect(stamped(chord([a(), b()], c()), visitor())).toEqual({ a: { own: 'a' }, b: { own: 'b' }, c: { own: 'c' } });
  });

  it('says what everything in a chain, group or header gets', () => {
    const seen: string[] = [];
    const all = visitor({
      onChainStart: ({ task }) => ({ chain: task }),
      onChainEnd: () => void seen.push('chain end'),
      onGroupStart: ({ task }) => ({ group: task }),
      onGroupEnd: () => void seen.push('group end'),
    });
    expect(stamped(chain([a(), group([b(), c()])]), all)).toEqual({
      a: { chain: 'celery.chain', own: 'a' },
      b: { chain: 'celery.chain', group: 'celery.group', own: 'b' },
      c: { chain: 'celery.chain', group: 'celery.group', own: 'c' },
    });
    expect(seen).toEqual(['group end', 'chain end']);
    expect(stamped(chord([a()], b()), all)).toEqual({ a: { group: 'celery.chord', own: 'a' }, b: { group: 'celery.chord', own: 'b' } });
  });

  it('may tell headers from groups, and bodies and callbacks from tasks', () => {
    const seen: string[] = [];
    const all = visitor({
      onGroupStart: () => ({ group: true }),
      onChordHeaderStart: () => ({ header: true }),
      onChordHeaderEnd: () => void seen.push('header end'),
      onChordBody: () => ({ body: true }),
      onCallback: ({ task }) => ({ callback: task }),
      onErrback: ({ task }) => ({ errback: task }),
    });
    expect(stamped(chord([a().link(signature('d')).linkError(signature('e'))], b()), all)).toEqual({
      a: { header: true, own: 'a' },
      b: { header: true, body: true, own: 'b' },
      d: { header: true, callback: 'd', own: 'd' },
      e: { header: true, errback: 'e', own: 'e' },
    });
    expect(seen).toEqual(['header end']);
  });
});
