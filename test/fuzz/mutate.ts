/** What a sender may do to a good message: values put into other places, bytes changed, parts cut and doubled. */
import type { Random } from './random.js';

/** Values that have hurt somebody once: of Celery, of kombu, of a JSON reader, of a date, of a terminal. */
export const NASTY_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, -0, [], {}, [[]], [null], '', ' ', '0', '-1', 'null', 'None'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'a'.repeat(5000),
    '\0',
    '\n',
    '\u001b[2J',
    '\u202e',
    '\ud800',
    '\u2028',
    'ü',
    '../../etc/passwd',
  ],
  ...[
    '2026-01-01T00:00:00+00:00',
    '9999-12-31T23:59:59.999999',
    '0001-01-01',
    '2026-02-30',
    '2026-01-01T00:00:00+99:99',
    'Infinity',
    'NaN',
  ],
  ...['*', '((a+)+)+$', '[', '\\', '%s%n', '${jndi}', 'celery.chord', 'celery.backend_cleanup', 'tasks.add', 'zlib', 'gzip', 'x-unknown'],
  ...['application/json', 'application/data', 'application/x-python-serialize', 'binary', 'base64', 'utf-16'],
  { __type__: 'datetime', __value__: 'x' },
  { __type__: 'uuid', __value__: { hex: 1 } },
  { __type__: 'decimal', __value__: 'NaN' },
  { __type__: 'constructor', __value__: [] },
  JSON.parse('{"__proto__": {"polluted": 1}}'),
  { task: 'tasks.add', args: [1, 2], kwargs: {}, options: {}, subtask_type: null, immutable: false },
  { task: 'celery.chain', args: [], kwargs: { tasks: [] }, subtask_type: 'chain' },
  { task: 'celery.group', args: [], kwargs: { tasks: [null] }, subtask_type: 'group' },
];

const NASTY_TEXTS: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    '\\',
    '\\u',
    '\\ud800',
    'null',
    'NaN',
    'Infinity',
    '1e999',
    '-',
    '0x',
    '00',
    '\0',
    '\u0001',
    '=',
    '&',
    '?',
  ],
  ...[
    '@',
    '#',
    '%',
    ';',
    '/',
    '//',
    '://',
    '..',
    '*',
    '-1',
    '99999999999999999999',
    ' ',
    '\t',
    '\r\n',
    '\u001b',
    '\ufeff',
    'é',
    '😀',
    '$',
    '{}',
    '[]',
  ],
];

/** Another value in the place of some of the value's parts. The value itself is not changed. */
export function mutateValue(value: unknown, random: Random, others: readonly unknown[]): unknown {
  let mutated = value;
  for (let times = 1 + random.below(3); times > 0; times -= 1) mutated = mutateOnce(mutated, random, others, 0);
  return mutated;
}

function mutateOnce(value: unknown, random: Random, others: readonly unknown[], depth: number): unknown {
  const isTree = typeof value === 'object' && value !== null;
  if (!isTree || depth > 12 || random.oneIn(depth === 0 ? 12 : 5)) return replacement(value, random, others);
  if (Array.isArray(value)) return mutateList(value, random, others, depth);
  const entries = Object.entries(value);
  if (entries.length === 0 || random.oneIn(8))
    return Object.fromEntries([...entries, [String(random.pick(NASTY_VALUES)), random.pick(others)]]);
  const at = random.below(entries.length);
  if (random.oneIn(6)) entries.splice(at, 1);
  else if (random.oneIn(8)) {
    const swap = random.below(entries.length);
    const [first, second] = [entries[at]?.[1], entries[swap]?.[1]];
    entries[at] = [entries[at]?.[0] ?? '', second];
    entries[swap] = [entries[swap]?.[0] ?? '', first];
  } else entries[at] = [entries[at]?.[0] ?? '', mutateOnce(entries[at]?.[1], random, others, depth + 1)];
  return Object.fromEntries(entries);
}

function mutateList(list: readonly unknown[], random: Random, others: readonly unknown[], depth: number): unknown {
  const copy = [...list];
  const at = random.below(copy.length + 1);
  if (copy.length === 0 || random.oneIn(5)) copy.splice(at, 0, random.pick(others));
  else if (random.oneIn(6)) copy.splice(at, 1);
  else if (random.oneIn(20)) return Array.from({ length: sizeOf(copy[0]) > 100_000 ? 30 : 300 }, () => copy[0]);
  else copy[at % copy.length] = mutateOnce(copy[at % copy.length], random, others, depth + 1);
  return copy;
}

/** A captured text of a megabyte three hundred times is no message that any broker takes, and more than the process has. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + sizeOf(item), 0) : 0;
}

function replacement(value: unknown, random: Random, others: readonly unknown[]): unknown {
  if (random.oneIn(40)) return nested(random, random.pick([3, 100, 250, 2000]));
  if (typeof value === 'string' && !random.oneIn(3)) return mutateText(value, random);
  if (typeof value === 'number' && !random.oneIn(3)) return random.pick([-value, value + 1, value * 1e9, value / 3, 0 - 1]);
  return random.oneIn(3) ? random.pick(others) : random.pick(NASTY_VALUES);
}

function nested(random: Random, levels: number): unknown {
  let value: unknown = 1;
  const asList = random.oneIn(2);
  for (let level = 0; level < levels; level += 1) value = asList ? [value] : { a: value };
  return value;
}

/** Characters changed, cut, doubled, put in. */
export function mutateText(text: string, random: Random): string {
  let mutated = text;
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const at = random.below(mutated.length + 1);
    const length = random.oneIn(3) ? random.below(mutated.length - at + 1) : 1;
    const middle = mutated.slice(at, at + length);
    const put = random.pick<() => string>([
      () => '',
      () => middle + middle,
      () => random.pick(NASTY_TEXTS) + middle,
      () => random.pick(NASTY_TEXTS),
      () => String.fromCharCode(random.below(random.oneIn(3) ? 0x1_00_00 : 128)),
      () => (random.oneIn(20) ? middle.repeat(Math.min(2000, Math.ceil(20_000 / (middle.length + 1)))) : middle),
    ])();
    mutated = (mutated.slice(0, at) + put + mutated.slice(at + length)).slice(0, 100_000);
  }
  return mutated;
}

export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const at = random.below(mutated.length + 1);
    if (random.oneIn(4)) mutated = mutated.subarray(0, at);
    else if (random.oneIn(3)) mutated = Buffer.concat([mutated.subarray(0, at), Buffer.from([random.below(256)]), mutated.subarray(at)]);
    else if (at < mutated.length) mutated[at] = random.oneIn(2) ? (mutated[at] ?? 0) ^ (1 << random.below(8)) : random.below(256);
  }
  return mutated;
}
