/**
 * Python calls a task with positional and keyword arguments; JavaScript has positions only. A
 * {@link Binder} puts one call's `args` and `kwargs` in the order of the function's parameters and
 * refuses what Python would refuse, in Python's words, for those words end up in a caller's traceback.
 */
import { argumentNote, type Misfit } from './argument-note.js';
import { type Parameter, parametersOf } from './parameters.js';

type Kwargs = Readonly<Record<string, unknown>>;

/** Raised for a call that does not fit the function. Stored as Python's TypeError. */
export class ArgumentError extends TypeError {
  /** Stand below the message in a traceback, as Python's `__notes__`. */
  readonly notes: readonly string[];

  constructor(message: string, note?: string) {
    super(message);
    this.name = 'TypeError';
    this.notes = note === undefined ? [] : [note];
    // It is about the call, which came from elsewhere: where in this library it was noticed helps nobody.
    this.stack = `${this.name}: ${message}`;
  }
}

export interface BinderOptions {
  /** The name in error messages; default the function's own. */
  readonly name?: string;
  /** How many leading parameters are filled in by us: 1 for a bound task's context. */
  readonly skip?: number;
  /** `typing: false` lets every call through; what fits nowhere is dropped. */
  readonly strict?: boolean;
}

export class Binder {
  private readonly name: string;
  private readonly strict: boolean;
  /** Of the function as it is written, for whom a call does not fit. */
  private readonly all: readonly Parameter[] = [];
  private readonly bound: boolean;
  /** undefined: nothing is known about the function, so nothing is checked. */
  private readonly parameters: readonly Parameter[] | undefined;
  private readonly indexOf = new Map<string, number>();
  /** Position of `{ … }` as last parameter, which takes what no other parameter wanted; -1 without. */
  private readonly collector: number = -1;
  private readonly required: number = 0;
  /** Infinity with a rest parameter. */
  private readonly most: number = Number.POSITIVE_INFINITY;
  /** Between these two a call without keywords needs no work at all. */
  private readonly plainFrom: number = 0;

  // biome-ignore lint/complexity/noBannedTypes: any callable
  constructor(fn: Function, options: BinderOptions = {}) {
    this.name = options.name ?? (fn.name === '' ? '<lambda>' : fn.name);
    this.strict = options.strict ?? true;
    this.bound = (options.skip ?? 0) > 0;
    const all = parametersOf(fn);
    const parameters = all?.slice(options.skip ?? 0);
    this.parameters = parameters;
    if (all === undefined || parameters === undefined) return;
    this.all = all;
    const named = parameters.filter((parameter) => parameter.kind !== 'rest');
    for (const [index, parameter] of named.entries()) if (parameter.kind === 'plain') this.indexOf.set(parameter.name, index);
    if (named.at(-1)?.kind === 'object') this.collector = named.length - 1;
    this.required = named.filter(isRequired).length;
    if (named.length === parameters.length) this.most = named.length;
    this.plainFrom = this.collector >= 0 ? named.length : named.findLastIndex(isRequired) + 1;
  }

  /**
   * @returns The arguments in order; `args` itself when there is nothing to do.
   * @throws {@link ArgumentError} in Python's words when the call does not fit.
   */
  bind(args: readonly unknown[], kwargs: Kwargs): readonly unknown[] {
    const count = args.length;
    if (isEmpty(kwargs)) {
      if (this.parameters === undefined || (count >= this.plainFrom && count <= this.most)) return args;
    } else if (this.parameters === undefined) {
      return [...args, kwargs];
    }
    return this.arrange(this.parameters, args, kwargs);
  }

  private arrange(parameters: readonly Parameter[], args: readonly unknown[], kwargs: Kwargs): readonly unknown[] {
    if (this.strict && args.length > this.most) throw this.tooMany(args.length);
    const bound = args.length > this.most ? args.slice(0, this.most) : [...args];
    const given = new Set<number>(bound.keys());
    const collected: Record<string, unknown> | undefined = this.collector >= bound.length ? {} : undefined;
    for (const [key, value] of Object.entries(kwargs)) {
      const index = this.indexOf.get(key);
      if (index !== undefined) {
        if (this.strict && given.has(index)) throw new ArgumentError(`${this.name}() got multiple values for argument '${key}'`);
        if (given.has(index)) continue;
        bound[index] = value;
        given.add(index);
      } else if (collected !== undefined && this.collects(parameters, key)) {
        // defineProperty: a key named __proto__ must stay an ordinary key.
        Object.defineProperty(collected, key, { value, enumerable: true, writable: true, configurable: true });
      } else if (this.strict) {
        throw this.refusal(`got an unexpected keyword argument '${key}'`, 'unexpected keyword');
      }
    }
    if (collected !== undefined) {
      bound[this.collector] = collected;
      given.add(this.collector);
    }
    if (this.strict) this.refuseMissing(parameters, given);
    return Array.from(bound);
  }

  private collects(parameters: readonly Parameter[], key: string): boolean {
    const parameter = parameters[this.collector];
    return parameter?.kind === 'object' && (!this.strict || parameter.keys === undefined || parameter.keys.has(key));
  }

  private refuseMissing(parameters: readonly Parameter[], given: ReadonlySet<number>): void {
    const names: string[] = [];
    let missing: string | undefined;
    for (const [index, parameter] of parameters.entries()) {
      if (given.has(index) || !isRequired(parameter)) continue;
      if (parameter.kind === 'plain') missing = parameter.name;
      names.push(parameter.kind === 'plain' ? `'${parameter.name}'` : `#${index + 1}`);
    }
    if (names.length === 0) return;
    const noun = names.length === 1 ? 'argument' : 'arguments';
    throw this.refusal(`missing ${names.length} required positional ${noun}: ${enumerate(names)}`, 'missing', missing);
  }

  private refusal(message: string, misfit: Misfit, missing?: string): ArgumentError {
    const note = argumentNote({ misfit, parameters: this.all, bound: this.bound, ...(missing === undefined ? {} : { missing }) });
    return new ArgumentError(`${this.name}() ${message}`, note);
  }

  private tooMany(given: number): ArgumentError {
    const takes = this.required < this.most && this.collector < 0 ? `from ${this.required} to ${this.most}` : `${this.most}`;
    const noun = takes === '1' ? 'argument' : 'arguments';
    return this.refusal(`takes ${takes} positional ${noun} but ${given} ${given === 1 ? 'was' : 'were'} given`, 'too many');
  }
}

function isRequired(parameter: Parameter): boolean {
  return (parameter.kind === 'plain' || parameter.kind === 'list') && !parameter.optional;
}

function isEmpty(kwargs: Kwargs): boolean {
  for (const _key in kwargs) return false;
  return true;
}

/** Python's way: `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`. */
function enumerate(names: readonly string[]): string {
  if (names.length < 3) return names.join(' and ');
  return `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`;
}
