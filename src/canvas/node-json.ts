/** Canvas nodes ⇄ Celery's signature dicts (WIRE 8.1). */
import { ProtocolError } from '../errors.js';
import { readOptions, type SignatureJson, writeOptions } from '../protocol/signature.js';
import type { CanvasNode, ChordNode, Kwargs, NodeOptions } from './node.js';

/** Deeper than anybody nests, and far from the end of the stack. */
const MAX_DEPTH = 100;

/**
 * Reads what Python or we wrote, down to the last nested signature; everything but `task` may be missing.
 *
 * @throws {@link ProtocolError} when it is no signature.
 */
export function nodeFromJson(value: unknown, depth = 0): CanvasNode {
  if (depth > MAX_DEPTH) throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `signatures nested more than ${MAX_DEPTH} deep`);
  if (!isObject(value) || typeof value['task'] !== 'string' || value['task'] === '') throw malformed('a signature names its task');
  const args = value['args'] ?? [];
  const kwargs = value['kwargs'] ?? {};
  const options = value['options'] ?? {};
  if (!Array.isArray(args)) throw malformed(`the args of ${value['task']} are no list`);
  if (!isObject(kwargs) || !isObject(options)) throw malformed(`kwargs and options of ${value['task']} are objects`);
  const common = { args, options: optionsFromJson(options, depth), immutable: value['immutable'] === true };
  switch (value['subtask_type']) {
    case 'chain':
    case 'group':
      return { kind: value['subtask_type'], tasks: listFromJson(kwargs['tasks'], depth), kwargs: {}, ...common };
    case 'chord':
      return { kind: 'chord', ...chordParts(kwargs, depth), ...common };
    default:
      return { kind: 'task', task: value['task'], kwargs, ...common };
  }
}

function listFromJson(value: unknown, depth: number): CanvasNode[] {
  if (!Array.isArray(value)) throw malformed('the tasks of a chain or group are a list');
  return value.map((task) => nodeFromJson(task, depth + 1));
}

function chordParts(kwargs: Kwargs, depth: number): Pick<ChordNode, 'header' | 'body' | 'kwargs'> {
  const { header, body, kwargs: own } = kwargs;
  return {
    header: isObject(header) ? headerFromJson(nodeFromJson(header, depth + 1)) : listFromJson(header ?? [], depth),
    body: isObject(body) ? nodeFromJson(body, depth + 1) : null,
    kwargs: isObject(own) ? own : {},
  };
}

function headerFromJson(node: CanvasNode): ChordNode['header'] {
  if (node.kind === 'group') return node;
  return node.kind === 'chain' ? node.tasks : [node];
}

function optionsFromJson(wire: Kwargs, depth: number): NodeOptions {
  const options = readOptions(wire) as NodeOptions;
  for (const name of ['link', 'linkError'] as const) {
    const value: unknown = options[name];
    if (value === null || value === undefined) delete options[name];
    else options[name] = (Array.isArray(value) ? value : [value]).map((link) => nodeFromJson(link, depth + 1));
  }
  const chord: unknown = options.chord;
  if (isObject(chord)) options.chord = nodeFromJson(chord, depth + 1);
  return options;
}

/** The dict of six keys, with everything nested in it as dicts. */
export function nodeToJson(node: CanvasNode): SignatureJson {
  const { args, immutable } = node;
  const options = optionsToJson(node.options);
  switch (node.kind) {
    case 'task':
      return { task: node.task, args, kwargs: node.kwargs, options, subtask_type: null, immutable };
    case 'chain':
    case 'group':
      return {
        task: `celery.${node.kind}`,
        args,
        kwargs: { tasks: node.tasks.map(nodeToJson) },
        options,
        subtask_type: node.kind,
        immutable,
      };
    case 'chord': {
      // A frozen header points to the body, each of its tasks to the whole of it. Whoever calls the chord sets that anew, so
      // where the body has chords of its own it is left out: Celery writes four times as much for every group in a chain.
      const bare = node.body !== null && holdsChord(node.body) ? pointingNowhere : (task: CanvasNode): CanvasNode => task;
      const header = Array.isArray(node.header) ? node.header.map((task) => nodeToJson(bare(task))) : nodeToJson(bare(node.header));
      const body = node.body === null ? null : nodeToJson(node.body);
      return { task: 'celery.chord', args, kwargs: { kwargs: node.kwargs, header, body }, options, subtask_type: 'chord', immutable };
    }
    default:
      return node satisfies never;
  }
}

export function optionsToJson(options: NodeOptions): Record<string, unknown> {
  const { link, linkError, chord } = options;
  return writeOptions({
    ...options,
    ...(link === undefined ? {} : { link: link.map(nodeToJson) }),
    ...(linkError === undefined ? {} : { linkError: linkError.map(nodeToJson) }),
    ...(chord === undefined || chord === null ? {} : { chord: nodeToJson(chord) }),
  });
}

function holdsChord(node: CanvasNode): boolean {
  const { chord } = node.options;
  if (node.kind === 'chord' || (chord !== undefined && chord !== null && holdsChord(chord))) return true;
  return node.kind !== 'task' && node.tasks.some(holdsChord);
}

/** The same without the body that it is a part of; of a chain the last step is the part, of a chord the body. */
function pointingNowhere(node: CanvasNode): CanvasNode {
  const { chord: _body, ...options } = node.options;
  switch (node.kind) {
    case 'task':
      return { ...node, options };
    case 'group':
      return { ...node, options, tasks: node.tasks.map(pointingNowhere) };
    case 'chain':
      return { ...node, options, tasks: [...node.tasks.slice(0, -1), ...node.tasks.slice(-1).map(pointingNowhere)] };
    case 'chord':
      return { ...node, options, body: node.body === null ? null : pointingNowhere(node.body) };
    default:
      return node satisfies never;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', `not a signature: ${what}`, { hint: '{"task": "tasks.add", "args": [1, 2]}' });
}
