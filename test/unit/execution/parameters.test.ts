import { describe, expect, it } from 'vitest';
import { type Parameter, parametersOf } from '../../../src/execution/parameters.js';

/** `a`, `b?`, `{x,y}`, `{*}`, `[]`, `...` */
function shape(fn: (...args: never[]) => unknown): string | undefined {
  return parametersOf(fn)?.map(word).join(' ');
}

function word(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'plain':
      return parameter.optional ? `${parameter.name}?` : parameter.name;
    case 'object':
      return parameter.keys === undefined ? '{*}' : `{${[...parameter.keys].join()}}`;
    case 'list':
      return parameter.optional ? '[]?' : '[]';
    case 'rest':
      return '...';
  }
}

/** The source exactly as written: a transpiler would take the comments and spaces out before the reader sees them. */
function compiled(source: string): (...args: never[]) => unknown {
  return new Function(`return (${source})`)();
}

describe('parametersOf', () => {
  it.each([
    ['(x, y) => x', 'x y'],
    ['x => x', 'x'],
    ['async x => x', 'x'],
    ['async (x) => x', 'x'],
    ['$_x1 => 1', '$_x1'],
    ['() => 1', ''],
    ['function () {}', ''],
    ['function add(x, y) {}', 'x y'],
    ['async function add(x, y) {}', 'x y'],
    ['async function* add(x, y) {}', 'x y'],
    ['function add ( x , y , ) {}', 'x y'],
    ['(x, y = 1) => x', 'x y?'],
    ['(x, y = "a,b)") => x', 'x y?'],
    ["(x, y = 'it\\'s, ok') => x", 'x y?'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    ['(x, y = `a${[1, `}${2}`].join(",")},`, z) => x', 'x y? z'],
    ['(x, y = [1, 2, (3)], z) => x', 'x y? z'],
    ['(x, y = { a: 1, b: 2 }, z) => x', 'x y? z'],
    ['(x, y = () => { return "),("; }, z) => x', 'x y? z'],
    ['(x, y = /[,)/]\\/,/u, z) => x', 'x y? z'],
    ['(x, y = 8 / 2 / 2, z) => x', 'x y? z'],
    ['(x, y = x === 1, z) => x', 'x y? z'],
    ['(x, ...rest) => x', 'x ...'],
    ['(x, { a, b: c = 2, "d": e, f = 3 }) => x', 'x {a,b,d,f}'],
    ['(x, { a, ...others } = {}) => x', 'x {*}'],
    ['(x, { [x]: a }) => x', 'x {*}'],
    ['(x, { a: { b, c } , d = [1, 2] }) => x', 'x {a,d}'],
    ['([a, b], c) => a', '[] c'],
    ['([a, b] = [1, 2], c) => a', '[]? c'],
    ['(/* one, two */ x, // (three\n y /* = 4 */) => x', 'x y'],
    ['/* (a, b) */ (x) => x', 'x'],
    ['async /* hm */ x => x', 'x'],
    ['({ add(x, y) { return x; } }).add', 'x y'],
    ['({ async add(x) { return x; } }).add', 'x'],
    ["({ ['a(b, c'](x, y) { return x; } })['a(b, c']", 'x y'],
    ['class { static go(x, y) {} }.go', 'x y'],
    ['(größe, 名前) => 1', 'größe 名前'],
  ])('reads %s', (source, expected) => {
    expect(shape(compiled(source))).toBe(expected);
  });

  it('does not know the parameters of native and bound functions', () => {
    expect(parametersOf(Math.max)).toBeUndefined();
    expect(parametersOf(function add() {}.bind(null))).toBeUndefined();
  });
});
