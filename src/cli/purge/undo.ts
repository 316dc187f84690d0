/** `ctq purge --undo`: the messages of a copy go back to where they were. Each goes once, however often it is called. */
import { NotFoundError, UsageError } from '../../errors.js';
import type { Estate } from '../../estate/estate.js';
import { escapeText } from '../escape-text.js';
import { CopyReader } from './copy-file.js';

export interface UndoParts {
  readonly estate: Estate;
  readonly path: string;
  /** What was typed: the file, or the id of a purge that was killed before it had written anything. */
  readonly name: string;
  /** Also onto another broker than they were taken from. */
  readonly anyBroker: 'yes' | 'no';
  readonly onProgress: (done: number, of: number) => void;
  readonly signal: AbortSignal;
}

export interface Undone {
  /** How many went back, by queue. */
  readonly restored: ReadonlyMap<string, number>;
  /** How many had gone back before. */
  readonly before: number;
  /** How many are still only in the copy: it was interrupted. */
  readonly left: number;
}

/** In place of a queue: they may be of several. */
const ASIDE = '(set aside)';
const LARGEST_PAGE = 500;
const MOST_BYTES = 2_000_000;

export async function undoPurge(parts: UndoParts): Promise<Undone> {
  const named = (await parts.estate.messages.aside()).find(({ id }) => id === parts.name);
  if (named !== undefined) {
    const count = await parts.estate.messages.putBackAside(named.id);
    return { restored: new Map([[ASIDE, count]]), before: 0, left: 0 };
  }
  const copy = await CopyReader.open(parts.path);
  try {
    if (copy.broker !== parts.estate.displayUrl && parts.anyBroker === 'no') {
      throw new UsageError(
        `the messages of ${escapeText(parts.path)} were taken from ${escapeText(copy.broker)}, not from ${parts.estate.displayUrl}`,
        {
          hint: 'name that one with --broker, or put them here all the same with -f',
        },
      );
    }
    return await putBack(copy, parts);
  } finally {
    await copy.close();
  }
}

async function putBack(copy: CopyReader, parts: UndoParts): Promise<Undone> {
  const { estate, path, onProgress, signal } = parts;
  const { messages } = estate;
  if (messages.restores === 'behind all') return putBehind(copy, parts);
  // What a purge that was killed had in its hands comes first: it is not all in the copy, and some of it is.
  const aside = await messages.putBackAside(copy.purge);
  const mark = await messages.restoredFrom(copy.purge);
  let end = Math.min(copy.count, mark ?? copy.count);
  const before = copy.count - end;
  const restored = new Map<string, number>();
  if (aside > 0) restored.set(ASIDE, aside);
  if (end === 0 && aside === 0) {
    throw undoneAlready(path);
  }
  while (end > 0 && !signal.aborted) {
    let start = Math.max(0, end - LARGEST_PAGE);
    while (start < end - 1 && copy.bytes(start, end) > MOST_BYTES) start = Math.ceil((start + end) / 2);
    const page = await copy.read(path, start, end);
    if (!(await messages.restore(copy.purge, page))) {
      throw new UsageError(`somebody else brings ${escapeText(path)} back at this moment`, { hint: 'let one of the two finish' });
    }
    for (const { queue } of page) restored.set(queue, (restored.get(queue) ?? 0) + 1);
    end = start;
    onProgress(copy.count - before - end, copy.count - before);
  }
  return { restored, before, left: end };
}

/** To the end of their queues, in the order that they had. */
async function putBehind(copy: CopyReader, { estate, path, onProgress, signal }: UndoParts): Promise<Undone> {
  const restored = new Map<string, number>();
  let [before, start] = [0, 0];
  while (start < copy.count && !signal.aborted) {
    let end = Math.min(copy.count, start + LARGEST_PAGE);
    while (end > start + 1 && copy.bytes(start, end) > MOST_BYTES) end = Math.floor((start + end) / 2);
    const page = await copy.read(path, start, end);
    const came = await estate.messages.arrive(copy.purge, page);
    before += page.length - came;
    for (const { queue } of page.slice(page.length - came)) restored.set(queue, (restored.get(queue) ?? 0) + 1);
    start = end;
    onProgress(start - before, copy.count - before);
  }
  if (before === copy.count) throw undoneAlready(path);
  return { restored, before, left: copy.count - start };
}

function undoneAlready(path: string): NotFoundError {
  return new NotFoundError(`${escapeText(path)} was undone already: nothing of it is left to bring back`, {
    hint: 'ctq send --batch sends its tasks once more',
  });
}
