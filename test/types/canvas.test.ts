/** What the compiler must accept and refuse of signatures and canvases. */
import { afterAll, describe, expectTypeOf, it } from 'vitest';
import {
  type AsyncResult,
  chain,
  chord,
  Ctq,
  type Group,
  group,
  type GroupResult,
  type SentGroup,
  type SentTask,
  type Signature,
  signature,
} from '../../src/index.js';

// Some of these calls are really made; nobody takes what they send.
const app = new Ctq('types', { brokerUrl: 'memory://types', resultBackend: 'memory://types' });
afterAll(() => app.close());
const add = app.task('canvas.add', (x: number, y: number) => x + y);
const shout = app.task('canvas.shout', async (text: string) => text.toUpperCase());
const size = app.task('canvas.size', (text: string, factor: number = 1) => text.length * factor);
const total = app.task('canvas.total', (numbers: readonly number[]) => numbers.length);
const now = app.task('canvas.now', () => 'now');
const many = app.task('canvas.many', (...numbers: number[]) => numbers);

/** The type of what a call would give, without the call. */
const typeOf = <Value>(_call: () => Value): Value => undefined as Value;

describe('types of signatures', () => {
  it('know what is still missing', () => {
    expectTypeOf(add.s(1, 2)).toEqualTypeOf<Signature<[], number>>();
    expectTypeOf(add.s(2)).toEqualTypeOf<Signature<[number], number>>();
    expectTypeOf(add.s()).toEqualTypeOf<Signature<[x: number, y: number], number>>();
    expectTypeOf(size.s(2)).toEqualTypeOf<Signature<[string], number>>();
    expectTypeOf(shout.s()).toEqualTypeOf<Signature<[text: string], string>>();
    expectTypeOf(add.s(2).delay).parameters.toEqualTypeOf<[number]>();
    expectTypeOf(add.s(2).delay(1)).toEqualTypeOf<SentTask<number>>();
  });

  it('refuse arguments of the wrong kind', () => {
    const neverCalled = (): void => {
      // @ts-expect-error a string is no number
      add.s('1');
      // @ts-expect-error there are only two
      add.s(1, 2, 3);
      // @ts-expect-error the first argument is missing
      add.s(2).delay();
      // @ts-expect-error immutable signatures are complete
      add.si(1);
      // @ts-expect-error the items are the arguments of the task
      add.starmap([['1', 2]]);
    };
    expectTypeOf(neverCalled).toBeFunction();
    many.s(1, 2, 3);
  });
});

describe('types of chains', () => {
  it('end with the result of the last step', () => {
    const steps = chain(shout.s('x'), size.s(), add.s(1));
    expectTypeOf(steps.delay()).toEqualTypeOf<SentTask<number>>();
    expectTypeOf(typeOf(() => steps.delay().get())).toEqualTypeOf<Promise<number>>();
    expectTypeOf<Awaited<ReturnType<typeof steps.delay>>>().toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(shout.s('x').pipe(size.s()).pipe(add.s(1)).delay()).toEqualTypeOf<SentTask<number>>();
  });

  it('take what their first step misses', () => {
    expectTypeOf(chain(add.s(1), add.s(2)).delay).parameters.toEqualTypeOf<[number]>();
  });

  it('accept steps that ignore what came before, steps that take anything, and steps only known by name', () => {
    chain(shout.s('x'), add.si(1, 2), add.s(3));
    chain(shout.s('x'), signature('other.task'), add.s(3));
    chain([shout.s('x'), add.s(1)]);
  });

  it('refuse steps that do not fit together', () => {
    const neverCalled = (): void => {
      // @ts-expect-error a string is no number
      chain(shout.s('x'), add.s(1));
      // @ts-expect-error nothing is missing any more
      chain(add.s(1, 2), add.s(1, 2));
      // @ts-expect-error it takes nothing; now.si() says that it shall get nothing
      chain(add.s(1, 2), now.s());
      // @ts-expect-error the third does not take the second one's result
      chain(shout.s('x'), size.s(), shout.s());
      // @ts-expect-error a string is no number
      shout.s('x').pipe(add.s(1));
    };
    expectTypeOf(neverCalled).toBeFunction();
  });
});

describe('types of groups and chords', () => {
  it('give the list of results', () => {
    const both = group([add.s(1, 2), shout.s('x')]);
    expectTypeOf(both).toEqualTypeOf<Group<[], [number, string]>>();
    expectTypeOf(both.delay()).toEqualTypeOf<SentGroup<[number, string]>>();
    expectTypeOf(typeOf(() => both.delay().get())).toEqualTypeOf<Promise<[number, string]>>();
    expectTypeOf<Awaited<ReturnType<typeof both.delay>>>().toEqualTypeOf<GroupResult<[number, string]>>();
    expectTypeOf(
      typeOf(() =>
        group([1, 2].map((n) => add.s(n, n)))
          .delay()
          .get(),
      ),
    ).resolves.toEqualTypeOf<number[]>();
  });

  it('hand that list to what follows', () => {
    expectTypeOf(chord([add.s(1, 1), add.s(2, 2)], total.s()).delay()).toEqualTypeOf<SentTask<number>>();
    expectTypeOf(chain(add.s(1, 1), group([add.s(2), add.s(3)]), total.s()).delay()).toEqualTypeOf<SentTask<number>>();
    expectTypeOf(chain(add.s(1, 1), group([add.s(2), add.s(3)])).delay()).toEqualTypeOf<SentGroup<[number, number]>>();
    expectTypeOf(
      chord(
        [1, 2].map((n) => add.s(n, n)),
        total.s(),
      ).delay(),
    ).toEqualTypeOf<SentTask<number>>();
  });

  it('refuse a body that takes something else, and members that cannot take what came before', () => {
    const neverCalled = (): void => {
      // @ts-expect-error the results are strings
      chord([shout.s('x'), shout.s('y')], total.s());
      // @ts-expect-error a body takes the list, not one of them
      chord([add.s(1, 1)], add.s(1));
      // @ts-expect-error shout takes a string
      chain(add.s(1, 1), group([add.s(2), shout.s()]));
    };
    expectTypeOf(neverCalled).toBeFunction();
  });

  it('know the results of map, starmap and chunks', () => {
    expectTypeOf(typeOf(() => shout.map(['a', 'b']).delay().get())).resolves.toEqualTypeOf<string[]>();
    expectTypeOf(
      typeOf(() =>
        add
          .starmap([[1, 2]])
          .delay()
          .get(),
      ),
    ).resolves.toEqualTypeOf<number[]>();
    expectTypeOf(add.chunks([[1, 2]], 10).delay()).toEqualTypeOf<SentGroup<number[][]>>();
  });
});
