/**
 * Canvases as data, so that one table is spoken in two languages: {@link toPython} writes the expression
 * that a Celery user would, {@link toCtq} builds the same with our own library.
 */
import { type AnySignature, chain, chord, type Ctq, group, type SignatureOptions } from '../../src/index.js';

export type Canvas =
  | {
      readonly kind: 'task';
      readonly name: string;
      readonly args: readonly unknown[];
      readonly options?: Options;
      readonly immutable?: boolean;
    }
  | { readonly kind: 'chain' | 'group' | 'pipe'; readonly parts: readonly Canvas[] }
  | { readonly kind: 'chord'; readonly header: readonly Canvas[] | Canvas; readonly body: Canvas }
  | { readonly kind: 'map' | 'starmap' | 'chunks'; readonly name: string; readonly items: readonly unknown[]; readonly size?: number }
  | { readonly kind: 'linked'; readonly to: 'link' | 'linkError'; readonly canvas: Canvas; readonly callback: Canvas };

/** Seconds and names that both languages have. */
export interface Options {
  readonly countdown?: number;
  readonly priority?: number;
  readonly taskId?: string;
  readonly ignoreResult?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly link?: readonly Canvas[];
  readonly linkError?: readonly Canvas[];
}

export const task = (name: string, ...args: readonly unknown[]): Canvas => ({ kind: 'task', name, args });
export const immutable = (name: string, ...args: readonly unknown[]): Canvas => ({ kind: 'task', name, args, immutable: true });
export const withOptions = (canvas: Canvas, options: Options): Canvas => ({ ...(canvas as Extract<Canvas, { kind: 'task' }>), options });
export const inChain = (...parts: readonly Canvas[]): Canvas => ({ kind: 'chain', parts });
export const inGroup = (...parts: readonly Canvas[]): Canvas => ({ kind: 'group', parts });
export const piped = (...parts: readonly Canvas[]): Canvas => ({ kind: 'pipe', parts });
export const inChord = (header: readonly Canvas[] | Canvas, body: Canvas): Canvas => ({ kind: 'chord', header, body });
export const mapped = (name: string, items: readonly unknown[]): Canvas => ({ kind: 'map', name, items });
export const starmapped = (name: string, items: readonly unknown[]): Canvas => ({ kind: 'starmap', name, items });
export const inChunks = (name: string, items: readonly unknown[], size: number): Canvas => ({ kind: 'chunks', name, items, size });
export const linked = (canvas: Canvas, callback: Canvas): Canvas => ({ kind: 'linked', to: 'link', canvas, callback });
export const linkedError = (canvas: Canvas, callback: Canvas): Canvas => ({ kind: 'linked', to: 'linkError', canvas, callback });

/** A task of the module `tasks`; a canvas among the arguments is a signature. */
export function toPython(canvas: Canvas): string {
  switch (canvas.kind) {
    case 'task':
      return `${canvas.name}.${canvas.immutable === true ? 'si' : 's'}(${canvas.args.map(pythonValue).join(', ')})${pythonOptions(canvas.options)}`;
    case 'chain':
      return `chain(${pythonList(canvas.parts)})`;
    case 'group':
      return `group(${pythonList(canvas.parts)})`;
    case 'pipe':
      return `(${canvas.parts.map(toPython).join(' | ')})`;
    case 'chord':
      return `chord(${isList(canvas.header) ? pythonList(canvas.header) : toPython(canvas.header)}, ${toPython(canvas.body)})`;
    case 'map':
    case 'starmap':
      return `${canvas.name}.${canvas.kind}(${pythonValue(canvas.items)})`;
    case 'chunks':
      return `${canvas.name}.chunks(${pythonValue(canvas.items)}, ${canvas.size}).group()`;
    case 'linked':
      return `linked(${toPython(canvas.canvas)}, ${pythonValue(canvas.to)}, ${toPython(canvas.callback)})`;
    default:
      return canvas satisfies never;
  }
}

/** What the expressions of {@link toPython} need besides the tasks. */
export const PYTHON_PRELUDE = `
from celery import chain, chord, group

def linked(sig, to, callback):
    getattr(sig, "link" if to == "link" else "link_error")(callback)
    return sig
`;

export function toCtq(app: Ctq, canvas: Canvas): AnySignature {
  const each = (parts: readonly Canvas[]): AnySignature[] => parts.map((part) => toCtq(app, part));
  switch (canvas.kind) {
    case 'task': {
      const args = canvas.args.map((arg) => (isCanvas(arg) ? toCtq(app, arg) : arg));
      return app.signature(`tasks.${canvas.name}`, args, {
        ...ctqOptions(app, canvas.options),
        ...(canvas.immutable === true ? { immutable: true } : {}),
      });
    }
    case 'chain':
      return chain(each(canvas.parts));
    case 'group':
      return group(each(canvas.parts));
    case 'pipe':
      return each(canvas.parts).reduce((before, next) => before.pipe(next));
    case 'chord':
      return chord(isList(canvas.header) ? each(canvas.header) : (toCtq(app, canvas.header) as never), toCtq(app, canvas.body));
    case 'map':
    case 'starmap':
    case 'chunks': {
      const kwargs = {
        task: app.signature(`tasks.${canvas.name}`),
        it: canvas.items,
        ...(canvas.size === undefined ? {} : { n: canvas.size }),
      };
      return app.signature(`celery.${canvas.kind}`, [], { kwargs, immutable: true });
    }
    case 'linked':
      return toCtq(app, canvas.canvas)[canvas.to](toCtq(app, canvas.callback));
    default:
      return canvas satisfies never;
  }
}

function ctqOptions(app: Ctq, options: Options | undefined): SignatureOptions {
  const { link, linkError, ...plain } = options ?? {};
  return {
    ...plain,
    ...(link === undefined ? {} : { link: link.map((one) => toCtq(app, one)) }),
    ...(linkError === undefined ? {} : { linkError: linkError.map((one) => toCtq(app, one)) }),
  };
}

function pythonOptions(options: Options | undefined): string {
  if (options === undefined) return '';
  const written = Object.entries(options).map(([name, value]) => {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return `${snake}=${isList(value) ? pythonList(value as readonly Canvas[]) : pythonValue(value)}`;
  });
  return `.set(${written.join(', ')})`;
}

function pythonList(parts: readonly Canvas[]): string {
  return `[${parts.map(toPython).join(', ')}]`;
}

function pythonValue(value: unknown): string {
  if (isCanvas(value)) return toPython(value);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return isList(value) ? `[${value.map(pythonValue).join(', ')}]` : JSON.stringify(value);
}

function isCanvas(value: unknown): value is Canvas {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
