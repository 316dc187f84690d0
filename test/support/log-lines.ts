/** A logger that keeps its lines as `LEVEL text`. */
import { format } from 'node:util';
import type { Logger, LogLevel } from '../../src/logger.js';

export class LogLines implements Logger {
  readonly lines: string[] = [];

  debug = (message: string, ...args: unknown[]): void => this.#keep('debug', message, args);
  info = (message: string, ...args: unknown[]): void => this.#keep('info', message, args);
  warning = (message: string, ...args: unknown[]): void => this.#keep('warning', message, args);
  error = (message: string, ...args: unknown[]): void => this.#keep('error', message, args);
  critical = (message: string, ...args: unknown[]): void => this.#keep('critical', message, args);
  isEnabled = (): boolean => true;
  child = (): Logger => this;

  /** The lines that match, in order. */
  find(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  #keep(level: LogLevel, message: string, args: readonly unknown[]): void {
    this.lines.push(`${level.toUpperCase()} ${format(message, ...args)}`);
  }
}
