/**
 * `ctq send --batch`: a task for each line of JSON. Lines are sent as they are read, a bounded number at
 * a time. A bad line is reported with its number and left out; the others are sent, and the exit code
 * says at the end that something was wrong.
 */
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { closestName } from '../config/closest-name.js';
import { camelCase } from '../config/setting-names.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import type { Ctq } from '../ctq.js';
import { BrokerError, ConfigError, CtqError, ProtocolError, UsageError } from '../errors.js';
import { parseJson } from '../protocol/kombu-json.js';
import { beforeDeadline, openClient } from './client.js';
import type { CommandCall } from './command.js';
import { escapeText } from './escape-text.js';
import { EXIT } from './exit-codes.js';
import { readLines } from './line-reader.js';
import { jsonText } from './output/json.js';
import { numberText } from './output/number.js';
import { startSpinner } from './output/spinner.js';
import { PagedLines } from './output/paged-lines.js';

/** Published and not yet confirmed, at most: enough to fill the pipe to the broker, little to remember. */
const WINDOW = 1000;

export interface BatchQuestion {
  readonly call: Omit<CommandCall, 'options'>;
  /** A file, or `-` for standard input. */
  readonly source: string;
  /** The task of lines that name none. */
  readonly task: string | undefined;
  /** Options of the command line, for every line. */
  readonly defaults: ApplyAsyncOptions;
}

interface Call {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly options: ApplyAsyncOptions;
}

interface Sent {
  readonly id: string;
  readonly task: string;
  readonly line: number;
  readonly published: Promise<void>;
}

/** Thrown by the reading of one line: what is wrong with it, and what to do. */
class BadLine extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

export async function sendBatch(question: BatchQuestion): Promise<number> {
  const { call, source, task, defaults } = question;
  const { context, globals, signal } = call;
  const name = source === '-' ? 'standard input' : source;
  const input = source === '-' ? context.stdin : openFile(source, call.workdir);
  const app = await openClient(call);
  const spinner = startSpinner(context, 'sending', { ...globals, elsewhere: 'lines' });
  call.defer(() => spinner.stop());
  const underWay: Sent[] = [];
  let sent = 0;
  let bad = 0;

  const ids = new PagedLines(context.stdout);

  const confirmOldest = async (): Promise<void> => {
    const oldest = underWay.shift();
    if (oldest === undefined) return;
    try {
      await beforeDeadline(oldest.published, call);
    } catch (error) {
      throw stoppedAt(error, oldest.line, sent, name);
    }
    sent += 1;
    if (sent % 100 === 0) spinner.say(`sent ${numberText(sent)}`);
    const { id, line } = oldest;
    await ids.write(globals.json === true ? `${jsonText({ id, task: oldest.task, line })}\n` : `${id}\n`);
  };

  try {
    for await (const { number, text } of readLines(input as AsyncIterable<Uint8Array>)) {
      if (signal.aborted) break;
      if (text?.trim() === '') continue;
      try {
        underWay.push(sendLine(app, readCall(text, task, defaults), number));
      } catch (error) {
        if (!(error instanceof BadLine || error instanceof ProtocolError || error instanceof ConfigError)) throw error;
        bad += 1;
        const hint = error.hint === undefined ? '' : ` (${escapeText(error.hint)})`;
        context.stderr.write(`ctq: ${escapeText(name)}:${number}: ${escapeText(error.message)}${hint}\n`);
      }
      if (underWay.length >= WINDOW) await confirmOldest();
    }
    while (underWay.length > 0) await confirmOldest();
  } finally {
    await ids.flush();
  }
  spinner.stop();
  if (globals.quiet !== true)
    context.stderr.write(
      `sent ${sent} ${sent === 1 ? 'task' : 'tasks'}${bad === 0 ? '' : `, left out ${bad} bad ${bad === 1 ? 'line' : 'lines'}`}\n`,
    );
  return bad === 0 ? EXIT.ok : EXIT.usage;
}

function openFile(source: string, workdir: string): NodeJS.ReadableStream {
  const path = resolve(workdir, source);
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`--batch: ${path} is a folder`, { hint: 'name a file in it' });
    return createReadStream(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--batch: cannot read ${path}`, {
      hint: code === 'ENOENT' ? 'there is no such file' : `the system says ${code}`,
      cause: error,
    });
  }
}

function sendLine(app: Ctq, { task, args, options }: Call, line: number): Sent {
  const handle = app.sendTask(task, args, options);
  // Heard when its turn comes; until then nobody else may call it unhandled.
  handle.published.catch(() => {});
  return { id: handle.id, task, line, published: handle.published };
}

function readCall(text: string | undefined, task: string | undefined, defaults: ApplyAsyncOptions): Call {
  if (text === undefined) throw new BadLine('the line is too long', 'at most 64 MiB');
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new BadLine(`no JSON: ${(error as Error).message}`, 'each line is one object, {"task": "tasks.add", "args": [3, 4]}');
  }
  if (!isPlainObject(value)) throw new BadLine(`${showValue(value)} is no object`, 'write {"task": "tasks.add", "args": [3, 4]}');
  for (const key of Object.keys(value)) if (!LINE_KEYS.includes(key)) throw unknownKey(key, LINE_KEYS, 'key');
  if (value['purged'] !== undefined && value['task'] === undefined) {
    throw new BadLine('no line can say all of this message', 'ctq purge --undo brings it back');
  }
  const { task: name = task, args = [], kwargs, options = {} } = value;
  if (typeof name !== 'string' || name === '')
    throw new BadLine('the task is missing', 'give "task", or one name for all lines: ctq send tasks.add --batch …');
  if (!Array.isArray(args)) throw new BadLine(`args is ${showValue(args)}`, 'it must be a list');
  if (kwargs !== undefined && !isPlainObject(kwargs)) throw new BadLine(`kwargs is ${showValue(kwargs)}`, 'it must be an object');
  if (!isPlainObject(options)) throw new BadLine(`options is ${showValue(options)}`, 'it must be an object');
  return { task: name, args, options: { ...defaults, ...readOptions(options), ...(kwargs === undefined ? {} : { kwargs }) } };
}

/** `purged` is what `ctq purge --undo` reads of its own files. */
const LINE_KEYS = ['task', 'args', 'kwargs', 'options', 'purged'];

type Shape = 'number' | 'text' | 'number or text' | 'true or false' | 'object' | 'anything';

/** What a line may say about its message, and in what form; the names of `ApplyAsyncOptions`. */
const LINE_OPTIONS: Readonly<Partial<Record<keyof ApplyAsyncOptions, Shape>>> = {
  ...{ taskId: 'text', countdown: 'number', eta: 'text', expires: 'number or text', priority: 'number', queue: 'text', exchange: 'text' },
  ...{ exchangeType: 'text', routingKey: 'text', serializer: 'text', compression: 'text', headers: 'object', link: 'anything' },
  ...{ linkError: 'anything', groupId: 'text', rootId: 'text', parentId: 'text', shadow: 'text', ignoreResult: 'true or false' },
  ...{ argsrepr: 'text', kwargsrepr: 'text', timeLimit: 'number', softTimeLimit: 'number', replyTo: 'text', retry: 'true or false' },
};

function readOptions(options: Readonly<Record<string, unknown>>): ApplyAsyncOptions {
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const key = camelCase(name);
    const shape = Object.hasOwn(LINE_OPTIONS, key) ? LINE_OPTIONS[key as keyof ApplyAsyncOptions] : undefined;
    if (shape === undefined) throw unknownKey(name, Object.keys(LINE_OPTIONS), 'option');
    if (!hasShape(value, shape))
      throw new BadLine(`${name} is ${showValue(value)}`, `it must be ${shape === 'true or false' ? shape : `a ${shape}`}`);
    read[key] = value;
  }
  return read;
}

function hasShape(value: unknown, shape: Shape): boolean {
  switch (shape) {
    case 'number':
      return typeof value === 'number' && value >= 0;
    case 'text':
      return typeof value === 'string' && value !== '';
    case 'number or text':
      return hasShape(value, 'number') || hasShape(value, 'text');
    case 'true or false':
      return typeof value === 'boolean';
    case 'object':
      return isPlainObject(value);
    case 'anything':
      return true;
    default: {
      const never: never = shape;
      return never;
    }
  }
}

function unknownKey(name: string, known: readonly string[], what: string): BadLine {
  if (what === 'key' && Object.hasOwn(LINE_OPTIONS, camelCase(name)))
    return new BadLine(`unknown key ${JSON.stringify(name)}`, `it is an option: "options": {${JSON.stringify(name)}: …}`);
  const lookalike = closestName(name, known);
  const hint = lookalike === undefined ? `there are ${known.join(', ')}` : `did you mean ${lookalike}?`;
  return new BadLine(`unknown ${what} ${JSON.stringify(name)}`, hint);
}

/** Where to go on when the broker went away in the middle. */
function stoppedAt(error: unknown, line: number, sent: number, name: string): unknown {
  if (!(error instanceof CtqError)) return error;
  const message = `${name}:${line}: ${error.message}`;
  const hint = `${sent} tasks were sent; go on from line ${line}${error.hint === undefined ? '' : `; ${error.hint}`}`;
  return error instanceof BrokerError ? new BrokerError(error.code, message, { hint, cause: error }) : error;
}
