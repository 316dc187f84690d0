/**
 * A canvas in a file, in Celery's form of signatures: the dict that `json.dumps(canvas)` writes in Python,
 * or just what it is made of: the list of tasks of a chain or group, header and body of a chord.
 */
import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { resolve } from 'node:path';
import { closestName } from '../config/closest-name.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { UsageError } from '../errors.js';
import { parseJson } from '../protocol/kombu-json.js';
import type { CommandCall } from './command.js';

export type CanvasKind = 'chain' | 'group' | 'chord';
export type CanvasDict = Readonly<Record<string, unknown>>;

const SIGNATURE_KEYS = ['task', 'args', 'kwargs', 'options', 'subtask_type', 'immutable'];
const SHAPES = {
  chain: 'a list of signatures, such as [{"task": "tasks.add", "args": [1, 2]}, {"task": "tasks.mul", "args": [3]}]',
  group: 'a list of signatures, such as [{"task": "tasks.add", "args": [1, 2]}, {"task": "tasks.add", "args": [3, 4]}]',
  chord: '{"header": [{"task": "tasks.add", "args": [1, 2]}], "body": {"task": "tasks.sum"}}',
} as const;

/** @throws UsageError that says what is wrong with it. */
export async function readCanvas(kind: CanvasKind, source: string, call: Pick<CommandCall, 'context' | 'workdir'>): Promise<CanvasDict> {
  const name = `--${kind} ${source === '-' ? 'standard input' : source}`;
  const raw = source === '-' ? await textOf(call.context.stdin) : readText(resolve(call.workdir, source), name);
  let value: unknown;
  try {
    value = parseJson(raw);
  } catch (error) {
    throw new UsageError(`${name} is no JSON: ${(error as Error).message}`, { hint: SHAPES[kind], cause: error });
  }
  return canvasOf(value, kind, name);
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : `the system says ${code}`;
    throw new UsageError(`${name}: cannot read ${path}`, { hint, cause: error });
  }
}

function canvasOf(value: unknown, kind: CanvasKind, name: string): CanvasDict {
  if (isPlainObject(value) && typeof value['task'] === 'string') return dictOf(value, kind, name);
  if (kind === 'chord') {
    if (!isPlainObject(value)) throw wrongShape(value, kind, name);
    for (const key of Object.keys(value)) if (key !== 'header' && key !== 'body') throw unknownKey(key, ['header', 'body'], name);
    const { header, body } = value;
    return canvas(kind, { header: signatures(header, `${name}: header`, kind), body: signature(body, `${name}: body`), kwargs: {} });
  }
  const tasks = signatures(value, name, kind);
  if (kind === 'chain' && tasks.length === 0) throw new UsageError(`${name} is empty`, { hint: SHAPES[kind] });
  return canvas(kind, { tasks });
}

function dictOf(dict: CanvasDict, kind: CanvasKind, name: string): CanvasDict {
  const found = dict['subtask_type'] ?? undefined;
  if (found === kind) return dict;
  if (found === 'chain' || found === 'group' || found === 'chord') {
    throw new UsageError(`${name} holds a ${found}`, { hint: `send it with --${found}` });
  }
  throw new UsageError(`${name} holds a single task`, { hint: SHAPES[kind] });
}

function canvas(kind: CanvasKind, kwargs: CanvasDict): CanvasDict {
  return { task: `celery.${kind}`, args: [], kwargs, options: {}, subtask_type: kind, immutable: false };
}

function signatures(value: unknown, name: string, kind: CanvasKind): readonly CanvasDict[] {
  if (!Array.isArray(value)) throw wrongShape(value, kind, name);
  return value.map((item, index) => signature(item, `${name}: number ${index + 1}`));
}

function signature(value: unknown, name: string): CanvasDict {
  if (typeof value === 'string' && value !== '') return { task: value };
  if (!isPlainObject(value) || typeof value['task'] !== 'string' || value['task'] === '') {
    throw new UsageError(`${name} is ${showValue(value)}`, { hint: 'write {"task": "tasks.add", "args": [1, 2]}, or the name of a task' });
  }
  for (const key of Object.keys(value)) if (!SIGNATURE_KEYS.includes(key)) throw unknownKey(key, SIGNATURE_KEYS, name);
  return value;
}

function wrongShape(value: unknown, kind: CanvasKind, name: string): UsageError {
  return new UsageError(`${name} is ${showValue(value)}`, { hint: `write ${SHAPES[kind]}` });
}

function unknownKey(key: string, known: readonly string[], name: string): UsageError {
  const lookalike = closestName(key, known);
  return new UsageError(`${name} has an unknown key ${JSON.stringify(key)}`, {
    hint: lookalike === undefined ? `there are ${known.join(', ')}` : `did you mean ${lookalike}?`,
  });
}
