/**
 * Where code is at this moment, as V8's debugger tells it: stopping for a moment is the only question that a busy loop
 * answers. Speaks the inspector's protocol; who carries the messages to the code in question is the caller's affair.
 */
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import { entryPoint } from '../entry-points.js';

const ours = new URL('.', entryPoint('index')).href;

/** Nobody stops who waits for something. */
export const STACK_PATIENCE_MS = 500;
/** The innermost ones. */
const MOST_FRAMES = 12;

export interface InspectorMessage {
  readonly method?: string;
  readonly params?: unknown;
}

interface Paused {
  readonly callFrames: readonly {
    readonly functionName: string;
    readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
  }[];
}

interface ScriptParsed {
  readonly scriptId: string;
  readonly url: string;
  readonly sourceMapURL?: string;
}

/** Counted from 0. */
interface Place {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

export class CallStack {
  readonly #scripts = new Map<string, { readonly url: string; readonly mapUrl: string }>();

  /** In this order; the answers are told to {@link hear}. */
  static readonly questions = ['Debugger.enable', 'Debugger.pause'] as const;
  /** Also lets it go on. */
  static readonly end = 'Debugger.disable';

  /** The frames of the task's code, innermost first, once it has stopped; undefined before. */
  hear({ method, params }: InspectorMessage): readonly string[] | undefined {
    if (method === 'Debugger.scriptParsed') {
      const { scriptId, url, sourceMapURL: mapUrl = '' } = params as ScriptParsed;
      this.#scripts.set(scriptId, { url, mapUrl });
    }
    return method === 'Debugger.paused' ? this.#framesOf(params as Paused) : undefined;
  }

  #framesOf({ callFrames }: Paused): readonly string[] {
    const frames: string[] = [];
    for (const { functionName, location } of callFrames) {
      const { url, mapUrl } = this.#scripts.get(location.scriptId) ?? { url: '', mapUrl: '' };
      // Below the task's code lies what called it.
      if (url.startsWith(ours)) break;
      if (url.startsWith('node:')) continue;
      const { lineNumber: line, columnNumber: column = 0 } = location;
      const place = shown(sourceOf(mapUrl, line, column) ?? { url, line, column });
      frames.push(functionName === '' ? place : `${functionName} (${place})`);
    }
    return frames.length > MOST_FRAMES ? [...frames.slice(0, MOST_FRAMES), `… ${frames.length - MOST_FRAMES} more`] : frames;
  }
}

/** Where its author wrote what was compiled to this place. */
function sourceOf(mapUrl: string, line: number, column: number): Place | undefined {
  const data = /^data:application\/json[^,]*;base64,(.*)$/s.exec(mapUrl)?.[1];
  if (data === undefined) return undefined;
  try {
    const map = new SourceMap(JSON.parse(Buffer.from(data, 'base64').toString('utf8')) as SourceMapPayload);
    const entry = map.findEntry(line, column);
    return 'originalSource' in entry ? { url: entry.originalSource, line: entry.originalLine, column: entry.originalColumn } : undefined;
  } catch {
    return undefined;
  }
}

function shown({ url, line, column }: Place): string {
  let path = url;
  try {
    if (url.startsWith('file:')) path = fileURLToPath(url);
  } catch {
    // Then as it stands.
  }
  return `${path}:${line + 1}:${column + 1}`;
}
