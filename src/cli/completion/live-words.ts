/**
 * `ctq __complete <queue|task|node|held|failed> <words of the line…> <word being typed>`: what a shell cannot know by itself. Somebody is typing,
 * so it answers in a moment or not at all, and never complains.
 */
import { resolve } from 'node:path';
import type { Ctq } from '../../ctq.js';
import { openClient } from '../client.js';
import { isRecord } from '../../protocol/record.js';
import { namesOf } from '../command-line.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { type GlobalOptions, globalOptions } from '../global-options.js';

/** From here on, not from the start of the process, which takes about as long. */
const PATIENCE_MS = 150;
const MOST_WORDS = 1_000;
/** A name that means more to a shell than its letters is not offered: it would be on the command line as it stands. */
const HARMLESS = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@:+/-]*$/u;

type Found = (word: string) => void;
type Search = (app: Ctq, onFound: Found) => Promise<void>;

export async function printLiveWords([kind = '', ...words]: readonly string[], context: CliContext): Promise<number> {
  const typed = words.at(-1) ?? '';
  const prefix = typed.slice(Math.max(typed.lastIndexOf(','), typed.lastIndexOf('=')) + 1);
  const found = new Set<string>();
  const looking = look(kind, words.slice(0, -1), context, (word) => {
    if (word.startsWith(prefix) && HARMLESS.test(word)) found.add(word);
  });
  // Whatever is wrong, the command itself will say when it is run.
  await Promise.race([looking.catch(() => {}), patience(context)]);
  const shown = [...found].sort().slice(0, MOST_WORDS);
  context.stdout.write(shown.map((word) => `${word}\n`).join(''));
  return EXIT.ok;
}

async function look(kind: string, words: readonly string[], context: CliContext, onFound: Found): Promise<void> {
  const search = Object.hasOwn(SEARCHES, kind) ? SEARCHES[kind] : undefined;
  if (search === undefined) return;
  const { broker, config: file, workdir: folder, resultBackend } = globalsIn(words);
  const workdir = resolve(context.cwd, folder ?? '');
  const config = await loadConfig({ file, workdir, env: context.env });
  const globals = { broker, resultBackend, connectTimeout: PATIENCE_MS / 1000 } as GlobalOptions;
  const app = await openClient({ globals, config, context, workdir, defer: () => {} });
  try {
    await app.assertThere();
    await search(app, onFound);
  } finally {
    // Its last words are not waited for: the process ends when the answer is there.
    app.close().catch(() => {});
  }
}

async function queues(app: Ctq, onFound: Found): Promise<void> {
  for (const { name } of app.router.queues.declared()) onFound(name);
  const [estate] = await app.estates();
  for (const name of (await estate?.queues.names()) ?? []) onFound(name);
}

/** Ids of what failed, newest first, and of what nobody would run. */
async function failedIds(app: Ctq, onFound: Found): Promise<void> {
  const { ofLetter } = await import('../../ctq/failed-task.js');
  for (const estate of await app.estates()) {
    if (!estate.parts.includes('broker')) continue;
    let left = MOST_WORDS;
    for await (const page of estate.deadLetters.list()) {
      for (const letter of page) onFound(ofLetter(letter, estate).handle);
      left -= page.length;
      if (left <= 0) return;
    }
  }
}

/** Each answer counts as it comes: one slow worker must not hide the others. */
async function ask(app: Ctq, method: string, onAnswer: (nodename: string, value: unknown) => void): Promise<void> {
  await app.control.gather(method, {}, { timeout: PATIENCE_MS / 1000, onReply: ({ nodename, value }) => onAnswer(nodename, value) });
}

const nodes: Search = (app, onFound) => ask(app, 'ping', onFound);

const tasks: Search = (app, onFound) =>
  ask(app, 'registered', (_node, value) => {
    // `tasks.add [rate_limit=10/s]`
    if (Array.isArray(value)) for (const task of value) onFound(String(task).split(' ', 1)[0] ?? '');
  });

/** Ids of what workers have: what runs, what is next, and what waits for its time. */
const heldIds: Search = async (app, onFound) => {
  const take = (_node: string, value: unknown): void => {
    for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
      const { request = item } = isRecord(item) ? item : {};
      if (isRecord(request) && typeof request['id'] === 'string') onFound(request['id']);
    }
  };
  await Promise.all(['active', 'reserved', 'scheduled'].map((method) => ask(app, method, take)));
};

/** By what the scripts call it. */
const SEARCHES: Readonly<Record<string, Search>> = { queue: queues, task: tasks, node: nodes, held: heldIds, failed: failedIds };

/** Wherever they stand in the line; half a line is no reason to give up. */
function globalsIn(words: readonly string[]): Partial<Record<keyof GlobalOptions, string>> {
  const values: Partial<Record<keyof GlobalOptions, string>> = {};
  for (const [key, option] of Object.entries(globalOptions)) {
    if (option.kind !== 'value') continue;
    for (const name of namesOf(option)) {
      const at = words.indexOf(name);
      const joined = words.find((word) => word.startsWith(`${name}=`));
      const value = at >= 0 ? words[at + 1] : joined?.slice(name.length + 1);
      if (value !== undefined) values[key as keyof GlobalOptions] = value.replaceAll(/["']/g, '');
    }
  }
  return values;
}

function patience({ clock }: CliContext): Promise<void> {
  return new Promise((done) => clock.setTimeout(done, PATIENCE_MS).unref());
}
