/**
 * Talk, injected everywhere. The text format is Celery's (WIRE 16.1); where lines go is decided by
 * the front door (`cli/`), never here.
 */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;

/** From the most talkative to the most silent. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What `task.logger` is, and what an app can be given in its place. */
export interface Logger {
  /** printf-style: `%s %d %j %o`, formatted only when the level is on. */
  debug(message: string, ...args: unknown[]): void;
  info(message: string, ...args: unknown[]): void;
  warning(message: string, ...args: unknown[]): void;
  error(message: string, ...args: unknown[]): void;
  critical(message: string, ...args: unknown[]): void;
  /** For callers that would compute something only to log it. */
  isEnabled(level: LogLevel): boolean;
  /**
   * The same sink with more to say on each line (`task_id`, `task_name`). `process_name` stands in the place of
   * the logger's own: for lines that a child process wrote.
   */
  child(fields: Readonly<Record<string, string>>): Logger;
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  critical() {},
  isEnabled: () => false,
  child: () => silentLogger,
};
