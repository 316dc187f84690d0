/** What a setting can be: the vocabulary in which `settings.ts` is written and `validate.ts` checks. */

export type SettingKind =
  | 'boolean'
  | 'whole number'
  | 'number'
  | 'text'
  /** A password: never shown, not even in the error about itself. */
  | 'secret'
  /** One URL, or several to try in turn; kept as one text with `;` between. */
  | 'url'
  | 'time zone'
  | 'list'
  | 'object'
  /** Checked by whoever reads it: routes, queues, schedules. */
  | 'anything';

export interface Setting<Value> {
  readonly kind: SettingKind;
  readonly default: Value;
  /** null is a value of its own here ("none", "for ever", "as another setting"). */
  readonly nullable: boolean;
  readonly unit?: 'seconds' | 'milliseconds' | 'KiB';
  readonly minimum?: number;
  readonly choices?: readonly (string | number)[];
  /** Celery's upper-case name of the days before 4.0; null for names that are younger, or ours. */
  readonly old: string | null;
  /** Why nothing reads it; undefined for a setting that does something. */
  readonly unread?: Unread;
}

/** `needless`: what it is for is not needed here, or always so. `missing`: who sets it gets something else than in Celery, and is told. */
export interface Unread {
  readonly kind: 'needless' | 'missing';
  readonly why: string;
}

type Widen<Value> = Value extends null ? null : Value extends boolean ? boolean : Value extends number ? number : string;
/** A default of null leaves the type to the builder. */
type OrNull<Given, Type> = Given extends null ? Type | null : Type;

function define<Value>(
  kind: SettingKind,
  value: Value,
  old: string | null,
  more: Partial<Pick<Setting<Value>, 'unit' | 'minimum' | 'choices'>> = {},
): Setting<Value> {
  return { kind, default: value, nullable: value === null, old, ...more };
}

export const flag = <Given extends boolean | null>(value: Given, old: string | null = null): Setting<OrNull<Given, boolean>> =>
  define('boolean', value, old) as Setting<OrNull<Given, boolean>>;

export const whole = <Given extends number | null>(
  value: Given,
  old: string | null = null,
  more: { readonly minimum?: number; readonly unit?: 'milliseconds' | 'KiB' } = {},
): Setting<OrNull<Given, number>> => define('whole number', value, old, { minimum: 0, ...more }) as Setting<OrNull<Given, number>>;

export const seconds = <Given extends number | null>(value: Given, old: string | null = null): Setting<OrNull<Given, number>> =>
  define('number', value, old, { minimum: 0, unit: 'seconds' }) as Setting<OrNull<Given, number>>;

export const number = <Given extends number | null>(value: Given, old: string | null = null): Setting<OrNull<Given, number>> =>
  define('number', value, old, { minimum: 0 }) as Setting<OrNull<Given, number>>;

export const text = <Given extends string | null>(value: Given, old: string | null = null): Setting<OrNull<Given, string>> =>
  define('text', value, old) as Setting<OrNull<Given, string>>;

export const url = (old: string | null = null): Setting<string | null> => define<string | null>('url', null, old);
export const secret = (old: string | null = null): Setting<string | null> => define<string | null>('secret', null, old);
export const timeZone = (old: string | null = null): Setting<string | null> => define<string | null>('time zone', null, old);

export const choice = <const Choice extends string | number, Given extends Choice | null>(
  choices: readonly Choice[],
  value: Given,
  old: string | null = null,
): Setting<OrNull<Given, Choice>> => define('text', value, old, { choices }) as unknown as Setting<OrNull<Given, Choice>>;

export const list = <Given extends readonly string[] | null>(
  value: Given,
  old: string | null = null,
): Setting<OrNull<Given, readonly string[]>> => define('list', value, old) as Setting<OrNull<Given, readonly string[]>>;

export const object = (old: string | null = null): Setting<Readonly<Record<string, unknown>>> =>
  define<Readonly<Record<string, unknown>>>('object', {}, old);

export const anything = <Value>(value: Value, old: string | null = null): Setting<Value> => ({
  ...define('anything', value, old),
  nullable: true,
});

/** For settings whose default is a value and where null says something else. */
export const nullable = <Value>(setting: Setting<Value>): Setting<Widen<Value> | null> =>
  ({ ...setting, nullable: true }) as unknown as Setting<Widen<Value> | null>;

/** Accepted, for configurations are shared with Python, and without effect that anybody would miss. */
export const needless = <Given extends Setting<unknown>>(setting: Given, why: string): Given => ({
  ...setting,
  unread: { kind: 'needless', why },
});

/** Accepted and without effect: a worker says so at its start when somebody has set it. */
export const missing = <Given extends Setting<unknown>>(setting: Given, why: string): Given => ({
  ...setting,
  unread: { kind: 'missing', why },
});
