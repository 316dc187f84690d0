/** JavaScript errors ⇄ the three fields in which Celery stores an exception (WIRE 7.3). */
import { fileURLToPath } from 'node:url';
import { CtqError, type RemoteErrorInfo, TaskError } from '../errors.js';
import { stringifyJson } from './kombu-json.js';
import { pythonRepr } from './python-repr.js';

/** A stored exception, by its wire names. */
export interface EncodedException {
  readonly exc_type: string;
  readonly exc_message: readonly unknown[];
  readonly exc_module: string | null;
}

export function encodeException(info: Pick<RemoteErrorInfo, 'type' | 'args' | 'module'>): EncodedException {
  return { exc_type: info.type, exc_message: info.args.map(encodable), exc_module: info.module };
}

/** Arguments that JSON cannot hold become their repr, as in Celery. */
function encodable(arg: unknown): unknown {
  try {
    stringifyJson(arg);
    return arg ?? null;
  } catch {
    return pythonRepr(arg);
  }
}

/**
 * What a stored exception says. Only text and data come out: no class is looked up, whatever the
 * document names (CVE-2021-23727).
 */
export function decodeException(value: unknown, traceback: string | null): RemoteErrorInfo {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { type: 'Exception', args: value === null || value === undefined ? [] : [value], module: 'builtins', traceback };
  }
  const { exc_type: type, exc_message: message, exc_module: module } = value as Readonly<Record<string, unknown>>;
  return {
    type: typeof type === 'string' ? type : 'Exception',
    args: Array.isArray(message) ? message : message === undefined || message === null ? [] : [message],
    module: typeof module === 'string' ? module : null,
    traceback,
  };
}

/** `ValueError('boom')`, as log lines and events show it. */
export function exceptionRepr(info: Pick<RemoteErrorInfo, 'type' | 'args'>): string {
  return `${info.type.slice(info.type.lastIndexOf('.') + 1)}(${info.args.map(pythonRepr).join(', ')})`;
}

/** Anything that a task may throw, as Celery would have stored it. */
export function describeError(error: unknown): RemoteErrorInfo {
  if (error instanceof TaskError) return { ...error.remote, traceback: tracebackOf(error) };
  const described = classOf(error);
  return { ...described, traceback: tracebackOf(error) };
}

function classOf(error: unknown): Omit<RemoteErrorInfo, 'traceback'> {
  if (!(error instanceof Error)) return { type: 'Error', args: [error ?? String(error)], module: 'builtins' };
  const type = error.name;
  return { type, args: error.message === '' ? [] : [error.message], module: error instanceof CtqError ? 'ctq' : 'builtins' };
}

function tracebackOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.stack === undefined) return null;
  void fileURLToPath;
  return `${error.stack}\n`;
}
