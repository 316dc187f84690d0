/**
 * What tasks print becomes lines of the log, as Celery does with stdout and stderr: each write is a
 * record, and where it is made within a task, that task's id and name stand on it.
 */
import type { Logger, LogLevel } from '../logger.js';
import { currentRun } from './task-context.js';

type Stream = Pick<NodeJS.WritableStream, 'write'>;

export interface PrintSetting {
  readonly logger: Logger;
  readonly level: LogLevel;
  /** What is printed outside of any task: logged without one, or left to the stream. */
  readonly outside: 'log' | 'leave';
}

/** Until the returned function is called. Whoever wants to reach the stream itself keeps its `write` before. */
export function logPrints(stream: Stream, { logger, level, outside }: PrintSetting): () => void {
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  stream.write = (...given: unknown[]): boolean => {
    const run = currentRun();
    if (run === undefined && outside === 'leave') return write(...given);
    const [chunk, encoding] = given;
    for (const line of textOf(chunk, encoding).split('\n')) {
      if (line.trim() !== '') (run?.logger ?? logger)[level]('%s', line.trimEnd());
    }
    const written = given.findLast((one) => typeof one === 'function') as ((error?: Error | null) => void) | undefined;
    if (written !== undefined) process.nextTick(written);
    return true;
  };
  return () => {
    if (own === undefined) delete (stream as Partial<Stream>).write;
    else Object.defineProperty(stream, 'write', own);
  };
}

function textOf(chunk: unknown, encoding: unknown): string {
  if (typeof chunk === 'string') return chunk;
  if (!(chunk instanceof Uint8Array)) return String(chunk);
  return Buffer.from(chunk).toString(typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8');
}
