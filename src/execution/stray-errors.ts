/**
 * Errors that no task waits for any more: a promise that nobody awaited, a timer that was left behind.
 * They end a Node process unless somebody listens; a worker says whose they are, and stays. And code that ends
 * the process itself: it says by whom.
 */
import type { Logger } from '../logger.js';
import { describeError } from '../protocol/exception.js';
import { currentRun } from './task-context.js';

/**
 * Listens until the returned function is called.
 *
 * @param onUncaught - Told of exceptions that nobody caught: whatever they interrupted may be half done.
 */
export function catchStrayErrors(logger: Logger, onUncaught: () => void = () => {}): () => void {
  const rejected = (reason: unknown): void => {
    logger.error('Unhandled rejection%s:\n%s', owner(), text(reason));
  };
  const uncaught = (error: unknown): void => {
    logger.critical('Uncaught exception%s:\n%s', owner(), text(error));
    // Its task would wait for ever for what should have come from there.
    currentRun()?.fail?.(error);
    onUncaught();
  };
  /** Called from within the call that ends the process: in the context of the task that made it. */
  const exited = (code: number): void => {
    const run = currentRun();
    if (run !== undefined) logger.critical('This process was ended%s, with exit code %d', owner(), code);
  };
  process.on('unhandledRejection', rejected);
  process.on('uncaughtException', uncaught);
  process.on('exit', exited);
  return () => {
    process.off('exit', exited);
    process.off('unhandledRejection', rejected);
    process.off('uncaughtException', uncaught);
  };
}

/** Where the error was raised, by the async context it comes from. */
function owner(): string {
  const run = currentRun();
  if (run === undefined) return ' outside of any task';
  return ` ${run.hasEnded ? 'left behind by' : 'in'} task ${run.invocation.taskName}[${run.invocation.id}]`;
}

function text(thrown: unknown): string {
  const { traceback, type } = describeError(thrown);
  return traceback?.trimEnd() ?? type;
}
