/** Ids as people type them for `ctq control revoke` and `terminate`: the beginning of one becomes the whole, and is never revoked as it is. */
import { NotFoundError, UsageError } from '../errors.js';
import type { Ctq } from '../ctq.js';
import { isRecord } from '../protocol/record.js';
import type { CommandCall } from './command.js';
import { escapeText } from './escape-text.js';
import { idsBeginning } from './find/locate.js';

const UUID = '00000000-0000-0000-0000-000000000000';
/** As `ctq failed` prints them on a narrow screen. Shorter words, and words that are no part of a UUID, are ids that somebody chose. */
const SHORTEST = 8;
const PATIENCE_MS = 30_000;
/** What runs in a worker is in no queue. */
const HELD_BY_WORKERS = ['active', 'reserved', 'scheduled'] as const;
const WORKERS_WAIT_S = 0.3;

type Call = Pick<CommandCall, 'globals' | 'context' | 'signal' | 'defer'>;

/** True for what can only be the beginning of an id that ctq or Celery made. */
export function isBeginningOfId(word: string): boolean {
  if (word.length < SHORTEST || word.length >= UUID.length) return false;
  return [...word].every((character, at) => (UUID[at] === '-' ? character === '-' : /[0-9a-f]/i.test(character)));
}

/**
 * Words → ids; which id a beginning stands for is said on stderr.
 *
 * @throws {@link NotFoundError} or {@link UsageError} for a beginning of no id that is known, or of several.
 */
export async function wholeIds(call: Call, app: Ctq, words: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const word of words) ids.push(isBeginningOfId(word) ? await wholeId(call, app, word) : word);
  return ids;
}

async function wholeId(call: Call, app: Ctq, typed: string): Promise<string> {
  const { context, globals, defer, signal } = call;
  const late = new AbortController();
  const timer = context.clock.setTimeout(() => late.abort(), PATIENCE_MS);
  defer(() => timer.cancel());
  const search = AbortSignal.any([signal, late.signal]);
  const [stored, held] = await Promise.all([
    // An estate that nobody can look into has workers all the same.
    app.estates().then(
      (estates) => idsBeginning(estates, typed, 2, { signal: search, onProgress: () => {} }),
      () => [],
    ),
    heldIds(app, typed, signal),
  ]);
  timer.cancel();
  const ids = [...new Set([...stored, ...held])];
  const [only = typed] = ids;
  // Somebody may have chosen an id that looks like the beginning of one.
  if (ids.includes(typed)) return typed;
  if (ids.length > 1) throw new UsageError(`several tasks have ids that begin with ${typed}`, { hint: `ctq find ${typed} lists them` });
  if (ids.length === 0) {
    throw new NotFoundError(`${typed} is no whole id, and nobody knows a task whose id begins so`, {
      hint: `of a task that is yet to come, give the id whole, or as --kwargs '{"task_id": "${typed}"}'`,
    });
  }
  if (globals.quiet !== true) context.stderr.write(`ctq: note: ${typed} is ${escapeText(only)}\n`);
  return only;
}

async function heldIds(app: Ctq, prefix: string, signal: AbortSignal): Promise<string[]> {
  const lists = await Promise.all(
    HELD_BY_WORKERS.map((method) => app.control.gather(method, {}, { timeout: WORKERS_WAIT_S, signal }).catch(() => [])),
  );
  return lists
    .flat()
    .flatMap(({ value }) => (Array.isArray(value) ? (value as readonly unknown[]) : []))
    .map((item) => (isRecord(item) && isRecord(item['request']) ? item['request'] : item))
    .map((request) => (isRecord(request) ? request['id'] : undefined))
    .filter((id): id is string => typeof id === 'string' && id.startsWith(prefix));
}
