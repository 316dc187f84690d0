/** What is mutated: all that the captures of two Celery versions hold, and fast-check's own inventions. */
import fc from 'fast-check';
import { decodeEnvelope } from '../../src/protocol/envelope.js';
import { captureText, CELERY_VERSIONS, capturedMessages, capturedResults, readCapture } from '../support/captures.js';
import { NASTY_VALUES, mutateText, mutateValue } from './mutate.js';
import type { Random } from './random.js';

const STRANGE_BODIES: readonly string[] = ['[[1, 2], {}, {}]', '{"args": [1], "kwargs": {}}', '[]', '{"task": "tasks.add", "id": "x"}'];

export const messageTexts: readonly string[] = CELERY_VERSIONS.flatMap((version) =>
  readCapture(`messages-${version}`).flatMap(capturedMessages),
);

export const resultTexts: readonly string[] = CELERY_VERSIONS.flatMap((version) =>
  [`results-${version}`, `results-extended-${version}`].flatMap((name) =>
    readCapture(name)
      .flatMap(capturedResults)
      .map(({ text }) => text),
  ),
);

/** Everything that was published on a channel: remote control, and events. */
export function publishedTexts(name: string): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown): void => {
    if (typeof value === 'string' && value.startsWith('{"body"')) found.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
  };
  for (const version of CELERY_VERSIONS) look(parseLoosely(captureText(`${name}-${version}.json`)));
  return found;
}

/** Fast-check's values do not cost their making twice. */
const INVENTED = 2000;
let invented: readonly unknown[] | undefined;

export function inventedValues(): readonly unknown[] {
  invented ??= fc.sample(fc.jsonValue({ maxDepth: 4 }), { numRuns: INVENTED, seed: 20_260 }).concat(NASTY_VALUES as fc.JsonValue[]);
  return invented;
}

interface Envelope {
  body?: unknown;
  headers?: unknown;
  [name: string]: unknown;
}

const parsed = new Map<string, Envelope>();

/** An envelope with something wrong: in its text, its fields, its headers, its properties, or in what its body says. */
export function mutateEnvelope(text: string, random: Random): string {
  let envelope = parsed.get(text);
  if (envelope === undefined) {
    envelope = JSON.parse(text) as Envelope;
    parsed.set(text, envelope);
  }
  const values = inventedValues();
  const kind = random.below(10);
  if (kind === 0) return mutateText(text, random);
  if (kind === 1) return safeJson(mutateValue(envelope, random, values));
  if (kind <= 4) return safeJson({ ...envelope, headers: mutateValue(envelope.headers, random, values) });
  if (kind === 5) return safeJson({ ...envelope, properties: mutateValue(envelope['properties'], random, values) });
  const body = bodyOf(text, random);
  const bytes = Buffer.from(kind === 6 ? mutateText(body, random) : safeJson(mutateValue(JSON.parse(body), random, values)));
  return safeJson({ ...envelope, body: bytes.toString('base64') });
}

const bodies = new Map<string, string>();

function bodyOf(text: string, random: Random): string {
  let body = bodies.get(text);
  if (body === undefined) {
    body = isJson(decodeEnvelope(text).body) ?? random.pick(STRANGE_BODIES);
    bodies.set(text, body);
  }
  return body;
}

function isJson(body: Uint8Array): string | undefined {
  const text = Buffer.from(body).toString('utf8');
  try {
    return JSON.stringify(parseLoosely(text));
  } catch {
    return undefined;
  }
}

/** Python writes NaN and Infinity, too. */
export function parseLoosely(text: string): unknown {
  return JSON.parse(text.replace(/(?<=[:[,]\s*)-?(?:NaN|Infinity)\b/g, '0.5'));
}

/** JSON.stringify ends with an overflow of the stack where ours does not get that deep. */
export function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return `${'['.repeat(3000)}${']'.repeat(3000)}`;
  }
}
